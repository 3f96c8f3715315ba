import assert from "node:assert/strict"
import { Effect, Fiber } from "effect"
import { limits as sandboxLimits, SandboxBackend } from "../src/SandboxBackend.ts"
import { exec, read, sh, stopped, untilReached, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

/** Milliseconds in which a command or a program surely begins. */
const timeout = 1_000

const run = (code: string, within = timeout) =>
  SandboxBackend.use((sandbox) => sandbox.runCode(code, { timeout: within }))

const endless = [
  "for (;;) {}",
  "for (;;);",
  "do ; while (true)",
  "while (true) try { while (true) {} } catch {}",
  "const f = () => { try { for (;;); } finally { f() } }; f()",
  // A retry at every level of a full stack.
  "const f = () => g(); const g = function () { try { return f() } catch { return f() } }; f()",
  "function* f() { for (;;) yield 1 }; for (const x of f()) {}",
  "class A { get x() { for (;;); } }; new A().x",
  "Array.from({ [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) })",
  "setInterval(() => {}, 1)",
  "const f = () => setTimeout(f, 0); f()",
  "const f = () => Promise.resolve().then(f); f()",
  "const f = () => queueMicrotask(f); f()",
  "const f = () => process.nextTick(f); f()",
  "const f = async () => { for (;;) await null }; f()"
]

export const limits: Contract<SandboxBackend> = {
  "a command that waits too long is stopped": Effect.gen(function* () {
    stopped(yield* exec("echo 1 > a; sleep 600; echo 2 > b", timeout))
    assert.equal(yield* sh("ls"), "a\n")
  }),

  "a shell that loops for ever is stopped": Effect.gen(function* () {
    stopped(yield* exec("echo 1 > a; while true; do sleep 0.01; done", timeout))
    stopped(yield* exec("while true; do sleep 0.01; echo x; done | cat > /dev/null", timeout))
    assert.equal(yield* sh("cat a"), "1\n")
  }),

  "what a stopped program did stays": Effect.gen(function* () {
    stopped(yield* run("import fs from 'node:fs'; fs.writeFileSync('a', '1'); for (;;) {}"))
    assert.equal(yield* read("a"), "1")
    yield* write("loop.js", "require('fs').writeFileSync('b', '2'); console.log('so far'); for (;;) {}")
    const result = yield* exec("node loop.js; echo 3 > c", timeout)
    stopped(result)
    assert.equal(result.stdout, "so far\n")
    assert.equal(yield* sh("ls"), "a\nb\nloop.js\n")
  }),

  "the sandbox works on after all of that": Effect.gen(function* () {
    stopped(yield* run("for (;;) {}"))
    stopped(yield* exec("sleep 600", timeout))
    assert.equal(yield* sh("node -p 1; echo 2"), "1\n2\n")
  }),

  "output beyond the limit is cut, and said to be": Effect.gen(function* () {
    const long = yield* exec(`printf %0${sandboxLimits.output + 1}d 0`)
    assert.deepEqual([long.stdout.length, long.truncated], [sandboxLimits.output, true])
    const full = yield* exec('node -e \'process.stdout.write("x".repeat(' + sandboxLimits.output + "))'")
    assert.deepEqual([full.stdout.length, full.truncated], [sandboxLimits.output, false])
    const errors = yield* SandboxBackend.use((sandbox) =>
      sandbox.runCode("process.stderr.write('é'.repeat(1_000_000))")
    )
    assert.deepEqual([errors.stderr.length, errors.truncated], [sandboxLimits.output / 2, true])
    assert.equal(yield* sh("node -e 'process.stdout.write(\"x\".repeat(1_000_000))' | wc -c"), "1000000\n")
  }),

  "a command nobody waits for stops, and what it did stays": Effect.gen(function* () {
    const command = "echo 1 > a; curl -s http://allowed.test/command; sleep 600; echo 2 > b"
    const fiber = yield* Effect.forkChild(exec(command), { startImmediately: true })
    yield* untilReached("/command")
    yield* Fiber.interrupt(fiber)
    assert.equal(yield* sh("ls"), "a\n")
  }),

  "a program nobody waits for stops, and what it did stays": Effect.gen(function* () {
    const code = `
      import fs from "node:fs"
      fs.writeFileSync("a", "1")
      await fetch("http://allowed.test/program")
      setInterval(() => fs.appendFileSync("a", "2"), 100)`
    const fiber = yield* Effect.forkChild(
      SandboxBackend.use((sandbox) => sandbox.runCode(code)),
      { startImmediately: true }
    )
    yield* untilReached("/program")
    yield* Fiber.interrupt(fiber)
    const kept = yield* read("a")
    assert.match(kept, /^12*$/)
    assert.equal(yield* sh("cat a"), kept)
  })
}

export const isolated: Contract<SandboxBackend> = {
  "a shell that does nothing for ever is stopped": Effect.gen(function* () {
    stopped(yield* exec("echo 1 > a; while true; do :; done", 300))
    stopped(yield* exec("while true; do echo x; done | cat > /dev/null", 300))
    assert.equal(yield* sh("cat a"), "1\n")
  }),

  ...Object.fromEntries(
    endless.map((code) => [
      `JavaScript without an end is stopped: ${code}`,
      Effect.gen(function* () {
        const result = yield* run(`console.log(1); ${code}`, 300)
        stopped(result)
        assert.equal(result.stdout, "1\n")
      })
    ])
  ),

  "JavaScript that waits for nothing is stopped": Effect.gen(function* () {
    stopped(yield* run("await new Promise(() => {})"))
  }),

  "a shell that would keep its process busy is stopped before its time": Effect.gen(function* () {
    for (const command of ["f() { f; }; f", "until false; do :; done"]) {
      const result = yield* exec(command)
      assert.deepEqual([result.timedOut, result.exitCode], [false, 126], command)
    }
  }),

  "a regular expression that backtracks without end cannot hang the process": Effect.gen(function* () {
    // It is found out either way: quickly, or not in time.
    yield* run("console.log(/^(a+)+$/.test('a'.repeat(40) + '!'))")
    assert.equal(yield* sh("node -p 1"), "1\n")
  })
}
