import * as Schema from "effect/Schema"
import { Timestamp } from "./Common.ts"
import { ApprovalLinkId, EventId, SessionId } from "./Ids.ts"

/** A link with which a person answers, once, what a session asks. What proves it is its signature, which is nowhere stored. */
export const ApprovalLink = Schema.Struct({
  type: Schema.Literal("approval_link"),
  id: ApprovalLinkId,
  session_id: SessionId,
  /** The tool calls and outbound requests that it is about. */
  event_ids: Schema.NonEmptyArray(EventId),
  expires_at: Timestamp,
  answer: Schema.NullOr(Schema.Struct({ result: Schema.Literals(["allow", "deny"]), at: Timestamp })),
  created_at: Timestamp
})
export type ApprovalLink = typeof ApprovalLink.Type
