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
  toolUseId: Schema.NullOr(EventId),
  /** Nothing passes, and nothing is recorded: what a fork does again was recorded when it was first done. */
  isClosed: Schema.optionalKey(Schema.Boolean)
})
export type Props = typeof Props.Type

/**
 * Makes the entrypoint that sandboxes and tools of a session send their traffic through: a Dynamic Worker as its `globalOutbound`, the
 * session's object as a `Fetcher` (`ctx.exports.<Class>({ props })`). The layer is built for every request, since what one request of a
 * Worker opened, another must not use. Whatever goes wrong here lets nothing pass.
 */
export const make = <Env>(
  layer: (env: Env, session: Props) => Layer.Layer<EgressPolicy, unknown>,
  ways: (env: Env) => Ways
) =>
  class EgressGateway extends WorkerEntrypoint<Env, Props> {
    override async fetch(request: Request): Promise<Response> {
      const { ctx, env } = this
      const answer = Schema.decodeUnknownEffect(Props)(ctx.props).pipe(
        Effect.flatMap((session) =>
          session.isClosed === true
            ? Effect.succeed(closed())
            : handle(request, (request) => fetch(request), {
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

const failed = (type: string, message: string, status: number) =>
  Response.json({ error: { type, message, host: "" } }, { status })

const unavailable = () => failed("egress_failed", "the egress gateway is not configured correctly", 502)

const closed = () => failed("egress_blocked", "nothing is sent while a fork's files are made", 403)
