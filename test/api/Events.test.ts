import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream, Struct } from "effect"
import type { SessionEvent } from "../../src/domain/Event.ts"
import type { Session } from "../../src/domain/Session.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi

const text = (text: string) => ({ type: "text", text })
const message = (...texts: ReadonlyArray<string>) => ({ type: "user.message", content: texts.map(text) })

const ids = ({ data }: TestApi.Page<SessionEvent>) => data.map(({ id }) => id.slice("sevt_".length)).join(" ")

const prepared = Effect.gen(function* () {
  const api = yield* TestApi.make()
  const { body: agent } = yield* api.post<{ id: string }>("/v1/agents", { name: "a", model: "demo" })
  const { body: environment } = yield* api.post<{ id: string }>("/v1/environments", { name: "e" })
  const { body: session } = yield* api.post<Session>("/v1/sessions", {
    agent: agent.id,
    environment_id: environment.id
  })
  const path = `/v1/sessions/${session.id}/events`
  return {
    api,
    session,
    path,
    send: (...events: ReadonlyArray<unknown>) => api.post<TestApi.Page<SessionEvent>>(path, { events })
  }
})

describe("POST /v1/sessions/{id}/events", () => {
  it.effect("answers the events as they were logged", () =>
    Effect.gen(function* () {
      const { send } = yield* prepared
      const { status, body } = yield* send(
        message("hi", "there"),
        { type: "user.interrupt", session_thread_id: null },
        { type: "user.tool_confirmation", tool_use_id: "sevt_9", result: "deny", deny_message: "no" },
        { type: "user.tool_confirmation", tool_use_id: "sevt_9", result: "allow", deny_message: null },
        { type: "user.custom_tool_result", custom_tool_use_id: "sevt_8", content: [text("42")], is_error: false },
        { type: "user.custom_tool_result", custom_tool_use_id: "sevt_8", content: null }
      )
      assert.strictEqual(status, 200)
      const logged = body.data.map((event) => [event.id, Struct.omit(event, ["id", "processed_at"])])
      assert.deepEqual(logged, [
        ["sevt_1", message("hi", "there")],
        ["sevt_2", { type: "user.interrupt" }],
        ["sevt_3", { type: "user.tool_confirmation", tool_use_id: "sevt_9", result: "deny", deny_message: "no" }],
        ["sevt_4", { type: "user.tool_confirmation", tool_use_id: "sevt_9", result: "allow", deny_message: null }],
        [
          "sevt_5",
          { type: "user.custom_tool_result", custom_tool_use_id: "sevt_8", content: [text("42")], is_error: false }
        ],
        ["sevt_6", { type: "user.custom_tool_result", custom_tool_use_id: "sevt_8" }]
      ])
    })
  )

  const confirmation = { type: "user.tool_confirmation", tool_use_id: "sevt_1", result: "allow" }

  it.effect.each<[event: unknown, problem: string]>([
    [{ type: "user.message", content: [{ type: "text", text: 3 }] }, ".content[0].text: expected string, got number"],
    [{ type: "user.message", content: [] }, ".content[0]: is required"],
    [{ type: "user.message" }, ".content: is required"],
    [
      { type: "user.message", content: [text("a"), { type: "image", source: {} }] },
      ".content[1]: image is not supported yet"
    ],
    [{ type: "user.message", content: [{ type: "video" }] }, ".content[0]: expected a block of type text"],
    [message("x".repeat(300_000), "x".repeat(300_000)), ": is longer than 600000 characters"],
    [{ type: "user.define_outcome" }, ": user.define_outcome is not supported yet"],
    [{ type: "user.tool_result" }, ": user.tool_result is not supported yet"],
    [{ type: "system.message" }, ": system.message is not supported yet"],
    [
      { type: "agent.message" },
      ": expected the type user.message, user.interrupt, user.tool_confirmation or user.custom_tool_result"
    ],
    [3, ": expected the type user.message, user.interrupt, user.tool_confirmation or user.custom_tool_result"],
    [{ type: "user.interrupt", session_thread_id: "sthr_1" }, ".session_thread_id: is not supported yet"],
    [{ ...confirmation, result: "maybe" }, '.result: expected "allow" | "deny", got string'],
    [{ ...confirmation, deny_message: "no" }, ".deny_message: goes with the result deny only"],
    [{ ...confirmation, result: "deny", scope: "session" }, ".scope: goes with the result allow only"],
    [
      { ...confirmation, tool_use_id: "toolu_1" },
      ".tool_use_id: expected a string matching the RegExp ^sevt_[0-9A-Za-z]{1,64}$"
    ]
  ])("refuses %j", ([event, problem]) =>
    Effect.gen(function* () {
      const { api, session, send } = yield* prepared
      assert.strictEqual(errorOf(yield* send(message("fine"), event)), `400 invalid_request_error: events[1]${problem}`)
      assert.deepEqual(api.sessions.sessions.get(session.id)?.log, [])
    })
  )

  it.effect("allows a request for ever only to who may change policies", () =>
    Effect.gen(function* () {
      const { api, path, session, send } = yield* prepared
      const { body: key } = yield* api.post<{ id: string; key: string }>("/v1/api_keys", { name: "k", scope: "run" })
      const sendAsRunner = (...events: ReadonlyArray<unknown>) =>
        api.call("POST", path, { events }, { authorization: `Bearer ${key.key}` })
      const scoped = (scope: string) => ({ ...confirmation, scope })
      assert.strictEqual(
        errorOf(yield* sendAsRunner(message("x"), scoped("always"))),
        `403 permission_error: events[1].scope: always needs the scope admin; the caller (api_key ${key.id}) has the scope run`
      )
      assert.deepEqual(api.sessions.sessions.get(session.id)?.log, [])
      assert.strictEqual((yield* sendAsRunner(scoped("once"), scoped("session"))).status, 200)
      assert.strictEqual((yield* send(scoped("always"))).status, 200)
    })
  )

  it.effect("takes 1 to 50 events", () =>
    Effect.gen(function* () {
      const { send } = yield* prepared
      assert.strictEqual(
        errorOf(yield* send()),
        "400 invalid_request_error: events: expected a value with a length of at least 1"
      )
      const fifty = Array.from({ length: 50 }, () => message("x"))
      assert.strictEqual((yield* send(...fifty)).status, 200)
      assert.strictEqual(
        errorOf(yield* send(...fifty, message("x"))),
        "400 invalid_request_error: events: expected a value with a length of at most 50"
      )
    })
  )

  it.effect("is a conflict for an archived session, and 404 for one that does not exist", () =>
    Effect.gen(function* () {
      const { api, session, send } = yield* prepared
      yield* api.post(`/v1/sessions/${session.id}/archive`)
      assert.match(errorOf(yield* send(message("x"))), /^409 invalid_request_error: session .* it is archived$/)
      assert.strictEqual(
        errorOf(yield* api.post("/v1/sessions/sesn_1/events", { events: [message("x")] })),
        "404 not_found_error: session sesn_1 does not exist"
      )
    })
  )
})

