import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { EnvironmentResponse } from "../../src/api/Environments.ts"
import { SessionId, SnapshotId } from "../../src/domain/Ids.ts"
import { snapshotKey } from "../../src/Snapshots.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const snapshot = {
  id: SnapshotId.make("snap_1"),
  size_bytes: 10,
  entries: 2,
  sha256: "ab",
  created_at: "2026-11-24T00:00:00.000Z"
}

/** A deployment with machines, an agent, an environment of that backend, and a session that keeps a snapshot. */
const world = Effect.fnUntraced(function* (backend: "isolate" | "microvm" = "microvm") {
  const api = yield* TestApi.make({ backends: ["isolate", "microvm"] })
  const created = (path: string, fields: object) =>
    Effect.map(api.post<{ readonly id: string }>(path, fields), ({ body }) => body.id)
  const agent = yield* created("/v1/agents", { name: "a", model: "demo" })
  const environment_id = yield* created("/v1/environments", { name: "e", config: { type: "cloud", backend } })
  const session = SessionId.make(yield* created("/v1/sessions", { agent, environment_id }))
  api.sessions.snapshots = [snapshot]
  const archive = snapshotKey(session, snapshot.id)
  yield* api.blobs.put(archive, "archive")
  const begin = (reference: unknown) => api.post("/v1/sessions", { agent, environment_id, snapshot: reference })
  return { api, archive, begin, session }
})

describe("GET /v1/sessions/{id}/snapshots", () => {
  it.effect("lists what is kept", () =>
    Effect.gen(function* () {
      const { api, session } = yield* world()
      const { body } = yield* api.get(`/v1/sessions/${session}/snapshots`)
      assert.deepEqual(body, { type: "workspace_snapshots", session_id: session, data: [snapshot] })
      assert.match(errorOf(yield* api.get("/v1/sessions/sesn_none/snapshots")), /^404 /)
    })
  )
})

describe("a session that begins with a snapshot", () => {
  it.effect("has an archive of its own", () =>
    Effect.gen(function* () {
      const { api, begin, session } = yield* world()
      const { status, body } = yield* begin({ session_id: session, id: snapshot.id })
      assert.strictEqual(status, 200)
      const id = SessionId.make((body as { readonly id: string }).id)
      assert.deepEqual(api.sessions.sessions.get(id)?.record.snapshot, snapshot)
      assert.deepEqual(yield* api.blobs.get(snapshotKey(id, snapshot.id)), Option.some("archive"))
    })
  )

  it.effect("is refused where the snapshot is not there, by the field that names it", () =>
    Effect.gen(function* () {
      const { api, archive, begin, session } = yield* world()
      assert.strictEqual(
        errorOf(yield* begin({ session_id: session, id: "snap_2" })),
        `404 not_found_error: snapshot.id: ${session} does not keep snap_2; it keeps snap_1`
      )
      assert.match(errorOf(yield* begin({ session_id: "sesn_none", id: "snap_1" })), /^404 .*sesn_none/)
      assert.match(errorOf(yield* begin({ session_id: session, id: "../x" })), /^400 .*snapshot\.id/)
      assert.match(errorOf(yield* begin("snap_1")), /^400 .*snapshot/)
      // Listed, but its archive is gone.
      yield* api.blobs.deleteAll(archive)
      assert.match(errorOf(yield* begin({ session_id: session, id: snapshot.id })), /^404 .*does not keep snap_1/)
    })
  )

  it.effect("needs a machine", () =>
    Effect.gen(function* () {
      const { begin, session } = yield* world("isolate")
      assert.strictEqual(
        errorOf(yield* begin({ session_id: session, id: snapshot.id })),
        "400 invalid_request_error: snapshot: the environment's backend is isolate; only a microvm begins with one"
      )
    })
  )
})

describe("config.snapshots of an environment", () => {
  type Environment = typeof EnvironmentResponse.Type
  const config = (fields: object) => ({ config: { type: "cloud", ...fields } })

  it.effect("goes with machines, stays until it is changed, and goes with the backend", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make({ backends: ["isolate", "microvm"] })
      const snapshots = { include_ignored: false }
      const fields = { name: "e", ...config({ backend: "microvm", snapshots }) }
      const { body } = yield* api.post<Environment>("/v1/environments", fields)
      assert.deepEqual(body.config.snapshots, snapshots)
      const change = (fields: object) =>
        Effect.map(api.post<Environment>(`/v1/environments/${body.id}`, config(fields)), ({ body }) => body.config)
      assert.deepEqual((yield* change({})).snapshots, snapshots)
      assert.notProperty(yield* change({ snapshots: null }), "snapshots")
      yield* change({ snapshots })
      assert.notProperty(yield* change({ backend: "isolate" }), "snapshots")
      assert.strictEqual(
        errorOf(yield* api.post(`/v1/environments/${body.id}`, config({ snapshots }))),
        "400 invalid_request_error: config.snapshots: the backend isolate has none: it keeps each file as it is written"
      )
    })
  )
})
