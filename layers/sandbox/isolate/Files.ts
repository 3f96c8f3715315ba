import { dirname, resolve } from "../Paths.ts"
import { FileError } from "./FileError.ts"
import {
  type FileNode,
  type FolderNode,
  locate,
  makeFile,
  makeFolder,
  makeSymlink,
  type Node,
  type Place
} from "./Nodes.ts"
import type { FileLimits, Store } from "./Protocol.ts"

/** Buffers with room to grow, and the newest content in each. */
const growing = new WeakMap<ArrayBufferLike, Uint8Array>()

/**
 * A file system in memory, for the shell and for `node:fs`. Contents of mounted files (see Mount) are fetched when they are first
 * needed; nothing else waits.
 */
export class Files {
  readonly root = makeFolder(0o755)
  /** Bytes of all files. */
  used = 0
  /** Where mounted files are read. */
  store: Pick<Store, "read"> | undefined

  limits: FileLimits

  constructor(limits: FileLimits) {
    this.limits = limits
  }

  /** Fetches a file's content, which `readFile`, `appendFile` and `copy` need. */
  async load(path: string): Promise<void> {
    const node = this.at(path, "open")?.node
    if (node?.kind === "file") await this.content(node)
    if (node?.kind === "directory") for (const name of node.children.keys()) await this.load(`${path}/${name}`)
  }

  async content(node: FileNode): Promise<Uint8Array> {
    if (node.content !== undefined) return node.content
    const content = await this.store?.read(node.source)
    if (content === undefined || content === null) throw new FileError("ENOENT", "read", node.source)
    // It may have been written anew since it was opened.
    this.used += content.length - node.size
    node.size = content.length
    return (node.content = content)
  }

  stat(path: string, follow = true): Node {
    const syscall = follow ? "stat" : "lstat"
    const node = this.at(path, syscall, follow)?.node
    if (node === undefined) throw new FileError("ENOENT", syscall, path)
    return node
  }

  exists(path: string): boolean {
    try {
      return this.at(path, "access")?.node !== undefined
    } catch {
      return false
    }
  }

  readFile(path: string): Uint8Array {
    const node = this.at(path, "open")?.node
    if (node === undefined) throw new FileError("ENOENT", "open", path)
    if (node.kind !== "file") throw new FileError("EISDIR", "read", path)
    if (node.content === undefined) throw new FileError("EAGAIN", "read", path)
    return node.content
  }

  /** Keeps `content` itself, not a copy. */
  writeFile(path: string, content: Uint8Array, mode?: number): void {
    const node = this.open(path, mode)
    this.resize(node, content.length, path)
    node.content = content
  }

  appendFile(path: string, content: Uint8Array, mode?: number): void {
    const node = this.open(path, mode)
    const old = node.content
    if (old === undefined) throw new FileError("EAGAIN", "write", path)
    const size = old.length + content.length
    this.resize(node, size, path)
    // Room to grow makes a loop of appends linear. Older views of the buffer end before what is added.
    const fits = growing.get(old.buffer) === old && old.buffer.byteLength >= size
    const buffer = fits ? old.buffer : new ArrayBuffer(size * 2)
    const next = new Uint8Array(buffer, 0, size)
    if (!fits) next.set(old)
    next.set(content, old.length)
    growing.set(buffer, next)
    node.content = next
  }

  mkdir(path: string, options: { readonly recursive?: boolean; readonly mode?: number } = {}): void {
    const place = this.at(path, "mkdir")
    if (place === undefined) {
      if (options.recursive !== true) throw new FileError("ENOENT", "mkdir", path)
      this.mkdir(dirname(resolve("/", path)), options)
      return this.mkdir(path, options)
    }
    if (place.node === undefined) place.folder.children.set(place.name, makeFolder(options.mode ?? 0o755))
    else if (place.node.kind !== "directory" || options.recursive !== true) throw new FileError("EEXIST", "mkdir", path)
  }

