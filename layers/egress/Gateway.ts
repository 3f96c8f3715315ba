import { WorkerEntrypoint } from "cloudflare:workers"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { AgentId, EnvironmentId, EventId, PolicyId, SessionId, VaultId } from "../../src/domain/Ids.ts"
import { handle, type Ways } from "../../src/egress/gateway.ts"
import type { EgressPolicy } from "../../src/EgressPolicy.ts"

/** Whose traffic it is: set by the session's own object, where no sandbox can reach it. */
export const Props = Schema.Struct({
  sessionId: SessionId,
  environmentId: EnvironmentId,
  agentId: AgentId,
  policyIds: Schema.Array(PolicyId),
  vaultIds: Schema.Array(VaultId),
  toolUseId: Schema.NullOr(EventId)
})
export type Props = typeof Props.Type

export type GatewayClass<Env> = new (ctx: ExecutionContext<Props>, env: Env) => WorkerEntrypoint<Env, Props>

/**
 * Makes the entrypoint that sandboxes and tools of a session send their traffic through: a Dynamic Worker as its `globalOutbound`, the
 * session's object as a `Fetcher` (`ctx.exports.<Class>({ props })`). The layer is built for every request, since what one request of a
 * Worker opened, another must not use. Whatever goes wrong here lets nothing pass.
 */
export const make = <Env>(
  layer: (env: Env, session: Props) => Layer.Layer<EgressPolicy, unknown>,
  ways: (env: Env) => Ways
): GatewayClass<Env> =>
  class EgressGateway extends WorkerEntrypoint<Env, Props> {
    override async fetch(request: Request): Promise<Response> {
      const { ctx, env } = this
      const answer = Schema.decodeUnknownEffect(Props)(ctx.props).pipe(
        Effect.flatMap((session) =>
          handle(request, (request) => fetch(request), {
            waitUntil: (work) => ctx.waitUntil(work),
            ways: ways(env)
          }).pipe(Effect.provide(layer(env, session)))
        ),
        Effect.catchCause((cause) => Effect.as(Effect.logError("the egress gateway failed", cause), unavailable())),
        Effect.runPromise
      )
      // The audit record is written also where the caller goes away before the answer.
      ctx.waitUntil(answer)
      return answer
    }
  }

const unavailable = () =>
  Response.json(
    { error: { type: "egress_failed", message: "the egress gateway is not configured correctly", host: "" } },
    { status: 502 }
  )
