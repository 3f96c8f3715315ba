import type { Life } from "./Life.ts"

type Callback = (...values: ReadonlyArray<unknown>) => unknown
interface Handle {
  unref?: () => unknown
}
type Start = (callback: () => void, delay?: number) => Handle
type Clear = (handle: Handle | undefined) => void
type Method = (this: object, ...values: ReadonlyArray<unknown>) => Promise<unknown>

/** Of each class, the methods that wait for something outside of the program. */
const waiting: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["Request", ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]],
  ["Response", ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]],
  ["Blob", ["arrayBuffer", "bytes", "text"]],
  ["ReadableStreamDefaultReader", ["read"]],
  ["ReadableStreamBYOBReader", ["read"]]
]

/**
 * Lets whatever a program waits for keep it going, as Node's event loop does: timers, the network, streams. Also hands errors of
 * callbacks to `life`. Changes the globals of its isolate, which serves one program only.
 */
export const install = (life: Life): { readonly timers: object; readonly timerPromises: object } => {
  // The global object has no index signature, and the types of Workers and of Node disagree on its members.
  // Globals are replaced by name; what each is, is said where it is taken.
  const world = globalThis as unknown as Record<string, never>
  const held = new WeakMap<Handle, () => void>()

  const timer =
    (start: Start, repeats: boolean, hasDelay: boolean) =>
    (callback: Callback, ...rest: ReadonlyArray<unknown>) => {
      if (typeof callback !== "function") throw new TypeError("The callback of a timer must be a function")
      const values = hasDelay ? rest.slice(1) : rest
      const release = life.hold()
      const handle = start(
        () => {
          life.call(callback, ...values)
          if (!repeats) release()
        },
        hasDelay ? Number(rest[0] ?? 0) : undefined
      )
      held.set(handle, release)
      handle.unref = () => {
        release()
        return handle
      }
      return handle
    }
  const clear = (stop: Clear) => (handle: Handle | undefined) => {
    if (typeof handle === "object" && handle !== null) held.get(handle)?.()
    stop(handle)
  }

  const timers = {
    setTimeout: timer(world["setTimeout"]!, false, true),
    setInterval: timer(world["setInterval"]!, true, true),
    setImmediate: timer(world["setImmediate"]!, false, false),
    clearTimeout: clear(world["clearTimeout"]!),
    clearInterval: clear(world["clearInterval"]!),
    clearImmediate: clear(world["clearImmediate"]!)
  }
  const enqueue = world["queueMicrotask"] as unknown as (callback: () => void) => void
  const fetch = world["fetch"] as unknown as (...values: ReadonlyArray<unknown>) => Promise<unknown>
  Object.assign(world, timers, {
    queueMicrotask: (callback: Callback) => enqueue(() => life.call(callback)),
    fetch: (...values: ReadonlyArray<unknown>) => life.while(fetch(...values))
  })
  for (const [name, methods] of waiting) {
    const prototype = (world[name] as unknown as { readonly prototype: Record<string, Method> }).prototype
    for (const method of methods) {
      const real = prototype[method]
      if (real === undefined) continue
      prototype[method] = function (...values) {
        return life.while(real.call(this, ...values))
      }
    }
  }
  const stream = (world["ReadableStream"] as unknown as { readonly prototype: ReadableStream }).prototype
  // The native iterator would read past the methods above.
  Object.defineProperty(stream, Symbol.asyncIterator, { value: iterate, configurable: true, writable: true })

  const sleep = (delay?: number, value?: unknown) =>
    new Promise((resolve) => timers.setTimeout(() => resolve(value), delay))
  return {
    timers,
    timerPromises: {
      setTimeout: sleep,
      setImmediate: (value?: unknown) => new Promise((resolve) => timers.setImmediate(() => resolve(value))),
      async *setInterval(delay?: number, value?: unknown) {
        for (;;) yield await sleep(delay, value)
      },
      scheduler: { wait: sleep, yield: () => new Promise((resolve) => timers.setImmediate(() => resolve(undefined))) }
    }
  }
}

async function* iterate(this: ReadableStream): AsyncGenerator {
  const reader = this.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
    reader.releaseLock()
  }
}