describe("GET /v1/sessions/{id}/events", () => {
  it.effect("is in pages, in either order, the oldest first where nothing is said", () =>
    Effect.gen(function* () {
      const { api, path, send } = yield* prepared
      yield* send(...Array.from({ length: 5 }, (_, index) => message(String(index))))
      const pages = Effect.fnUntraced(function* (query: string) {
        const seen: Array<string> = []
        let page: string | null = ""
        while (page !== null) {
          const { body }: TestApi.Answer<TestApi.Page<SessionEvent>> = yield* api.get<TestApi.Page<SessionEvent>>(
            `${path}?${query}${page && `&page=${page}`}`
          )
          seen.push(ids(body))
          page = body.next_page
        }
        return seen
      })
      assert.deepStrictEqual(yield* pages(""), ["1 2 3 4 5"])
      assert.deepStrictEqual(yield* pages("limit=2"), ["1 2", "3 4", "5"])
      assert.deepStrictEqual(yield* pages("limit=2&order=desc"), ["5 4", "3 2", "1"])
      assert.deepStrictEqual(yield* pages("limit=5"), ["1 2 3 4 5"])
    })
  )

  it.effect("asks for 100 events where nothing is said, and for up to 1000", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      yield* api.get(path)
      yield* api.get(`${path}?limit=1000`)
      assert.deepStrictEqual(
        api.sessions.queries.map(({ limit }) => limit),
        [101, 1001]
      )
      assert.match(errorOf(yield* api.get(`${path}?limit=1001`)), /^400 .*limit: expected a value between 1 and 1000$/)
    })
  )

  it.effect("refuses a cursor of another order or session", () =>
    Effect.gen(function* () {
      const { api, path, send } = yield* prepared
      yield* send(message("a"), message("b"))
      const { body } = yield* api.get<TestApi.Page<SessionEvent>>(`${path}?limit=1`)
      for (const url of [
        `${path}?order=desc&page=${body.next_page}`,
        `/v1/sessions/sesn_1/events?page=${body.next_page}`
      ]) {
        assert.match(errorOf(yield* api.get(url)), /^400 invalid_request_error: page: is not a cursor of this list/)
      }
      const forged = Buffer.from(`events of ${path.split("/")[3]}, asc:x`).toString("base64url")
      assert.match(errorOf(yield* api.get(`${path}?page=${forged}`)), /^400 invalid_request_error: page: /)
    })
  )

  it.effect("filters by types, in either spelling", () =>
    Effect.gen(function* () {
      const { api, path, send } = yield* prepared
      yield* send(message("a"), { type: "user.interrupt" }, message("b"))
      const seen = (query: string) =>
        Effect.map(api.get<TestApi.Page<SessionEvent>>(`${path}?${query}`), ({ body }) => ids(body))
      assert.strictEqual(yield* seen("types=user.message"), "1 3")
      assert.strictEqual(yield* seen("types[]=user.message&types[]=user.interrupt"), "1 2 3")
      assert.strictEqual(yield* seen("types%5B%5D=user.interrupt"), "2")
      assert.strictEqual(yield* seen("types[]=user.interrupt&types[]=agent.mcp_tool_use"), "2")
      assert.strictEqual(yield* seen("types[]=agent.mcp_tool_use"), "")
    })
  )

  it.effect("filters by time, in any spelling of it", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      const query =
        "created_at[gt]=2026-11-22T16:02:00Z&created_at[gte]=2026-11-22T17:02:00%2B01:00&created_at[lt]=2026-11-22T16:05:00.5Z&created_at[lte]=2026-11-23T00:00:00Z"
      yield* api.get(`${path}?${query}`)
      assert.deepEqual(api.sessions.queries[0]?.createdAt, {
        gt: "2026-11-22T16:02:00.000Z",
        gte: "2026-11-22T16:02:00.000Z",
        lt: "2026-11-22T16:05:00.500Z",
        lte: "2026-11-23T00:00:00.000Z"
      })
      assert.match(
        errorOf(yield* api.get(`${path}?created_at[gt]=yesterday`)),
        /^400 invalid_request_error: created_at\[gt\]: expected/
      )
    })
  )

  it.effect("is 404 for a session that does not exist, whatever is asked for", () =>
    Effect.gen(function* () {
      const api = yield* TestApi.make()
      const expected = "404 not_found_error: session sesn_1 does not exist"
      assert.strictEqual(errorOf(yield* api.get("/v1/sessions/sesn_1/events")), expected)
      assert.strictEqual(errorOf(yield* api.get("/v1/sessions/sesn_1/events?types=agent.mcp_tool_use")), expected)
      assert.strictEqual(errorOf(yield* api.get("/v1/sessions/sesn_1/events/stream")), expected)
    })
  )
})

