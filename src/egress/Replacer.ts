export interface Replacement {
  readonly find: Uint8Array
  readonly put: Uint8Array
}

/**
 * Replaces bytes in a stream, wherever its chunks are cut. Of several replacements that begin at one place the longest applies. Only what
 * may be the beginning of one is held back.
 */
export class Replacer {
  /** By the first byte of what they find, the longest first. */
  private readonly byFirst: ReadonlyArray<ReadonlyArray<Replacement> | undefined>
  private held: Uint8Array = new Uint8Array()
  /** Those that were made. */
  readonly used = new Set<Replacement>()

  constructor(replacements: ReadonlyArray<Replacement>) {
    const byFirst: Array<Array<Replacement> | undefined> = Array.from({ length: 256 })
    for (const replacement of replacements.toSorted((a, b) => b.find.length - a.find.length)) {
      const [first] = replacement.find
      if (first !== undefined) (byFirst[first] ??= []).push(replacement)
    }
    this.byFirst = byFirst
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.replace(chunk, false)
  }

  /** What was held back at the end of the stream. */
  end(): Uint8Array {
    return this.replace(new Uint8Array(), true)
  }

  private replace(chunk: Uint8Array, isEnd: boolean): Uint8Array {
    const data = this.held.length === 0 ? chunk : concat([this.held, chunk])
    const parts: Array<Uint8Array> = []
    let from = 0
    let at = 0
    while (at < data.length) {
      const found = this.at(data, at, isEnd)
      if (found === "unknown") break
      if (found === undefined) {
        at++
        continue
      }
      parts.push(data.subarray(from, at), found.put)
      at += found.find.length
      from = at
      this.used.add(found)
    }
    this.held = data.slice(at)
    return parts.length === 0 ? data.subarray(0, at) : concat([...parts, data.subarray(from, at)])
  }

  private at(data: Uint8Array, at: number, isEnd: boolean): Replacement | "unknown" | undefined {
    const candidates = this.byFirst[data[at]!]
    if (candidates === undefined) return undefined
    for (const candidate of candidates) {
      const { find } = candidate
      const length = Math.min(find.length, data.length - at)
      let same = 1
      while (same < length && data[at + same] === find[same]) same++
      if (same < length) continue
      if (length === find.length) return candidate
      if (!isEnd) return "unknown"
    }
    return undefined
  }
}

export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Sends a stream through it. */
export const through = (replacer: Replacer): TransformStream<Uint8Array, Uint8Array> => {
  const enqueue = (controller: TransformStreamDefaultController<Uint8Array>, bytes: Uint8Array) => {
    if (bytes.length > 0) controller.enqueue(bytes)
  }
  return new TransformStream({
    transform: (chunk, controller) => enqueue(controller, replacer.push(chunk)),
    flush: (controller) => enqueue(controller, replacer.end())
  })
}
