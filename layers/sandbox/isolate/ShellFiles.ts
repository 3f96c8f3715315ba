import { Buffer } from "node:buffer"
import type {
  BufferEncoding,
  CpOptions,
  FileContent,
  FsStat,
  IFileSystem,
  MkdirOptions,
  RmOptions
} from "just-bash/browser"
import { dirname, resolve } from "../Paths.ts"
import type { Files } from "./Files.ts"
import { type FolderNode, makeFile, type Node, walk } from "./Nodes.ts"

type Encoding = BufferEncoding | { readonly encoding?: BufferEncoding | null }

/** `Files` as just-bash wants them. */
export class ShellFiles implements IFileSystem {
  private readonly files: Files

  constructor(files: Files) {
    this.files = files
  }

  async readFile(path: string, encoding?: Encoding): Promise<string> {
    return Buffer.from(await this.readFileBuffer(path)).toString(nameOf(encoding))
  }

  async readFileBuffer(path: string): Promise<Uint8Array> {
    await this.files.load(path)
    return this.files.readFile(path)
  }

  async writeFile(path: string, content: FileContent, encoding?: Encoding): Promise<void> {
    this.makeRoom(path)
    this.files.writeFile(path, bytes(content, encoding))
  }

  async appendFile(path: string, content: FileContent, encoding?: Encoding): Promise<void> {
    this.makeRoom(path)
    await this.files.load(path)
    this.files.appendFile(path, bytes(content, encoding))
  }

  async exists(path: string): Promise<boolean> {
    return this.files.exists(path)
  }

  async stat(path: string): Promise<FsStat> {
    return statOf(this.files.stat(path))
  }

  async lstat(path: string): Promise<FsStat> {
    return statOf(this.files.stat(path, false))
  }

  async mkdir(path: string, options?: MkdirOptions): Promise<void> {
    this.files.mkdir(path, options)
  }

  async readdir(path: string): Promise<Array<string>> {
    return this.files.readdir(path).map(([name]) => name)
  }

  async readdirWithFileTypes(path: string) {
    return this.files.readdir(path).map(([name, { kind }]) => ({
      name,
      isFile: kind === "file",
      isDirectory: kind === "directory",
      isSymbolicLink: kind === "symlink"
    }))
  }

  async rm(path: string, options?: RmOptions): Promise<void> {
    this.files.remove(path, options)
  }

  async cp(from: string, to: string, options?: CpOptions): Promise<void> {
    await this.files.load(from)
    this.files.copy(from, to, options)
  }

  async mv(from: string, to: string): Promise<void> {
    this.files.rename(from, to)
  }

  resolvePath(base: string, path: string): string {
    return resolve(base, path)
  }

  getAllPaths(): Array<string> {
    return Array.from(walk(this.files.root, "/"), ([path]) => path)
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.files.chmod(path, mode)
  }

  async symlink(target: string, path: string): Promise<void> {
    this.files.symlink(target, path)
  }

  async link(existing: string, path: string): Promise<void> {
    this.files.link(existing, path)
  }

  async readlink(path: string): Promise<string> {
    return this.files.readlink(path)
  }

  async realpath(path: string): Promise<string> {
    return this.files.realpath(path)
  }

  async utimes(path: string, _accessed: Date, modified: Date): Promise<void> {
    this.files.utimes(path, modified.getTime())
  }

  /** just-bash counts on this: where a redirection fails, it gives up the whole script. */
  private makeRoom(path: string): void {
    if (!this.files.exists(dirname(path))) this.files.mkdir(dirname(path), { recursive: true })
  }

  // just-bash lays out `/bin`, `/dev` and `/proc` through these two, where a file system has them.

  mkdirSync(path: string): void {
    this.files.mkdir(path, { recursive: true })
  }

  writeFileSync(path: string, content: FileContent): void {
    // Not through `writeFile`: the shell's own files do not count against the limits.
    const folder = this.files.stat(dirname(path)) as FolderNode
    folder.children.set(path.slice(dirname(path).length + 1), { ...makeFile(0o755), content: bytes(content) })
  }
}

const nameOf = (encoding: Encoding | undefined): BufferEncoding =>
  (typeof encoding === "string" ? encoding : encoding?.encoding) ?? "utf8"

const bytes = (content: FileContent, encoding?: Encoding): Uint8Array =>
  typeof content === "string" ? Buffer.from(content, nameOf(encoding)) : content

const statOf = (node: Node): FsStat => ({
  isFile: node.kind === "file",
  isDirectory: node.kind === "directory",
  isSymbolicLink: node.kind === "symlink",
  mode: node.mode,
  size: node.kind === "file" ? node.size : node.kind === "symlink" ? node.target.length : 0,
  mtime: new Date(node.modifiedAt),
  dev: 1,
  ino: node.id
})
