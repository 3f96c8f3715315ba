import assert from "node:assert/strict"
import { Effect, Option, Struct } from "effect"
import { Workspace, type WorkspaceChange } from "../src/Workspace.ts"
import type { Contract } from "./support/contract.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

const file = (path: string, content: Uint8Array | string, fields: { mode?: number; modifiedAt?: number } = {}) =>
  ({
    kind: "file",
    path,
    content: typeof content === "string" ? bytes(content) : content,
    mode: 0o644,
    modifiedAt: 1_000,
    ...fields
  }) satisfies WorkspaceChange

const paths = Workspace.use(({ entries }) => Effect.map(entries, (all) => all.map(({ path }) => path)))

const versionOf = (path: string) =>
  Workspace.use(({ entries }) =>
    Effect.map(entries, (all) => all.find((entry) => entry.path === path)?.version ?? assert.fail(`no ${path}`))
  )

export const contract: Contract<Workspace> = {
  "a new workspace is empty": Effect.gen(function* () {
    const workspace = yield* Workspace
    assert.deepEqual(yield* workspace.entries, [])
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.none())
  }),

  "entries say what was written, sorted by path": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([
      { kind: "symlink", path: "/workspace/link", target: "b/c.txt", modifiedAt: 3_000 },
      file("/workspace/b/c.txt", "zwölf", { mode: 0o755, modifiedAt: 2_000 }),
      { kind: "directory", path: "/workspace/b", mode: 0o700, modifiedAt: 1_000 }
    ])
    assert.deepEqual(
      (yield* workspace.entries).map((entry) => Struct.omit(entry, ["version"])),
      [
        { path: "/workspace/b", kind: "directory", size: 0, mode: 0o700, modifiedAt: 1_000, target: "" },
        { path: "/workspace/b/c.txt", kind: "file", size: 6, mode: 0o755, modifiedAt: 2_000, target: "" },
        { path: "/workspace/link", kind: "symlink", size: 0, mode: 0o777, modifiedAt: 3_000, target: "b/c.txt" }
      ]
    )
  }),

  "folders on the way are entries only where they are written": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([file("/workspace/a/b/c", "")])
    assert.deepEqual(yield* paths, ["/workspace/a/b/c"])
  }),

  "only files have content": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([
      { kind: "directory", path: "/workspace/folder", mode: 0o755, modifiedAt: 1 },
      { kind: "symlink", path: "/workspace/link", target: "file", modifiedAt: 1 },
      file("/workspace/file", "")
    ])
    assert.deepEqual(yield* workspace.read("/workspace/folder"), Option.none())
    assert.deepEqual(yield* workspace.read("/workspace/link"), Option.none())
    assert.deepEqual(yield* workspace.read("/workspace/file"), Option.some(new Uint8Array()))
  }),

  "content of any size comes back byte for byte": Effect.gen(function* () {
    const workspace = yield* Workspace
    const chunk = 512 * 1024
    for (const size of [1, chunk - 1, chunk, chunk + 1, 5 * 1024 * 1024 + 17]) {
      const content = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff)
      yield* workspace.write([file("/workspace/data.bin", content)])
      const read = Option.getOrThrow(yield* workspace.read("/workspace/data.bin"))
      assert.ok(Buffer.compare(read, content) === 0, `${size} bytes`)
      assert.equal((yield* workspace.entries)[0]?.size, size)
    }
  }),

  "a view of a larger buffer is stored as the view": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([file("/workspace/a", bytes("abcdef").subarray(2, 4))])
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.some(bytes("cd")))
  }),

  "what is stored does not change with the buffers that went in or came out": Effect.gen(function* () {
    const workspace = yield* Workspace
    const content = bytes("abc")
    yield* workspace.write([file("/workspace/a", content)])
    content.fill(0)
    Option.getOrThrow(yield* workspace.read("/workspace/a")).fill(0)
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.some(bytes("abc")))
  }),

  "a later change of the same path wins, also within one write": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([file("/workspace/a", "long content"), file("/workspace/a", "short")])
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.some(bytes("short")))
    yield* workspace.write([{ kind: "directory", path: "/workspace/a", mode: 0o755, modifiedAt: 2 }])
    assert.deepEqual(yield* workspace.read("/workspace/a"), Option.none())
    assert.deepEqual(yield* paths, ["/workspace/a"])
  }),

  "deleting takes away the entry of that path alone": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([
      { kind: "directory", path: "/workspace/a", mode: 0o755, modifiedAt: 1 },
      file("/workspace/a/b", "b"),
      file("/workspace/c", "c")
    ])
    yield* workspace.write([
      { kind: "delete", path: "/workspace/a" },
      { kind: "delete", path: "/workspace/c" },
      { kind: "delete", path: "/workspace/never" }
    ])
    assert.deepEqual(yield* paths, ["/workspace/a/b"])
    assert.deepEqual(yield* workspace.read("/workspace/c"), Option.none())
  }),

  "the version of an entry grows with every change of it, also across a deletion": Effect.gen(function* () {
    const workspace = yield* Workspace
    yield* workspace.write([file("/workspace/a", "1"), file("/workspace/other", "1")])
    const versions = [yield* versionOf("/workspace/a")]
    const other = yield* versionOf("/workspace/other")
    yield* workspace.write([file("/workspace/a", "2")])
    versions.push(yield* versionOf("/workspace/a"))
    yield* workspace.write([{ kind: "delete", path: "/workspace/a" }])
    yield* workspace.write([file("/workspace/a", "1")])
    versions.push(yield* versionOf("/workspace/a"))
    yield* workspace.write([
      { kind: "delete", path: "/workspace/a" },
      { kind: "symlink", path: "/workspace/a", target: "other", modifiedAt: 1 }
    ])
    versions.push(yield* versionOf("/workspace/a"))
    assert.ok(
      versions.every((version, index) => index === 0 || version > versions[index - 1]!),
      versions.join(" ")
    )
    assert.equal(yield* versionOf("/workspace/other"), other)
  })
}
