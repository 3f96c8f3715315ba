import type { Node } from "../Nodes.ts"

/** What both say of an entry. */
class Entry {
  readonly #kind: Node["kind"]

  constructor(kind: Node["kind"]) {
    this.#kind = kind
  }

  isFile(): boolean {
    return this.#kind === "file"
  }

  isDirectory(): boolean {
    return this.#kind === "directory"
  }

  isSymbolicLink(): boolean {
    return this.#kind === "symlink"
  }
}

/** As `fs.stat` answers it. */
export class Stats extends Entry {
  readonly size: number
  readonly mode: number
  readonly ino: number
  readonly nlink: number
  readonly mtimeMs: number
  readonly mtime: Date
  readonly atime: Date
  readonly ctime: Date
  readonly birthtime: Date

  constructor(node: Node) {
    super(node.kind)
    this.size = node.kind === "file" ? node.size : 0
    this.mode = node.mode | { file: 0o100000, directory: 0o40000, symlink: 0o120000 }[node.kind]
    this.ino = node.id
    this.nlink = node.kind === "file" ? node.links : 1
    this.mtimeMs = node.modifiedAt
    this.mtime = this.atime = this.ctime = this.birthtime = new Date(node.modifiedAt)
  }
}

/** As `fs.readdir` answers it on request. */
export class Dirent extends Entry {
  readonly name: string
  readonly parentPath: string
  /** Its path below the folder that was asked for. */
  readonly below: string

  constructor(name: string, parentPath: string, below: string, kind: Node["kind"]) {
    super(kind)
    this.name = name
    this.parentPath = parentPath
    this.below = below
  }
}
