import { Buffer } from "node:buffer"
import { dirname } from "../../Paths.ts"
import type { Files } from "../Files.ts"
import type { Node } from "../Nodes.ts"

type Encoding = string | { readonly encoding?: string } | undefined

/** The shell's files as isomorphic-git wants them. */
export const gitFiles = (files: Files) => ({
  promises: {
    readFile: async (path: string, encoding?: Encoding) => {
      await files.load(path)
      const content = Buffer.from(files.readFile(path))
      const name = typeof encoding === "string" ? encoding : encoding?.encoding
      return name === undefined ? content : content.toString("utf8")
    },
    writeFile: async (path: string, content: string | Uint8Array, options?: { readonly mode?: number }) =>
      files.writeFile(path, typeof content === "string" ? Buffer.from(content) : content, options?.mode),
    unlink: async (path: string) => files.remove(path),
    readdir: async (path: string) => files.readdir(path).map(([name]) => name),
    mkdir: async (path: string) => {
      // It tells a folder that is missing from one that is there by the code of the error.
      files.stat(dirname(path))
      files.mkdir(path)
    },
    rmdir: async (path: string) => files.remove(path),
    stat: async (path: string) => statOf(files.stat(path)),
    lstat: async (path: string) => statOf(files.stat(path, false)),
    readlink: async (path: string) => files.readlink(path),
    symlink: async (target: string, path: string) => files.symlink(target, path),
    chmod: async (path: string, mode: number) => files.chmod(path, mode)
  }
})

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const

const statOf = (node: Node) => {
  const { id, kind, mode, modifiedAt } = node
  return {
    mode: types[kind] | mode,
    size: node.kind === "file" ? node.size : 0,
    ino: id,
    dev: 1,
    uid: 0,
    gid: 0,
    mtimeMs: modifiedAt,
    ctimeMs: modifiedAt,
    isFile: () => kind === "file",
    isDirectory: () => kind === "directory",
    isSymbolicLink: () => kind === "symlink"
  }
}
