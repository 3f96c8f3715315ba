import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { EventId } from "../../src/domain/Ids.ts"
import { CurrentToolUse, EgressHttpClient } from "../../src/EgressPolicy.ts"

/** Sends every request through the gateway in its own isolate, `ctx.exports.<Gateway class>({ props })`, as that of the current tool call. */
export const layer = (gateway: (toolUse: EventId | null) => Fetcher): Layer.Layer<EgressHttpClient> =>
  Layer.effect(
    EgressHttpClient,
    through((context) => {
      const way = gateway(Context.get(context, CurrentToolUse))
      return (request) => way.fetch(request)
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))

/** An HTTP client whose requests all leave by the given way, which is told in what context each is made. */
export const through = (
  way: (context: Context.Context<never>) => (request: Request) => Promise<Response>
): Effect.Effect<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Effect.map(
    HttpClient.HttpClient,
    HttpClient.transform((effect, request) =>
      Effect.flatMap(Effect.context(), (context) => {
        const send = way(context)
        return effect.pipe(
          Effect.provideService(FetchHttpClient.Fetch, (input: RequestInfo | URL, init?: RequestInit) =>
            send(new Request(input, init))
          ),
          // Its own span would show the query, and hand the trace's id to the upstream.
          Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
        )
      }).pipe(Effect.withSpan("EgressHttpClient.execute", { attributes: { "http.request.method": request.method } }))
    )
  )
