import type { WorkspaceChange, WorkspaceEntry } from "../../../src/Workspace.ts"
import { basename, dirname } from "../Paths.ts"
import type { Files } from "./Files.ts"
import { type FolderNode, fromEntry, isSystem, makeFile, makeFolder, makeSymlink, type Node, walk } from "./Nodes.ts"
import { messageBytes, type Store } from "./Protocol.ts"

/** Bytes that an entry takes of a message beside its content. */
const entryBytes = 256

/** A store's files in a file system: `open` brings them in, `flush` sends back what has changed since. */
export class Mount {
  private entries = new Map<string, WorkspaceEntry>()

  private readonly files: Files
  private readonly root: string

  constructor(files: Files, root: string) {
    this.files = files
    this.root = root
  }

  /** Replaces all below the root by `entries` (sorted by path). Contents whose entry has not changed stay loaded. */
  open(entries: ReadonlyArray<WorkspaceEntry>, store: Pick<Store, "read">): void {
    const kept = new Map(this.nodes().filter(([path, node]) => this.isClean(path, node)))
    const root = folderAt(this.files, this.root)
    for (const name of root.children.keys()) if (!isSystem(`${this.root}/${name}`)) this.files.unlink(root, name)
    const folders = new Map([[this.root, root]])
    this.files.store = store
    this.entries = new Map(entries.map((entry) => [entry.path, entry]))
    for (const entry of entries) {
      const old = kept.get(entry.path)
      const same = old?.kind === "file" && old.clean?.version === entry.version
      const node = same ? { ...old, clean: entry, links: 1 } : fromEntry(entry)
      const parent = dirname(entry.path)
      const folder = folders.get(parent) ?? folderAt(this.files, parent)
      folders.set(parent, folder)
      folder.children.set(basename(entry.path), node)
      if (node.kind === "file") this.files.used += node.size
    }
  }

  /** What differs from what was opened. */
  async changes(): Promise<ReadonlyArray<WorkspaceChange>> {
    const changes: Array<WorkspaceChange> = []
    const gone = new Set(this.entries.keys())
    for (const [path, node] of this.nodes()) {
      gone.delete(path)
      if (this.isClean(path, node)) continue
      const { mode, modifiedAt } = node
      if (node.kind === "file") {
        changes.push({ kind: "file", path, content: await this.files.content(node), mode, modifiedAt })
      } else if (node.kind === "symlink") changes.push({ kind: "symlink", path, target: node.target, modifiedAt })
      else changes.push({ kind: "directory", path, mode, modifiedAt })
    }
    for (const path of gone) changes.push({ kind: "delete", path })
    return changes
  }

  /** Sends what differs from what was opened, in parts that fit a message. */
  async flush(store: Pick<Store, "write">): Promise<void> {
    let part: Array<WorkspaceChange> = []
    let bytes = 0
    for (const change of await this.changes()) {
      const size = entryBytes + (change.kind === "file" ? change.content.length : 0)
      if (bytes + size > messageBytes) {
        await store.write(part)
        part = []
        bytes = 0
      }
      part.push(change)
      bytes += size
    }
    if (part.length > 0) await store.write(part)
  }

  /** Forgets contents that can be fetched again, beyond `bytes` of them. */
  release(bytes: number): void {
    let loaded = 0
    for (const [path, node] of this.nodes()) {
      if (node.kind !== "file" || !this.isClean(path, node) || node.content === undefined) continue
      loaded += node.size
      if (loaded > bytes) node.content = undefined
    }
  }

  private isClean(path: string, node: Node): boolean {
    return node.clean !== undefined && node.clean === this.entries.get(path)
  }

  private nodes(): ReadonlyArray<readonly [string, Node]> {
    return this.files.exists(this.root) ? [...walk(this.files.stat(this.root) as FolderNode, this.root)] : []
  }
}

/** All files, as entries that another side can open. */
export const manifest = (files: Files): ReadonlyArray<WorkspaceEntry> =>
  Array.from(walk(files.root, "/"), ([path, node]) => ({
    path,
    kind: node.kind,
    size: node.kind === "file" ? node.size : 0,
    mode: node.mode,
    modifiedAt: node.modifiedAt,
    target: node.kind === "symlink" ? node.target : "",
    version: node.id
  }))

/** Takes over what another side has changed. */
export const apply = (files: Files, changes: ReadonlyArray<WorkspaceChange>): void => {
  for (const change of changes) {
    if (change.kind === "delete") {
      files.remove(change.path, { recursive: true, force: true })
      continue
    }
    const { children } = folderAt(files, dirname(change.path))
    const name = basename(change.path)
    const old = children.get(name)
    if (change.kind === "directory" && old?.kind === "directory") {
      files.chmod(change.path, change.mode)
      continue
    }
    if (old !== undefined) files.remove(change.path, { recursive: true })
    if (change.kind === "directory") children.set(name, makeFolder(change.mode))
    else if (change.kind === "symlink") children.set(name, makeSymlink(change.target))
    else {
      children.set(name, makeFile(change.mode))
      files.writeFile(change.path, change.content)
    }
    if (change.kind !== "symlink") files.utimes(change.path, change.modifiedAt)
  }
}

/** The folder at a path, made where it is missing. */
const folderAt = (files: Files, path: string): FolderNode => {
  files.mkdir(path, { recursive: true })
  // mkdir has just seen to it that this is a folder.
  return files.stat(path) as FolderNode
}
