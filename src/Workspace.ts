import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { StorageError } from "./Storage.ts"

/** An entry below `workspaceRoot`; `path` is absolute. */
export interface WorkspaceEntry {
  readonly path: string
  readonly kind: "file" | "directory" | "symlink"
  /** Bytes of a file, 0 otherwise. */
  readonly size: number
  /** Unix permission bits. */
  readonly mode: number
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number
  /** Of a symlink, empty otherwise. */
  readonly target: string
  /** Grows with every change of the entry. */
  readonly version: number
}

export type WorkspaceChange =
  | {
      readonly kind: "file"
      readonly path: string
      readonly content: Uint8Array
      readonly mode: number
      readonly modifiedAt: number
    }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number; readonly modifiedAt: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string; readonly modifiedAt: number }
  | { readonly kind: "delete"; readonly path: string }

/** The files of one session, kept where its log is kept, so that they outlive any sandbox. Knows nothing of shells or paths' meaning. */
export class Workspace extends Context.Service<
  Workspace,
  {
    /** All entries, sorted by path. */
    readonly entries: Effect.Effect<ReadonlyArray<WorkspaceEntry>, StorageError>
    /** A file's content; none where there is no such file. */
    read(path: string): Effect.Effect<Option.Option<Uint8Array>, StorageError>
    /** Applies all changes or none. */
    write(changes: ReadonlyArray<WorkspaceChange>): Effect.Effect<void, StorageError>
  }
>()("ownloop/Workspace") {}
