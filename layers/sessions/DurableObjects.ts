import { Effect, Layer } from "effect"
import type { SessionId } from "../../src/domain/Ids.ts"
import { SessionConflict, type SessionNotFound, Sessions } from "../../src/Sessions.ts"
import { StorageError } from "../../src/Storage.ts"
import { fromReply, type Reply, type SessionRpc } from "./rpc.ts"

type Refused = SessionNotFound | SessionConflict | StorageError

const unreachable = (operation: string) => (cause: unknown) => new StorageError({ operation, cause })

/** What cannot happen for this operation is a fault of the object, not an answer of the API. */
const never = (operation: string) => (refusal: { readonly message: string }) =>
  Effect.fail(new StorageError({ operation, cause: refusal.message }))

const notRefused = <A>(operation: string, effect: Effect.Effect<A, Refused>) =>
  Effect.catchTag(effect, "SessionConflict", never(operation))

/** Sessions as Durable Objects of this Worker, one per session, named by its id. */
export const layer = (namespace: { getByName(name: string): unknown }): Layer.Layer<Sessions> => {
  const ask = <A>(operation: string, id: SessionId, f: (stub: SessionRpc) => Promise<Reply<A>>) =>
    Effect.tryPromise({
      // The generated type of a stub is too deep for the compiler: the interface says the same.
      try: () => f(namespace.getByName(id) as SessionRpc),
      catch: unreachable(operation)
    }).pipe(Effect.flatMap(fromReply), Effect.withSpan(`Sessions.${operation}`, { attributes: { "session.id": id } }))

  const call = <A>(operation: string, id: SessionId, f: (stub: SessionRpc) => Promise<Reply<A>>) =>
    Effect.catchTag(ask(operation, id, f), "MetadataFull", never(operation))

  return Layer.succeed(
    Sessions,
    Sessions.of({
      create: (record, initialEvents) =>
        notRefused(
          "create",
          call("create", record.id, (stub) => stub.create(record, initialEvents))
        ).pipe(Effect.catchTag("SessionNotFound", (error) => Effect.fail(unreachable("create")(error.message)))),
      get: (id) =>
        notRefused(
          "get",
          call("get", id, (stub) => stub.get())
        ),
      update: (id, change) => ask("update", id, (stub) => stub.update(change)),
      archive: (id) => call("archive", id, (stub) => stub.archive()),
      delete: (id) => call("delete", id, (stub) => stub.destroy()),
      send: (id, events) => call("send", id, (stub) => stub.send(events)),
      events: (id, query) =>
        notRefused(
          "events",
          call("events", id, (stub) => stub.events(query))
        ),
      stream: (id, { deltas }) =>
        notRefused(
          "stream",
          call("stream", id, (stub) => stub.stream([...deltas]))
        )
    })
  )
}
