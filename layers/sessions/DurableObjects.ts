import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionId } from "../../src/domain/Ids.ts"
import { Sessions } from "../../src/Sessions.ts"
import { StorageError } from "../../src/Storage.ts"
import { type Failure, fromReply, type Reply, type SessionRpc, toUpgrade } from "./rpc.ts"

const failed = (operation: string) => (cause: unknown) => new StorageError({ operation, cause })

/** Sessions as Durable Objects of this Worker, one per session, named by its id. */
export const layer = (namespace: { getByName(name: string): unknown }): Layer.Layer<Sessions> => {
  /** A failure that is none of the operation's own is a fault of the object, not an answer of the API. */
  const call = <A, Tag extends Failure["_tag"]>(
    operation: string,
    id: SessionId,
    own: ReadonlyArray<Tag>,
    f: (stub: SessionRpc) => Promise<Reply<A>>
  ) =>
    Effect.tryPromise({
      // The generated type of a stub is too deep for the compiler: the interface says the same.
      try: () => f(namespace.getByName(id) as SessionRpc),
      catch: failed(operation)
    }).pipe(
      Effect.flatMap(fromReply),
      Effect.mapError((failure) => (isOneOf(failure, own) ? failure : failed(operation)(failure.message))),
      Effect.withSpan(`Sessions.${operation}`, { attributes: { "session.id": id } })
    )

  return Layer.succeed(
    Sessions,
    Sessions.of({
      create: (record, initialEvents, inherited) =>
        call("create", record.id, [], (stub) => stub.create(record, initialEvents, inherited)),
      get: (id) => call("get", id, ["SessionNotFound"], (stub) => stub.get()),
      update: (id, change) =>
        call("update", id, ["SessionNotFound", "SessionConflict", "MetadataFull", "BudgetRefused"], (stub) =>
          stub.update(change)
        ),
      rouse: (id) => call("rouse", id, ["SessionNotFound"], (stub) => stub.rouse()),
      archive: (id) => call("archive", id, ["SessionNotFound", "SessionConflict"], (stub) => stub.archive()),
      delete: (id) => call("delete", id, ["SessionNotFound", "SessionConflict"], (stub) => stub.destroy()),
      send: (id, events) => call("send", id, ["SessionNotFound", "SessionConflict"], (stub) => stub.send(events)),
      events: (id, query) => call("events", id, ["SessionNotFound"], (stub) => stub.events(query)),
      stream: (id, options) => call("stream", id, ["SessionNotFound", "AheadOfLog"], (stub) => stub.stream(options)),
      export: (id) => call("export", id, ["SessionNotFound"], (stub) => stub.export()),
      snapshots: (id) => call("snapshots", id, ["SessionNotFound", "SessionConflict"], (stub) => stub.snapshots()),
      traces: (id, turns) => call("traces", id, ["SessionNotFound"], (stub) => stub.traces(turns)),
      connect: (id, options) =>
        call("connect", id, ["SessionNotFound", "AheadOfLog"], async (stub) => {
          const response = await stub.fetch(toUpgrade(options))
          return response.webSocket === null ? response.json<Reply<Response>>() : { ok: true, value: response }
        })
    })
  )
}

const isOneOf = <Tag extends Failure["_tag"]>(
  failure: Failure,
  tags: ReadonlyArray<Tag>
): failure is Extract<Failure, { readonly _tag: Tag }> => tags.some((tag) => tag === failure._tag)
