import assert from "node:assert/strict"
import { Effect, Schema } from "effect"
import { type ExecResult, SandboxBackend, SandboxError } from "../src/SandboxBackend.ts"

/** What programs have asked of the network, so that a test can see how far they are. */
const reached = new Set<string>()

/** Waits until a program has asked for this path, which no other test asks for. */
export const untilReached = (path: string) =>
  Effect.promise(async () => {
    while (!reached.has(path)) await new Promise<void>((resolve) => setImmediate(resolve))
  })

/** The network of the sandboxes under test: what a gateway would let through, or not. */
export const network = async (request: Request): Promise<Response> => {
  const url = new URL(request.url)
  reached.add(url.pathname)
  if (url.hostname !== "allowed.test") return new Response("blocked by the policy", { status: 403 })
  if (url.pathname === "/moved") return Response.redirect("http://allowed.test/there", 302)
  return new Response(`${request.method} ${url.pathname} ${await request.text()}`)
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (content: Uint8Array): string => new TextDecoder().decode(content)

/** Runs a command; gives its stdout, and fails where it printed to stderr or did not exit with 0. */
export const sh = Effect.fnUntraced(function* (command: string) {
  return succeeded(yield* SandboxBackend.use((sandbox) => sandbox.exec(command)))
})

/** The same for JavaScript. */
export const js = Effect.fnUntraced(function* (code: string) {
  return succeeded(yield* SandboxBackend.use((sandbox) => sandbox.runCode(code)))
})

export const exec = (command: string, timeout?: number) =>
  SandboxBackend.use((sandbox) => sandbox.exec(command, timeout === undefined ? {} : { timeout }))

export const write = (path: string, content: string) =>
  SandboxBackend.use((sandbox) => sandbox.writeFile(path, bytes(content)))

export const read = (path: string) => SandboxBackend.use((sandbox) => Effect.map(sandbox.readFile(path), text))

/** The reason that an effect fails for. */
export const reason = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.ok(Schema.is(SandboxError)(error), String(error))
    // Without its class, so that it can be compared.
    return Object.assign({}, error.reason)
  })

/** A command may be stopped a bit late, but not much. */
export const stopped = (result: ExecResult) => {
  assert.equal(result.timedOut, true)
  assert.equal(result.exitCode, 124)
}

const succeeded = (result: ExecResult): string => {
  assert.equal(result.stderr, "")
  assert.equal(result.exitCode, 0)
  assert.equal(result.timedOut, false)
  return result.stdout
}