const previews = (types: Array<"agent.message" | "agent.thinking">) => new Set(types)

describe("GET /v1/sessions/{id}/events/{event_id}/content", () => {
  it.effect("answers the whole of a result that is too long for the log, and of this session alone", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      const id = path.split("/")[3]
      yield* api.blobs.put(`${id}/sevt_1`, "all of it")
      yield* api.blobs.put("sesn_other/sevt_2", "not yours")
      const { status, headers, body } = yield* api.get(`${path}/sevt_1/content`)
      assert.deepStrictEqual([status, body], [200, "all of it"])
      assert.match(headers.get("content-type")!, /^text\/plain/)
      assert.strictEqual(
        errorOf(yield* api.get(`${path}/sevt_2/content`)),
        `404 not_found_error: event sevt_2 of session ${id} has no stored content`
      )
    })
  )
})

describe("GET /v1/sessions/{id}/events/stream", () => {
  const frame = "event: agent.message\ndata: {}\n\n"

  it.effect("passes on the bytes as server-sent events that nobody keeps", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      api.sessions.frames = Stream.make(frame, frame)
      const { status, headers, body } = yield* api.get(`${path}/stream`)
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-type"), "text/event-stream")
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.isNotNull(headers.get("request-id"))
      assert.strictEqual(body, frame + frame)
      assert.deepEqual(api.sessions.streams, [{ deltas: new Set([]) }])
    })
  )

  it.effect("asks for the deltas that the client wants", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      yield* api.get(`${path}/stream?event_deltas[]=agent.message&event_deltas[]=agent.thinking`)
      yield* api.get(`${path}/stream?event_deltas=agent.message`)
      assert.deepEqual(api.sessions.streams, [
        { deltas: previews(["agent.message", "agent.thinking"]) },
        { deltas: previews(["agent.message"]) }
      ])
      assert.match(errorOf(yield* api.get(`${path}/stream?event_deltas[]=agent.tool_use`)), /^400 .*event_deltas\[\]/)
    })
  )

  it.effect("goes on after the event that the client has", () =>
    Effect.gen(function* () {
      const { api, path, send } = yield* prepared
      yield* send(message("a"), message("b"), message("c"))
      yield* api.call("GET", `${path}/stream`, undefined, { "last-event-id": "2" })
      yield* api.get(`${path}/stream?last_event_id=0`)
      assert.deepStrictEqual(
        api.sessions.streams.map(({ after }) => after),
        [2, 0]
      )
    })
  )

  it.effect.each(["x", "", "-1", "1.5", "1e3", "99999999999999999999"])("refuses the Last-Event-ID %j", (id) =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      assert.strictEqual(
        errorOf(yield* api.call("GET", `${path}/stream`, undefined, { "last-event-id": id })),
        "400 invalid_request_error: last-event-id: expected the id of an event of this session's stream"
      )
    })
  )

  it.effect("refuses an id that is ahead of the log", () =>
    Effect.gen(function* () {
      const { api, path, session, send } = yield* prepared
      yield* send(message("a"))
      assert.strictEqual(
        errorOf(yield* api.call("GET", `${path}/stream`, undefined, { "last-event-id": "2" })),
        `400 invalid_request_error: last-event-id: 2 is ahead of the log of ${session.id}, which ends at 1; read the events from the beginning`
      )
    })
  )

  it.effect("closes the session's stream when the client goes away", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      const closed = Promise.withResolvers<string>()
      api.sessions.frames = Stream.make(frame).pipe(
        Stream.concat(Stream.never),
        Stream.ensuring(Effect.sync(() => closed.resolve("closed")))
      )
      const end = yield* Effect.promise(async () => {
        const response = await api.fetch(`http://ownloop.test${path}/stream`, {
          headers: { authorization: `Bearer ${TestApi.key}` }
        })
        const reader = response.body?.getReader()
        await reader?.read()
        await reader?.cancel()
        return closed.promise
      })
      assert.strictEqual(end, "closed")
    })
  )
})