  readdir(path: string): ReadonlyArray<readonly [name: string, node: Node]> {
    const node = this.stat(path)
    if (node.kind !== "directory") throw new FileError("ENOTDIR", "scandir", path)
    return [...node.children].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  remove(path: string, options: { readonly recursive?: boolean; readonly force?: boolean } = {}): void {
    const place = this.at(path, "rm", false)
    const node = place?.node
    if (place === undefined || node === undefined) {
      if (options.force === true) return
      throw new FileError("ENOENT", "rm", path)
    }
    if (node === this.root) throw new FileError("EBUSY", "rm", path)
    if (node.kind === "directory" && node.children.size > 0 && options.recursive !== true) {
      throw new FileError("ENOTEMPTY", "rm", path)
    }
    this.unlink(place.folder, place.name)
  }

  rename(from: string, to: string): void {
    const source = this.at(from, "rename", false)
    const target = this.at(to, "rename", false)
    const node = source?.node
    if (source === undefined || target === undefined || node === undefined)
      throw new FileError("ENOENT", "rename", from)
    if (target.node === node) return
    if (`${target.path}/`.startsWith(`${source.path}/`)) throw new FileError("EINVAL", "rename", to)
    if (target.node !== undefined) {
      const folder = target.node.kind === "directory"
      if (folder !== (node.kind === "directory")) throw new FileError(folder ? "EISDIR" : "ENOTDIR", "rename", to)
      if (target.node.kind === "directory" && target.node.children.size > 0)
        throw new FileError("ENOTEMPTY", "rename", to)
      this.unlink(target.folder, target.name)
    }
    source.folder.children.delete(source.name)
    target.folder.children.set(target.name, node)
  }

  copy(from: string, to: string, options: { readonly recursive?: boolean } = {}): void {
    const node = this.stat(from, false)
    if (node.kind === "file") return this.writeFile(to, this.readFile(from), node.mode)
    if (node.kind === "symlink") return this.symlink(node.target, to)
    if (options.recursive !== true) throw new FileError("EISDIR", "cp", from)
    if (`${resolve("/", to)}/`.startsWith(`${resolve("/", from)}/`)) throw new FileError("EINVAL", "cp", to)
    this.mkdir(to, { recursive: true, mode: node.mode })
    for (const name of node.children.keys()) this.copy(`${from}/${name}`, `${to}/${name}`, options)
  }

  symlink(target: string, path: string): void {
    this.create(path, "symlink", makeSymlink(target))
  }

  link(existing: string, path: string): void {
    const node = this.stat(existing)
    if (node.kind !== "file") throw new FileError("EPERM", "link", existing)
    this.create(path, "link", node)
    node.links++
  }

  readlink(path: string): string {
    const node = this.stat(path, false)
    if (node.kind !== "symlink") throw new FileError("EINVAL", "readlink", path)
    return node.target
  }

  realpath(path: string): string {
    const place = this.at(path, "realpath")
    if (place?.node === undefined) throw new FileError("ENOENT", "realpath", path)
    return place.path
  }

  chmod(path: string, mode: number): void {
    const node = this.stat(path)
    node.mode = mode & 0o7777
    node.clean = undefined
  }

  utimes(path: string, modifiedAt: number): void {
    const node = this.stat(path)
    node.modifiedAt = modifiedAt
    node.clean = undefined
  }

  /** Takes a name away, and with its last name the file. */
  unlink(folder: FolderNode, name: string): void {
    const node = folder.children.get(name)
    if (node?.kind === "file" && --node.links === 0) this.used -= node.size
    if (node?.kind === "directory") for (const child of node.children.keys()) this.unlink(node, child)
    folder.children.delete(name)
  }

  private at(path: string, syscall: string, follow = true): Place | undefined {
    return locate(this.root, path, syscall, follow)
  }

  private create(path: string, syscall: string, node: Node): void {
    const place = this.at(path, syscall, false)
    if (place === undefined) throw new FileError("ENOENT", syscall, path)
    if (place.node !== undefined) throw new FileError("EEXIST", syscall, path)
    place.folder.children.set(place.name, node)
  }

  /** The file to write, made where there is none. */
  private open(path: string, mode = 0o644): FileNode {
    const place = this.at(path, "open")
    if (place === undefined || place.name === "") throw new FileError("ENOENT", "open", path)
    if (place.node !== undefined && place.node.kind !== "file") throw new FileError("EISDIR", "open", path)
    const node = place.node ?? makeFile(mode)
    place.folder.children.set(place.name, node)
    return node
  }

  private resize(node: FileNode, size: number, path: string): void {
    if (size > this.limits.file) throw new FileError("EFBIG", "write", path)
    if (this.used - node.size + size > this.limits.total) throw new FileError("ENOSPC", "write", path)
    this.used += size - node.size
    node.size = size
    node.modifiedAt = Date.now()
    node.clean = undefined
  }
}
