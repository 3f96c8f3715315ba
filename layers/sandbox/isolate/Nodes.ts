import type { WorkspaceEntry } from "../../../src/Workspace.ts"
import { FileError } from "./FileError.ts"

interface Common {
  readonly id: number
  mode: number
  /** Milliseconds since the epoch. */
  modifiedAt: number
  /** The entry that it was mounted from, as long as it has not changed. */
  clean: WorkspaceEntry | undefined
}

export interface FileNode extends Common {
  readonly kind: "file"
  size: number
  /** Absent until it is loaded from the store's file `source`. */
  content: Uint8Array | undefined
  readonly source: string
  /** Names it has. */
  links: number
}

export interface FolderNode extends Common {
  readonly kind: "directory"
  readonly children: Map<string, Node>
}

export interface SymlinkNode extends Common {
  readonly kind: "symlink"
  readonly target: string
}

export type Node = FileNode | FolderNode | SymlinkNode

let lastId = 0
const common = (mode: number): Common => ({ id: ++lastId, mode, modifiedAt: Date.now(), clean: undefined })

export const makeFile = (mode: number): FileNode => ({
  kind: "file",
  ...common(mode),
  size: 0,
  content: new Uint8Array(),
  source: "",
  links: 1
})

export const makeFolder = (mode: number): FolderNode => ({ kind: "directory", ...common(mode), children: new Map() })

export const makeSymlink = (target: string): SymlinkNode => ({ kind: "symlink", ...common(0o777), target })

export const fromEntry = (entry: WorkspaceEntry): Node => {
  const shared = { id: ++lastId, mode: entry.mode, modifiedAt: entry.modifiedAt, clean: entry }
  switch (entry.kind) {
    case "file":
      return { kind: "file", ...shared, size: entry.size, content: undefined, source: entry.path, links: 1 }
    case "directory":
      return { kind: "directory", ...shared, children: new Map() }
    case "symlink":
      return { kind: "symlink", ...shared, target: entry.target }
  }
}

/** Where a path leads: the folder, the name there, and what has that name. */
export interface Place {
  /** Without symlinks. */
  readonly path: string
  readonly folder: FolderNode
  readonly name: string
  readonly node: Node | undefined
}

const maxHops = 40

/** Follows symlinks on the way, and the last name's too if asked. Undefined where a folder on the way is missing. */
export const locate = (root: FolderNode, path: string, syscall: string, follow: boolean): Place | undefined => {
  if (path.includes("\0")) throw new FileError("EINVAL", syscall, path)
  const folders = [root]
  const names: Array<string> = []
  const ahead = path.split("/").toReversed()
  let hops = 0
  while (ahead.length > 0) {
    const name = ahead.pop()!
    if (name === "" || name === ".") continue
    if (name === "..") {
      if (folders.length > 1) folders.pop()
      names.pop()
      continue
    }
    if (name.length > 255) throw new FileError("ENAMETOOLONG", syscall, path)
    const folder = folders.at(-1)!
    const node = folder.children.get(name)
    const last = ahead.every((rest) => rest === "")
    if (node?.kind === "symlink" && (follow || !last)) {
      if (++hops > maxHops) throw new FileError("ELOOP", syscall, path)
      if (node.target.startsWith("/")) {
        folders.length = 1
        names.length = 0
      }
      ahead.push(...node.target.split("/").toReversed())
      continue
    }
    if (last) return { path: `/${[...names, name].join("/")}`, folder, name, node }
    if (node === undefined) return undefined
    if (node.kind !== "directory") throw new FileError("ENOTDIR", syscall, path)
    folders.push(node)
    names.push(name)
  }
  const node = folders.at(-1)!
  return { path: `/${names.join("/")}`, folder: folders.at(-2) ?? root, name: names.at(-1) ?? "", node }
}

/** Folders of the shell itself: neither kept nor handed to programs. */
const systemFolders = new Set(["bin", "dev", "proc", "usr"])

export const isSystem = (path: string): boolean => systemFolders.has(/^\/+([^/]*)/.exec(path)?.[1] ?? "")

/** All below `folder`, which is at `path`, folders before what is in them; what belongs to the shell itself is left out. */
export function* walk(folder: FolderNode, path: string): Generator<readonly [path: string, node: Node]> {
  for (const [name, node] of Array.from(folder.children)) {
    const at = path === "/" ? `/${name}` : `${path}/${name}`
    if (isSystem(at)) continue
    yield [at, node]
    if (node.kind === "directory") yield* walk(node, at)
  }
}
