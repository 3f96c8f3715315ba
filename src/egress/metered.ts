/** A body that passes on as it comes, counted. */
export interface Metered {
  readonly body: ReadableStream<Uint8Array>
  /** Bytes so far. */
  readonly bytes: () => number
  /** Whether it broke off because it was longer than its limit. */
  readonly isTooLong: () => boolean
}

/**
 * Breaks off beyond `limit` bytes, and at `signal`. `onEnd` is called once: when the body is over, broken, or nobody wants more of it.
 */
export const metered = (
  source: ReadableStream<Uint8Array>,
  limit: number,
  onEnd: () => void = () => undefined,
  signal?: AbortSignal
): Metered => {
  const reader = source.getReader()
  let bytes = 0
  let isTooLong = false
  let isOver = false
  const end = () => {
    if (!isOver) onEnd()
    isOver = true
  }
  const giveUp = (reason: unknown) => {
    end()
    // Whoever broke off need not hear whether the other side minds.
    reader.cancel(reason).catch(() => undefined)
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        signal?.addEventListener("abort", () => {
          if (isOver) return
          giveUp(signal.reason)
          controller.error(signal.reason)
        })
      },
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (isOver) return
          if (done) {
            end()
            return controller.close()
          }
          bytes += value.byteLength
          if (bytes <= limit) return controller.enqueue(value)
          isTooLong = true
          const error = new RangeError(`the body is longer than ${limit} bytes`)
          giveUp(error)
          controller.error(error)
        } catch (error) {
          if (isOver) return
          end()
          controller.error(error)
        }
      },
      cancel: (reason) => giveUp(reason)
    },
    // What nobody asked for is not read ahead.
    { highWaterMark: 0 }
  )
  return { body, bytes: () => bytes, isTooLong: () => isTooLong }
}
