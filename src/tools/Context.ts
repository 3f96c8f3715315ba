import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { EventId, SessionId } from "../domain/Ids.ts"
import * as TraceContext from "../loop/TraceContext.ts"
import type { SandboxBackend } from "../SandboxBackend.ts"
import type { ToolContext, ToolEnv } from "./defineTool.ts"

/** What one call of a tool gets. */
export const makeContext = (call: {
  readonly sessionId: SessionId
  readonly callId: EventId
  readonly sandbox: SandboxBackend["Service"]
  readonly http: HttpClient.HttpClient
  readonly env: ToolEnv
  readonly signal: AbortSignal
}): Effect.Effect<ToolContext> =>
  Effect.gen(function* () {
    const services = yield* Effect.context()
    const traceparent = yield* TraceContext.traceparent(call.callId)
    const { sessionId, sandbox: workspace, env, signal } = call
    const idempotencyKey = `${sessionId}:${call.callId}`
    const added = { "Idempotency-Key": idempotencyKey, ...(traceparent === undefined ? {} : { traceparent }) }
    const http = HttpClient.mapRequest(call.http, (request) =>
      HttpClientRequest.setHeaders(request, { ...added, ...request.headers })
    )
    const run = Effect.runPromiseWith(services)
    const fetch: ToolContext["fetch"] = (input, init) => {
      const request = new Request(input, init)
      const response = http.execute(HttpClientRequest.fromWeb(request)).pipe(
        // All else that a client would do is part of the request.
        Effect.provideService(FetchHttpClient.RequestInit, { redirect: request.redirect })
      )
      return run(Effect.map(response, toResponse), { signal: AbortSignal.any([signal, request.signal]) })
    }
    const runPromise: ToolContext["runPromise"] = (effect) => run(effect, { signal })
    return { sessionId, idempotencyKey, workspace, http, fetch, runPromise, signal, env }
  })

const toResponse = (response: HttpClientResponse.HttpClientResponse) =>
  Option.getOrThrow(HttpClientResponse.toWeb(response))
