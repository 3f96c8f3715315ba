import assert from "node:assert/strict"
import { Effect, Exit, Fiber, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import * as MicroVmSnapshots from "../../layers/sandbox/MicroVmSnapshots.ts"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { type Saved, SavedWorkspace, Snapshots } from "../../src/Snapshots.ts"
import type { WorkspaceSnapshot } from "../../src/domain/WorkspaceSnapshot.ts"
import { exec, read, reason, sh, untilReached, write } from "../SandboxBackend.support.ts"
import type { Contract } from "../support/contract.ts"
import { type Control, Controls, type Stage } from "./machine.ts"

/** What a machine keeps beyond its end, as the session's log would say it: each test does that by itself. */

const control = <A>(use: (control: Control) => Promise<A>) =>
  Controls.use((controls) => Effect.promise(() => use(controls)))

const save = (latest: WorkspaceSnapshot | null = null) => Snapshots.use(({ save }) => save(latest))

const knowing = (saved: Partial<Saved>) =>
  Effect.provideService(SavedWorkspace, { snapshot: null, isBehind: false, ...saved })

/** Another machine takes the place of the one that was there. */
const anew = control((vm) => vm.release())

const holding = (stage: Stage) => control((vm) => vm.hold(stage))
const held = (stage: Stage) => control((vm) => vm.held(stage))

/** What the machine does when it is hurt, and the calls that come next. */
const hurts = { container: control((vm) => vm.crash()), object: control((vm) => vm.reset().catch(() => {})) } as const

const stages = ["boot", "run", "save", "restore"] as const

/** A workspace with a file in a snapshot and one in none is hurt at a stage of its machine's life. */
const hurt = (stage: (typeof stages)[number], what: keyof typeof hurts) =>
  Effect.gen(function* () {
    yield* write("kept", "1")
    const snapshot = yield* save()
    yield* write("behind", "2")
    const starts = stage === "boot" || stage === "restore"
    if (starts) yield* anew
    const work =
      stage === "run"
        ? exec(`curl -s http://allowed.test/hurt-${what}; sleep 60`).pipe(knowing({ snapshot }))
        : stage === "save"
          ? Snapshots.use(({ save }) => save(snapshot))
          : read("kept").pipe(knowing({ snapshot }))
    yield* stage === "run" ? Effect.void : holding(stage)
    const fiber = yield* Effect.forkChild(work, { startImmediately: true })
    yield* stage === "run" ? untilReached(`/hurt-${what}`) : held(stage)
    yield* hurts[what]
    const exit = yield* Fiber.await(fiber)
    // Whatever it was, it says that it failed; only a start may have been tried again.
    assert.ok(Exit.isFailure(exit) || (starts && exit.value === "1"), String(exit))

    const isGone = what === "container" && !starts
    const told = yield* Effect.exit(read("kept").pipe(knowing({ snapshot, isBehind: isGone })))
    if (isGone) assert.match(String(told), /the machine was lost, and with it what was written since/)
    assert.equal(yield* read("kept").pipe(knowing({ snapshot })), "1")
    assert.equal(yield* sh("ls").pipe(knowing({ snapshot })), isGone || starts ? "kept\n" : "behind\nkept\n")
    // And it can be saved again.
    assert.notEqual((yield* save(isGone || starts ? null : snapshot)).id, snapshot.id)
  })

export const snapshots: Contract<SandboxBackend | Snapshots | Controls> = {
  "a workspace is what it was: contents, modes, times, links, names": Effect.gen(function* () {
    yield* sh(`mkdir -p 'a b/ü' empty; echo 1 > 'a b/ü/-x'; printf 'new\\nline' > $'odd\\nname'
      ln -s 'a b' link; ln 'a b/ü/-x' hard; chmod 4750 hard; touch -d '2020-01-02 03:04:05.678' empty
      head -c 3000000 /dev/urandom > large; mkfifo pipe; chown 1234:567 large`)
    const facts = sh(
      "find . -printf '%p %y %m %U:%G %n %l %T@\\n' | sort; find . -type f -exec sha256sum {} + | sort; cat link/ü/-x"
    )
    const before = yield* facts
    const snapshot = yield* save()
    yield* anew
    assert.equal(yield* facts.pipe(knowing({ snapshot })), before)
    assert.ok(snapshot.size_bytes > 3_000_000)
    assert.equal(snapshot.entries, 10)
  }),

  "a workspace that has not changed is not saved again": Effect.gen(function* () {
    yield* sh("mkdir d; echo 1 > d/a; echo 2 > b")
    const snapshot = yield* save()
    assert.deepEqual(yield* save(snapshot), snapshot)
    yield* write("b", "3")
    const next = yield* save(snapshot)
    assert.notEqual(next.id, snapshot.id)
    // Also not after it was restored.
    yield* anew
    yield* exec("true").pipe(knowing({ snapshot: next }))
    assert.deepEqual(yield* save(next), next)
  }),

  "an empty workspace is a workspace": Effect.gen(function* () {
    yield* sh("true")
    const snapshot = yield* save()
    yield* anew
    assert.equal(yield* sh("ls -A").pipe(knowing({ snapshot })), "")
  }),

  "what git ignores is saved, or left out": Effect.gen(function* () {
    yield* sh(`git init -q r; cd r; echo 'out/\n*.log\n!keep.log' > .gitignore; mkdir out; echo 1 > out/a
      echo 2 > b.log; echo 3 > keep.log; echo 4 > c; cd ..; echo 5 > d.log`)
    const all = yield* save()
    const vm = yield* Controls
    const tracked = yield* save().pipe(
      Effect.provide(
        Layer.provide(
          MicroVmSnapshots.layer(() => vm, false),
          SecureRandom.layerWebCrypto
        )
      )
    )
    const files = sh("find . -type f -not -path '*/.git/*' | sort")
    yield* anew
    assert.equal(yield* files.pipe(knowing({ snapshot: tracked })), "./d.log\n./r/.gitignore\n./r/c\n./r/keep.log\n")
    yield* anew
    assert.match(yield* files.pipe(knowing({ snapshot: all })), /out\/a[^]*/)
  }),

  "those are kept that are named, and no others": Effect.gen(function* () {
    yield* write("a", "1")
    const first = yield* save()
    yield* write("a", "2")
    const second = yield* save(first)
    yield* write("a", "3")
    const third = yield* save(second)
    yield* Snapshots.use(({ keepOnly }) => keepOnly([third.id, second.id]))
    assert.deepEqual(yield* control((vm) => vm.archives()), [second.id, third.id].sort())
    yield* anew
    assert.equal(yield* read("a").pipe(knowing({ snapshot: second })), "2")
  }),

  "one that is gone or damaged is an error, and never an empty workspace": Effect.gen(function* () {
    yield* write("a", "1")
    const snapshot = yield* save()
    yield* anew
    for (const damage of ["damage", "delete"] as const) {
      yield* control((vm) => vm[damage](snapshot.id))
      for (const call of [sh("ls").pipe(Effect.asVoid), write("b", "2"), read("b").pipe(Effect.asVoid)]) {
        const { detail } = (yield* reason(call.pipe(knowing({ snapshot })))) as { readonly detail: string }
        assert.match(
          detail,
          new RegExp(`could not be restored from ${snapshot.id} .*, so nothing was done: its archive`)
        )
      }
      // Nor is what is there instead ever saved.
      assert.match((yield* Effect.flip(save(snapshot))).message, /its machine does not run/)
    }
  }),

  "one that takes too long is an error": Effect.gen(function* () {
    yield* write("a", "1")
    const snapshot = yield* save()
    yield* anew
    yield* holding("restore")
    const { detail } = (yield* reason(sh("ls").pipe(knowing({ snapshot })))) as { readonly detail: string }
    assert.match(detail, /so nothing was done: it took longer than 5 seconds/)
    assert.equal(yield* read("a").pipe(knowing({ snapshot })), "1")
  }),

  "a machine that something else started has no workspace to run in or to save": Effect.gen(function* () {
    yield* write("a", "1")
    const snapshot = yield* save()
    yield* control((vm) => vm.crash())
    yield* control((vm) => vm.startBare())
    assert.match((yield* Effect.flip(save(snapshot))).message, /started again/)
    assert.equal(yield* read("a").pipe(knowing({ snapshot })), "1")
  }),

  "a machine that nobody uses sleeps; one that cannot be saved waits, but not for ever": Effect.gen(function* () {
    const expire = (canBeSaved: boolean) => control((vm) => vm.expire(canBeSaved))
    yield* write("a", "1")
    for (let count = 1; count < 6; count++) assert.equal(yield* expire(false), true)
    yield* read("a")
    for (let count = 1; count < 6; count++) assert.equal(yield* expire(false), true)
    assert.equal(yield* expire(false), false)

    const fiber = yield* Effect.forkChild(exec("curl -s http://allowed.test/used; sleep 1"), {
      startImmediately: true
    })
    yield* untilReached("/used")
    assert.equal(yield* expire(true), true)
    yield* Fiber.join(fiber)
    assert.equal(yield* expire(true), false)
  }),

  "agents reach no archive by themselves": Effect.gen(function* () {
    yield* write("a", "1")
    const { id } = yield* save()
    const ask = (options: string) =>
      sh(`curl -s -o /dev/null -w '%{http_code}' ${options} http://workspace.ownloop.internal/${id}`)
    assert.equal(yield* ask(""), "403")
    assert.equal(yield* ask("-X DELETE"), "403")
    assert.equal(yield* ask("-T a"), "403")
    assert.equal(
      yield* ask("-T a -H 'Host: workspace.ownloop.internal' --resolve workspace.ownloop.internal:80:1.1.1.1"),
      "403"
    )
  }),

  ...Object.fromEntries(
    stages.flatMap((stage) =>
      (["container", "object"] as const).map((what) => [
        `${what === "container" ? "a container" : "a machine's object"} that dies at ${stage} loses nothing that was saved`,
        hurt(stage, what)
      ])
    )
  )
}
