import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import { SessionId } from "../domain/Ids.ts"
import { Session } from "../domain/Session.ts"
import { Trace } from "../trace/Span.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import { ForkSession } from "./Forks.ts"

const params = { id: SessionId }

const TraceList = Schema.Struct({
  type: Schema.Literal("session_trace"),
  session_id: SessionId,
  /** Oldest first. */
  turns: Schema.Array(Trace)
})

/** `TracesData` of OTLP, in its JSON. */
const Otlp = Schema.Struct({ resourceSpans: Schema.Array(Schema.Unknown) })

const traceDescription = `The session's last turns (\`turns\`, 100 where it is absent), each one trace: its model attempts, tools with what they did in the
sandbox, what tried to leave, compactions, waits. Told from the log, so that it is there for every turn that ever was. \`format=otlp\` is
OTLP's JSON, in which a span that has no end yet is left out.`

const forkDescription = `A new session that goes on from the event \`at\` of this one: with its log up to there, and what is changed in the
body. Its calls are answered as they were; one that was still open there runs in the fork. What changed files is called again before the
fork's first tool runs, without a network, and \`session.workspace_rebuilt\` says what ended otherwise.`

/** A session's run as a value: all of this is ours. */
export class RunsGroup extends HttpApiGroup.make("runs")
  .add(
    HttpApiEndpoint.get("export", "/v1/sessions/:id/export", {
      params,
      success: HttpApiSchema.StreamUint8Array({ contentType: "application/json" }),
      error: wire.NotFound
    }).annotate(
      OpenApi.Description,
      "The session in one file: its record, its whole log, the results that the log shows only in part. `npm run replay` runs it again."
    )
  )
  .add(
    HttpApiEndpoint.get("trace", "/v1/sessions/:id/trace", {
      params,
      query: {
        turns: Schema.optionalKey(
          Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1_000 }))
        ),
        format: Schema.optionalKey(Schema.Literals(["tree", "otlp"]))
      },
      success: Schema.Union([TraceList, Otlp]),
      error: [wire.InvalidRequest, wire.NotFound]
    }).annotate(OpenApi.Description, traceDescription)
  )
  .add(
    HttpApiEndpoint.post("fork", "/v1/sessions/:id/fork", {
      params,
      payload: ForkSession,
      success: Session,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    })
      .annotate(NeededScope, "run")
      .annotate(OpenApi.Description, forkDescription)
  )
  .middleware(Authorization) {}
