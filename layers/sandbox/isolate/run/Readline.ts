import { EventEmitter } from "node:events"
import type { Readable } from "node:stream"

/** The part of `node:readline` that reads lines; there is no terminal to ask. */
export class Interface extends EventEmitter {
  readonly #lines: AsyncGenerator<string>
  #closed = false

  constructor(input: Readable) {
    super()
    this.#lines = linesOf(input)
  }

  override on(event: string, listener: (...values: Array<never>) => void): this {
    super.on(event, listener as never) // EventEmitter types its listeners by event; here they pass through.
    if (event === "line") void this.#emit()
    return this
  }

  close(): void {
    if (!this.#closed) this.emit("close")
    this.#closed = true
  }

  [Symbol.asyncIterator](): AsyncGenerator<string> {
    return this.#lines
  }

  async #emit(): Promise<void> {
    for await (const line of this.#lines) if (!this.#closed) this.emit("line", line)
    this.close()
  }
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of input) {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split(/\r?\n/)
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== "") yield rest
}

export const readline = {
  Interface,
  createInterface: (options: { readonly input: Readable } | Readable) =>
    new Interface("input" in options ? options.input : options)
}
