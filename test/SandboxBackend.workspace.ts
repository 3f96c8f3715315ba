import assert from "node:assert/strict"
import { Effect, Layer, Option } from "effect"
import { limits, SandboxBackend } from "../src/SandboxBackend.ts"
import { Workspace } from "../src/Workspace.ts"
import { exec, read, reason, sh, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

/** What holds for sandboxes that come one after the other over the same files. */
export const restarts = (layer: Layer.Layer<SandboxBackend, unknown, Workspace>): Contract<Workspace> => ({
  "files outlive their sandbox": Effect.gen(function* () {
    const first = sh("mkdir d; echo 1 > d/f; chmod 700 d/f; ln -s d l; echo > gone; cd d; export A=1")
    yield* Effect.provide(first, Layer.fresh(layer))
    const second = sh('pwd; echo "[$A]"; stat -c %a d/f; readlink l; cat l/f; rm gone; echo 2 > l/g')
    assert.equal(yield* Effect.provide(second, Layer.fresh(layer)), "/workspace\n[]\n700\nd\n1\n")
    assert.equal(yield* Effect.provide(sh("ls . d; cat d/g"), Layer.fresh(layer)), ".:\nd\nl\n\nd:\nf\ng\n2\n")
  }),

  "what another writes meanwhile is not taken back": Effect.gen(function* () {
    const both = Effect.gen(function* () {
      const workspace = yield* Workspace
      yield* write("shared", "old")
      yield* sh("cat shared; echo mine > mine")
      const modifiedAt = 1_000
      const content = new TextEncoder().encode("other")
      yield* workspace.write([{ kind: "file", path: "/workspace/shared", content, mode: 0o644, modifiedAt }])
      assert.equal(yield* sh("echo more >> mine; cat shared"), "other")
      assert.equal(yield* read("mine"), "mine\nmore\n")
    })
    yield* Effect.provide(both, Layer.fresh(layer))
  })
})

const room = 10

/** A workspace that has room for ten bytes more, and forgets what is written. */
export const almostFull = Layer.succeed(
  Workspace,
  Workspace.of({
    entries: Effect.succeed([
      {
        path: "/workspace/big",
        kind: "file",
        size: limits.workspace - room,
        mode: 0o644,
        modifiedAt: 0,
        target: "",
        version: 1
      }
    ]),
    read: () => Effect.succeed(Option.none()),
    write: () => Effect.void
  })
)

/** Over `almostFull`. */
export const full: Contract<SandboxBackend> = {
  "a workspace that is full takes no more": Effect.gen(function* () {
    yield* write("f", "x".repeat(room))
    const refused = yield* reason(write("f", "x".repeat(room + 1)))
    assert.deepEqual(refused, { _tag: "WorkspaceFull", limit: limits.workspace })
  }),

  "commands and programs are told": Effect.gen(function* () {
    yield* sh(`printf ${"x".repeat(room)} > f`)
    const command = yield* exec(`printf ${"x".repeat(room + 1)} > f`)
    assert.notEqual(command.exitCode, 0)
    assert.match(command.stderr, /no space left/)
    const program = yield* exec(
      `node -e 'try { require("fs").writeFileSync("f", "x".repeat(${room + 1})) } catch ({ code }) { console.log(code) }'`
    )
    assert.equal(program.stdout, "ENOSPC\n")
  })
}

/** Over a machine whose first shell dies. */
export const recovery: Contract<SandboxBackend> = {
  "a shell that died is told, and the next one is another": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    assert.equal((yield* reason(sandbox.exec("echo 1")))._tag, "SandboxUnavailable")
    assert.equal(yield* sh("echo 1"), "1\n")
  })
}
