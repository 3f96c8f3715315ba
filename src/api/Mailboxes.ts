import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as OpenApi from "effect/http-api/OpenApi"
import { ApprovalLink } from "../domain/ApprovalLink.ts"
import { BudgetInput } from "../domain/Budget.ts"
import { MailboxId, MailId, SessionId } from "../domain/Ids.ts"
import { Mail, Mailbox, MailStatus } from "../domain/Mail.ts"
import { AddressInput, isAddress, SenderInput } from "../mail/address.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import { nullable } from "./Fields.ts"
import * as Paging from "./Paging.ts"

/** Names that mail servers, and mail of ours, have a use for. */
const reserved = ["postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon", "no-reply", "noreply"]

const LocalPart = Schema.String.check(
  Schema.makeFilter((text: string) => {
    if (!isAddress(`${text}@example.com`) || text.includes("+") || text.length > 32) {
      return "is no name of at most 32 lower-case letters, digits and marks but +"
    }
    return reserved.includes(text) ? "is taken by mail servers" : true
  })
)

const fields = {
  agent: Schema.Union([
    Schema.NonEmptyString,
    Schema.Struct({ type: Schema.Literal("agent"), id: Schema.NonEmptyString, version: nullable(Schema.Int) })
  ]).annotate({ message: "expected an id, or an object of type agent" }),
  environment_id: nullable(Schema.NonEmptyString),
  budget: nullable(BudgetInput),
  allowed_senders: Schema.Array(SenderInput).check(Schema.isMaxLength(200)),
  approver: nullable(AddressInput),
  max_mails_per_hour: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })))
}

/** `name` is what stands before the `@`. */
export const CreateMailbox = Schema.Struct({ name: LocalPart, ...fields })

/** Absent fields stay as they are. The address stays. */
export const UpdateMailbox = Schema.Struct({
  ...fields,
  agent: Schema.optionalKey(fields.agent),
  allowed_senders: Schema.optionalKey(fields.allowed_senders)
})

const params = { id: MailboxId }

export class MailboxesGroup extends HttpApiGroup.make("mailboxes")
  .add(
    HttpApiEndpoint.post("create", "/v1/mailboxes", {
      payload: CreateMailbox,
      success: Mailbox,
      error: [wire.InvalidRequest, wire.Conflict]
    }),
    HttpApiEndpoint.get("list", "/v1/mailboxes", {
      query: { ...Paging.query(), include_archived: Schema.optionalKey(Schema.Boolean) },
      success: Paging.response(Mailbox),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/mailboxes/:id", { params, success: Mailbox, error: wire.NotFound }),
    HttpApiEndpoint.post("update", "/v1/mailboxes/:id", {
      params,
      payload: UpdateMailbox,
      success: Mailbox,
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.post("archive", "/v1/mailboxes/:id/archive", {
      params,
      success: Mailbox,
      error: wire.NotFound
    }).annotate(OpenApi.Description, "An archived mailbox takes no mail, and keeps its address."),

    HttpApiEndpoint.get("mails", "/v1/mails", {
      query: {
        ...Paging.query(),
        mailbox_id: Schema.optionalKey(MailboxId),
        session_id: Schema.optionalKey(SessionId),
        status: Schema.optionalKey(MailStatus)
      },
      success: Paging.response(Mail),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("mail", "/v1/mails/:id", { params: { id: MailId }, success: Mail, error: wire.NotFound }),

    HttpApiEndpoint.post("approvalLink", "/v1/sessions/:id/approval_links", {
      params: { id: SessionId },
      success: Schema.Struct({ ...ApprovalLink.fields, url: Schema.String }),
      error: [wire.NotFound, wire.Conflict, wire.Unavailable]
    })
      .annotate(NeededScope, "run")
      .annotate(OpenApi.Description, "A link with which a person answers, once, what the session waits for now.")
  )
  .middleware(Authorization) {}
