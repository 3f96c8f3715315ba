/** Bytes of a streamed body that are kept, so that it can be sent again. */
const limit = 64 * 1024

/** A body that passes on as it comes. */
export interface Payload {
  readonly content: ReadableStream<Uint8Array> | Uint8Array | null
  /** The same body once more; undefined where it was too long to keep, or is not over yet. */
  readonly again: () => Payload | undefined
}

export const noPayload: Payload = { content: null, again: () => noPayload }

export const streamed = (content: ReadableStream<Uint8Array>): Payload => ({ content, again: () => undefined })

/** Streams, and keeps what it streamed while that is little. */
export const replayable = (body: ReadableStream<Uint8Array>): Payload => {
  let kept: Array<Uint8Array> = []
  let length = 0
  let complete = false
  const tap = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      length += chunk.byteLength
      if (length > limit) kept = []
      else kept.push(chunk.slice())
      controller.enqueue(chunk)
    },
    flush: () => {
      complete = length <= limit
    }
  })
  return { content: body.pipeThrough(tap), again: () => (complete ? whole(kept, length) : undefined) }
}

const whole = (chunks: ReadonlyArray<Uint8Array>, length: number): Payload => {
  const content = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    content.set(chunk, offset)
    offset += chunk.byteLength
  }
  const payload: Payload = { content, again: () => payload }
  return payload
}
