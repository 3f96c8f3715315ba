import { type Context, Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"

/** Sends every request through the gateway in its own isolate: `ctx.exports.<Gateway class>({ props })`. */
export const layer = (gateway: Fetcher): Layer.Layer<EgressHttpClient> =>
  Layer.effect(
    EgressHttpClient,
    through(() => (request) => gateway.fetch(request))
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
