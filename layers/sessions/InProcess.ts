import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionId } from "../../src/domain/Ids.ts"
import type { SessionRecord } from "../../src/domain/Session.ts"
import { SessionObject } from "../../src/loop/SessionObject.ts"
import { SessionNotFound, Sessions, WebSocketsMissing } from "../../src/Sessions.ts"
import { StorageError } from "../../src/Storage.ts"

/** Sessions in this process, for tests and for Node: each gets its own layers, which end with this one. */
export const layer = <E, R>(
  session: (record: SessionRecord) => Layer.Layer<SessionObject, E, R>
): Layer.Layer<Sessions, never, R> =>
  Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const services = yield* Effect.context<R>()
      const objects = new Map<SessionId, SessionObject["Service"]>()

      const open = (record: SessionRecord) =>
        Layer.buildWithScope(Layer.fresh(session(record)), scope).pipe(
          Effect.provide(services),
          Effect.map((context) => Context.get(context, SessionObject)),
          Effect.mapError((cause) => new StorageError({ operation: "open", cause })),
          Effect.tap((object) => Effect.sync(() => objects.set(record.id, object)))
        )

      const find = (id: SessionId) => {
        const object = objects.get(id)
        return object === undefined ? Effect.fail(new SessionNotFound({ id })) : Effect.succeed(object)
      }

      return Sessions.of({
        create: (record, initialEvents, inherited) =>
          Effect.flatMap(
            Effect.catch(find(record.id), () => open(record)),
            (object) => object.create(record, initialEvents, inherited)
          ).pipe(
            Effect.catchTag(["SessionConflict", "SessionNotFound"], (error) =>
              Effect.fail(new StorageError({ operation: "create", cause: error.message }))
            )
          ),
        get: (id) => Effect.flatMap(find(id), (object) => object.get),
        update: (id, change) => Effect.flatMap(find(id), (object) => object.update(change)),
        // Nothing in this process falls asleep.
        rouse: (id) => Effect.flatMap(find(id), (object) => Effect.as(object.rouse, false)),
        archive: (id) => Effect.flatMap(find(id), (object) => object.archive),
        delete: (id) =>
          Effect.flatMap(find(id), (object) => object.delete).pipe(
            Effect.andThen(Effect.sync(() => void objects.delete(id)))
          ),
        send: (id, events) => Effect.flatMap(find(id), (object) => object.send(events)),
        events: (id, query) => Effect.flatMap(find(id), (object) => object.events(query)),
        stream: (id, options) => Effect.flatMap(find(id), (object) => object.stream(options)),
        export: (id) => Effect.flatMap(find(id), (object) => object.export),
        snapshots: (id) => Effect.flatMap(find(id), (object) => object.snapshots),
        traces: (id, turns) => Effect.flatMap(find(id), (object) => object.traces(turns)),
        connect: (id) => Effect.flatMap(find(id), () => Effect.fail(new WebSocketsMissing()))
      })
    })
  )
