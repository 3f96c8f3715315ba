import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionId } from "../../src/domain/Ids.ts"
import { EgressSession } from "../../src/EgressPolicy.ts"
import { fromReply, type SessionRpc } from "./rpc.ts"

/** The session's Durable Object, as the gateway in its own isolate reaches it. */
export const layer = (namespace: { getByName(name: string): unknown }, id: SessionId): Layer.Layer<EgressSession> => {
  // The generated type of a stub is too deep for the compiler: the interface says the same.
  const stub = () => namespace.getByName(id) as SessionRpc
  return Layer.succeed(
    EgressSession,
    EgressSession.of({
      note: (decision) =>
        // The audit has the decision: the log only shows it too.
        Effect.tryPromise(() => stub().noteEgress(decision)).pipe(
          Effect.flatMap(fromReply),
          Effect.catch((error) => Effect.logWarning("an egress decision could not be shown in its session", error)),
          Effect.withSpan("EgressSession.note")
        ),
      approve: (question) =>
        Effect.tryPromise(() => stub().approveEgress(question)).pipe(
          Effect.flatMap(fromReply),
          Effect.catch((error) =>
            Effect.as(Effect.logWarning("the session could not be asked about a request", error), "unasked" as const)
          ),
          Effect.withSpan("EgressSession.approve")
        )
    })
  )
}
