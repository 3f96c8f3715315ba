import assert from "node:assert/strict"
import { Effect, Fiber } from "effect"
import { limits as sandboxLimits, SandboxBackend } from "../src/SandboxBackend.ts"
import { exec, read, sh, stopped, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

const timeout = 300

const run = (code: string) => SandboxBackend.use((sandbox) => sandbox.runCode(code, { timeout }))

export const limits: Contract<SandboxBackend> = {
  "a command that waits too long is stopped": Effect.gen(function* () {
    stopped(yield* exec("echo 1 > a; sleep 600; echo 2 > b", timeout))
    assert.equal(yield* sh("ls"), "a\n")
  }),

  "a shell that loops for ever is stopped": Effect.gen(function* () {
    stopped(yield* exec("echo 1 > a; while true; do :; done", timeout))
    stopped(yield* exec("while true; do echo x; done | cat > /dev/null", timeout))
    const deep = yield* exec("f() { f; }; f")
    assert.notEqual(deep.exitCode, 0)
    const endless = yield* exec("until false; do :; done", 60_000)
    assert.notEqual(endless.exitCode, 0)
    assert.equal(yield* sh("cat a"), "1\n")
  }),

  "JavaScript that loops for ever is stopped": Effect.gen(function* () {
    for (const code of [
      "for (;;) {}",
      "for (;;);",
      "while (true) try { while (true) {} } catch {}",
      "do ; while (true)",
      "const f = () => { try { for (;;); } finally { f() } }; f()",
      "const f = () => f2(); const f2 = function () { try { return f() } catch { return f() } }; f()",
      "function* g() { for (;;) yield 1 }; for (const x of g()) {}",
      "class A { get x() { for (;;); } }; new A().x",
      "const o = { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }; Array.from(o)"
    ]) {
      const result = yield* run(`console.log(1); ${code}`)
      stopped(result)
      assert.equal(result.stdout, "1\n", code)
    }
  }),

  "JavaScript that goes on for ever in turns is stopped": Effect.gen(function* () {
    for (const code of [
      "await new Promise(() => {})",
      "setInterval(() => {}, 1)",
      "const f = () => Promise.resolve().then(f); f()",
      "const f = () => queueMicrotask(f); f()",
      "const f = () => process.nextTick(f); f()",
      "const f = async () => { for (;;) await null }; f()",
      "const f = () => setTimeout(f, 0); f()"
    ]) {
      const result = yield* run(`console.log(1); ${code}`)
      stopped(result)
      assert.equal(result.stdout, "1\n", code)
    }
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
    const long = yield* exec(`head -c ${sandboxLimits.output + 1} /dev/zero | tr '\\0' x`)
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
    const fiber = yield* Effect.forkChild(exec("echo 1 > started; sleep 600; echo 2 > ended"))
    // The next command runs once the first has ended.
    yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
    assert.equal(yield* sh("ls ended 2>/dev/null | wc -l"), "0\n")
  })
}
