import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { handle, type Send } from "../../src/egress/gateway.ts"
import { EgressHttpClient, EgressPolicy } from "../../src/EgressPolicy.ts"
import { through } from "./HttpClient.ts"

/** Runs the gateway's program in place: for Node and tests, where there is no second isolate to run it in. */
export const layer = (send: Send = (request) => fetch(request)): Layer.Layer<EgressHttpClient, never, EgressPolicy> =>
  Layer.effect(
    EgressHttpClient,
    Effect.gen(function* () {
      const policy = yield* EgressPolicy
      return yield* through(
        (context) => (request) =>
          Effect.runPromiseWith(Context.add(context, EgressPolicy, policy))(handle(request, send))
      )
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
