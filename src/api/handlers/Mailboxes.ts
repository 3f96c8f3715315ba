import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { now } from "../../domain/Common.ts"
import { type MailboxId, nextApprovalLinkId, nextMailboxId, type SessionId } from "../../domain/Ids.ts"
import type { Mailbox } from "../../domain/Mail.ts"
import { Mailboxes } from "../../Mailboxes.ts"
import { normalise } from "../../mail/address.ts"
import { Sessions } from "../../Sessions.ts"
import { ApprovalRequests } from "../../triggers/ApprovalRequests.ts"
import { TriggerSettings } from "../../triggers/Settings.ts"
import { Api } from "../Contract.ts"
import { Conflict, InvalidRequest, NotFound, Unavailable } from "../Errors.ts"
import type { CreateMailbox, UpdateMailbox } from "../Mailboxes.ts"
import { paginate } from "../Paging.ts"
import { orInternal, orMissing } from "./onWire.ts"

const perHour = 60

const agentOf = (agent: typeof CreateMailbox.Type.agent): Mailbox["agent"] =>
  typeof agent === "string" ? { type: "agent", id: agent, version: null } : { ...agent, version: agent.version ?? null }

const addressOf = (approver: string | null) => (approver === null ? null : normalise(approver))

export const layer = HttpApiBuilder.group(
  Api,
  "mailboxes",
  Effect.fnUntraced(function* (handlers) {
    const mailboxes = yield* Mailboxes
    const sessions = yield* Sessions
    const approvals = yield* ApprovalRequests
    const { mail: settings } = yield* TriggerSettings
    const random = yield* SecureRandom.SecureRandom
    const nextId = Effect.provideService(nextMailboxId, SecureRandom.SecureRandom, random)
    const nextLink = Effect.provideService(nextApprovalLinkId, SecureRandom.SecureRandom, random)

    const find = Effect.fnUntraced(function* (id: MailboxId) {
      const mailbox = yield* mailboxes.mailbox(id)
      if (Option.isSome(mailbox)) return mailbox.value
      return yield* new NotFound({ message: `mailbox ${id} does not exist` })
    })

    const create = Effect.fn("Mailboxes.create")(function* (input: typeof CreateMailbox.Type) {
      if (Option.isNone(settings.domain)) {
        const message = "OWNLOOP_MAIL_DOMAIN is not set: it is the domain of the deployment's mailboxes"
        return yield* new InvalidRequest({ message })
      }
      const created_at = yield* now
      const mailbox: Mailbox = {
        type: "mailbox",
        id: yield* nextId,
        address: `${input.name}@${settings.domain.value}`,
        agent: agentOf(input.agent),
        environment_id: input.environment_id ?? null,
        budget: input.budget ?? null,
        allowed_senders: input.allowed_senders.map(normalise),
        approver: addressOf(input.approver ?? null),
        max_mails_per_hour: input.max_mails_per_hour ?? perHour,
        created_at,
        updated_at: created_at,
        archived_at: null
      }
      if (yield* mailboxes.add(mailbox)) return mailbox
      return yield* new Conflict({ message: `name: another mailbox has the address ${mailbox.address}` })
    }, orInternal)

    const update = Effect.fn("Mailboxes.update")(function* (id: MailboxId, change: typeof UpdateMailbox.Type) {
      const mailbox = yield* find(id)
      if (mailbox.archived_at !== null) return yield* new Conflict({ message: `mailbox ${id} is archived` })
      const { agent, allowed_senders, approver, ...rest } = change
      const changed: Mailbox = {
        ...mailbox,
        ...rest,
        ...(agent === undefined ? {} : { agent: agentOf(agent) }),
        ...(allowed_senders === undefined ? {} : { allowed_senders: allowed_senders.map(normalise) }),
        ...(approver === undefined ? {} : { approver: addressOf(approver) }),
        updated_at: yield* now
      }
      yield* mailboxes.put(changed)
      return changed
    }, orInternal)

    const archive = Effect.fn("Mailboxes.archive")(function* (id: MailboxId) {
      const mailbox = yield* find(id)
      if (mailbox.archived_at !== null) return mailbox
      const at = yield* now
      const archived = { ...mailbox, updated_at: at, archived_at: at }
      yield* mailboxes.put(archived)
      return archived
    }, orInternal)

    const approvalLink = Effect.fn("Mailboxes.approvalLink")(
      function* (id: SessionId) {
        yield* sessions.get(id)
        const [first, ...rest] = yield* approvals.waiting(id)
        if (first === undefined) {
          return yield* new Conflict({ message: `session ${id} does not wait for a person to allow anything` })
        }
        const link = yield* approvals.request(id, [first, ...rest], yield* nextLink)
        return { ...link, url: yield* approvals.urlOf(link) }
      },
      Effect.catchTag("LinksUnavailable", ({ message }) => Effect.fail(new Unavailable({ message }))),
      orMissing
    )

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query: { include_archived = false, ...page } }) =>
        paginate(
          "mailboxes",
          page,
          (page) => mailboxes.mailboxes({ ...page, includeArchived: include_archived }),
          ({ id }) => id
        ).pipe(orInternal),
      get: ({ params }) => orInternal(find(params.id)),
      update: ({ params, payload }) => update(params.id, payload),
      archive: ({ params }) => archive(params.id),
      mails: ({ query }) =>
        paginate(
          "mails",
          query,
          (page) =>
            mailboxes.mails({
              ...page,
              ...(query.mailbox_id === undefined ? {} : { mailboxId: query.mailbox_id }),
              ...(query.session_id === undefined ? {} : { sessionId: query.session_id }),
              ...(query.status === undefined ? {} : { status: query.status })
            }),
          ({ id }) => id
        ).pipe(orInternal),
      mail: Effect.fn("Mailboxes.mail")(function* ({ params: { id } }) {
        const mail = yield* mailboxes.mail(id)
        if (Option.isSome(mail)) return mail.value
        return yield* new NotFound({ message: `mail ${id} does not exist` })
      }, orInternal),
      approvalLink: ({ params }) => approvalLink(params.id)
    })
  })
)
