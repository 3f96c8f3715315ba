import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Sockets } from "../layers/sessions/Sockets.ts"
import { EventId } from "../src/domain/Ids.ts"
import { SessionObject } from "../src/loop/SessionObject.ts"
import type { LogEntry } from "../src/Storage.ts"

/** What real sockets do not show within a test's time: a client that reads slowly. */

const entry = (seq: number): LogEntry => ({
  seq,
  event: { type: "session.status_running", id: EventId.make(`sevt_${seq}`), processed_at: "2026-11-22T16:42:00.000Z" }
})

class Socket {
  readonly sent: Array<number> = []
  closed: number | undefined
  bufferedAmount = 0
  attachment: unknown
  constructor(after: number) {
    this.attachment = { deltas: new Set(), after }
  }
  get readyState() {
    return this.closed === undefined ? WebSocket.OPEN : WebSocket.CLOSED
  }
  send(message: string) {
    this.sent.push((JSON.parse(message) as { readonly id: number }).id)
  }
  close(code: number) {
    this.closed = code
  }
  serializeAttachment(attachment: unknown) {
    this.attachment = attachment
  }
  deserializeAttachment() {
    return this.attachment
  }
}

const log = [1, 2, 3, 4].map(entry)

/** The object of a session with these four entries, back from hibernation with a socket. */
const wake = (socket: Socket) => {
  const session = Layer.mock(SessionObject, {
    follow: (place) => Stream.fromIterable(log.slice(place))
  })
  // As much of a Durable Object's state as is used here.
  const state = { getWebSockets: () => [socket] } as unknown as DurableObjectState
  return Effect.andThen(Layer.build(Layer.provide(Sockets.layer(state), session)), TestClock.adjust(0))
}

describe("Sockets", () => {
  it.effect("go on after the last entry that was sent", () =>
    Effect.gen(function* () {
      const socket = new Socket(2)
      yield* wake(socket)
      assert.deepStrictEqual(socket.sent, [3, 4])
      assert.deepEqual(socket.attachment, { deltas: new Set(), after: 4 })
    })
  )

  it.effect("wait for a client that reads slowly, and send it what came meanwhile", () =>
    Effect.gen(function* () {
      const socket = new Socket(0)
      socket.bufferedAmount = 2_000_000
      yield* wake(socket)
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(socket.sent, [])
      socket.bufferedAmount = 1_000_000
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(socket.sent, [1, 2, 3, 4])
      assert.isUndefined(socket.closed)
    })
  )

  it.effect("close one that takes nothing for a minute, where it can go on later", () =>
    Effect.gen(function* () {
      const socket = new Socket(1)
      socket.bufferedAmount = 2_000_000
      yield* wake(socket)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(socket.closed, 1013)
      assert.deepStrictEqual(socket.sent, [])
      assert.deepEqual(socket.attachment, { deltas: new Set(), after: 1 })
    })
  )
})
