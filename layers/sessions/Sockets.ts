import * as Stream from "effect/Stream"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import type { Frame } from "../../src/loop/LiveFeed.ts"
import { SessionObject } from "../../src/loop/SessionObject.ts"
import type { AheadOfLog, SessionNotFound, StreamOptions } from "../../src/Sessions.ts"
import type { StorageError } from "../../src/Storage.ts"

/** What a socket keeps while its object is away. */
interface Attachment {
  readonly deltas: StreamOptions["deltas"]
  /** Place in the log of the last entry that was sent. */
  readonly after: number
}

/** The part of a Durable Object's state that holds its sockets. */
type State = Pick<DurableObjectState, "acceptWebSocket" | "getWebSockets" | "setWebSocketAutoResponse">

/** Bytes on their way to a client: beyond that it is waited for, and what comes meanwhile stays in the log. */
const window = 1024 * 1024

const patience = "1 minute"

/** An SSE frame's three fields. */
const text = (frame: Frame): string =>
  JSON.stringify(
    "seq" in frame ? { id: frame.seq, event: frame.event.type, data: frame.event } : { event: frame.type, data: frame }
  )

const isOpen = (socket: WebSocket) => socket.readyState === WebSocket.OPEN

const end = (socket: WebSocket) => socket.close(1000, "the session was deleted")

/**
 * The WebSockets of one session's object. They stay open while the object hibernates: it keeps nothing of them but what is attached to
 * each, and goes on from there when it is back.
 */
export class Sockets extends Context.Service<
  Sockets,
  {
    /** Opens a socket and answers the client's end of it. */
    open(options: StreamOptions): Effect.Effect<WebSocket, SessionNotFound | AheadOfLog | StorageError>
    /** The client is gone. */
    forget(socket: WebSocket): Effect.Effect<void>
  }
>()("ownloop/layers/sessions/Sockets") {
  static readonly layer = (state: State): Layer.Layer<Sockets, never, SessionObject> =>
    Layer.effect(
      Sockets,
      Effect.gen(function* () {
        const session = yield* SessionObject
        const shown = yield* FiberMap.make<WebSocket, void, never>()

        /** Until the client took what is on its way to it. Polled, since nothing tells. */
        const taken = (socket: WebSocket) =>
          Effect.sleep("100 millis").pipe(
            Effect.repeat({ while: () => isOpen(socket) && socket.bufferedAmount > window }),
            Effect.timeoutOrElse({
              duration: patience,
              orElse: () =>
                Effect.sync(() => socket.close(1013, "too slow: connect again after the last event that you have"))
            })
          )

        const show = Effect.fnUntraced(function* (socket: WebSocket) {
          const { deltas, after } = socket.deserializeAttachment() as Attachment // Written below, and nowhere else.
          yield* Stream.runForEachArray(
            session.follow(after, deltas),
            Effect.fnUntraced(function* (frames) {
              for (const frame of frames) {
                if (socket.bufferedAmount > window) yield* taken(socket)
                if (!isOpen(socket)) return yield* Effect.interrupt
                socket.send(text(frame))
                if ("seq" in frame) socket.serializeAttachment({ deltas, after: frame.seq } satisfies Attachment)
                else if (frame.type === "session.deleted") end(socket)
                else if (frame.type === "error") socket.close(1011, frame.error.message)
              }
            })
          )
        })

        const open = Effect.fn("Sockets.open")(function* (options: StreamOptions) {
          const after = yield* session.begin(options)
          const { 0: client, 1: server } = new WebSocketPair()
          // Answered without waking the object.
          state.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"))
          state.acceptWebSocket(server)
          server.serializeAttachment({ deltas: options.deltas, after } satisfies Attachment)
          yield* FiberMap.run(shown, server, show(server))
          return client
        })

        // The session was deleted: whoever can take the last frame gets it.
        yield* Effect.addFinalizer(() =>
          Effect.andThen(
            Effect.timeoutOption(FiberMap.awaitEmpty(shown), "1 second"),
            Effect.sync(() => state.getWebSockets().filter(isOpen).forEach(end))
          )
        )

        for (const socket of state.getWebSockets()) yield* FiberMap.run(shown, socket, show(socket))

        return Sockets.of({ open, forget: (socket) => FiberMap.remove(shown, socket) })
      })
    )
}