describe("GET /v1/sessions/{id}/events/stream with Upgrade: websocket", () => {
  const upgrade = (protocols: string, key = "") => ({
    upgrade: "WebSocket",
    "sec-websocket-protocol": protocols,
    authorization: key
  })

  it.effect("takes its place and its key from where a browser can put them", () =>
    Effect.gen(function* () {
      const { api, path, send } = yield* prepared
      yield* send(message("a"))
      const { status, headers, body } = yield* api.call(
        "GET",
        `${path}/stream?last_event_id=1&event_deltas[]=agent.message`,
        undefined,
        upgrade(`ownloop, ownloop.key.${TestApi.key.replace("k", "%6B")}`)
      )
      assert.deepStrictEqual([status, body], [200, "a socket"])
      assert.strictEqual(headers.get("sec-websocket-protocol"), "ownloop")
      assert.deepEqual(api.sessions.streams, [{ deltas: previews(["agent.message"]), after: 1 }])
    })
  )

  it.effect("chooses no protocol where ownloop is not offered", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      const { headers } = yield* api.call("GET", `${path}/stream`, undefined, upgrade("chat", `Bearer ${TestApi.key}`))
      assert.isNull(headers.get("sec-websocket-protocol"))
    })
  )

  it.effect.each(["ownloop", "ownloop.key.wrong", `ownloop.key.${TestApi.key}x`, "ownloop.key.%", TestApi.key])(
    "refuses %s as a key",
    (protocols) =>
      Effect.gen(function* () {
        const { api, path } = yield* prepared
        const answer = yield* api.call("GET", `${path}/stream`, undefined, upgrade(protocols))
        assert.match(errorOf(answer), /^401 authentication_error: /)
        assert.deepStrictEqual(api.sessions.streams, [])
      })
  )

  it.effect("is refused where the host has no WebSockets", () =>
    Effect.gen(function* () {
      const { api, path } = yield* prepared
      api.sessions.hasWebSockets = false
      const answer = yield* api.call("GET", `${path}/stream`, undefined, upgrade("", `Bearer ${TestApi.key}`))
      assert.strictEqual(
        errorOf(answer),
        "400 invalid_request_error: upgrade: this deployment has no WebSockets; read the events as a stream of server-sent events"
      )
    })
  )
})
