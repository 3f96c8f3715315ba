import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ApprovalLinks } from "../ApprovalLinks.ts"
import { ApprovalTokens } from "../ApprovalTokens.ts"
import type { ApprovalLink } from "../domain/ApprovalLink.ts"
import { now } from "../domain/Common.ts"
import type { SessionEvent } from "../domain/Event.ts"
import type { ApprovalLinkId, EventId, SessionId } from "../domain/Ids.ts"
import { howToMake } from "../RootKeys.ts"
import { Sessions } from "../Sessions.ts"
import type { StorageError } from "../Storage.ts"
import { type Question, questionOf } from "./approvalText.ts"
import { TriggerSettings } from "./Settings.ts"

/** Milliseconds for which a link can be used. */
const lifetime = 24 * 60 * 60 * 1000

/** Events that are looked through for what was asked. */
const maxEvents = 500

/** The link was changed, or is not known any more. */
export class LinkInvalid extends Schema.TaggedError<LinkInvalid>()("LinkInvalid", {}) {
  override get message(): string {
    return "this link is not valid"
  }
}

/** Links cannot be sent; says what is missing. */
export class LinksUnavailable extends Schema.TaggedError<LinksUnavailable>()("LinksUnavailable", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** What a link leads to. Of what is `settled` the session does not wait any more, whoever answered it. */
export interface OpenedLink {
  readonly link: ApprovalLink
  readonly questions: ReadonlyArray<Question>
  readonly state: "open" | "answered" | "expired" | "settled"
}

type ToolUse = Extract<SessionEvent, { readonly type: "agent.tool_use" }>

const isToolUse = (event: SessionEvent): event is ToolUse => event.type === "agent.tool_use"

/** Asks people, outside the API, what a session waits for. */
export class ApprovalRequests extends Context.Service<
  ApprovalRequests,
  {
    /** The calls that a session waits for a person to allow; none where it does not. */
    waiting(session: SessionId): Effect.Effect<ReadonlyArray<EventId>, StorageError>
    /** Keeps a link about these calls, of which there is one at least; the same id is the same link. */
    request(
      session: SessionId,
      events: ApprovalLink["event_ids"],
      id: ApprovalLinkId
    ): Effect.Effect<ApprovalLink, StorageError>
    /** The address of a link. */
    urlOf(link: ApprovalLink): Effect.Effect<string, LinksUnavailable>
    link(id: ApprovalLinkId): Effect.Effect<Option.Option<ApprovalLink>, StorageError>
    /** What a link asks. Opening it changes nothing. */
    open(token: string): Effect.Effect<OpenedLink, LinkInvalid | StorageError>
    /** Answers all that a link asks and the session still waits for. Only the first answer counts. */
    answer(token: string, result: "allow" | "deny"): Effect.Effect<OpenedLink, LinkInvalid | StorageError>
  }
>()("ownloop/triggers/ApprovalRequests") {
  static readonly layer: Layer.Layer<
    ApprovalRequests,
    never,
    ApprovalLinks | ApprovalTokens | Sessions | TriggerSettings
  > = Layer.effect(
    ApprovalRequests,
    Effect.gen(function* () {
      const links = yield* ApprovalLinks
      const tokens = yield* ApprovalTokens
      const sessions = yield* Sessions
      const { mail: settings } = yield* TriggerSettings

      const eventsOf = (session: SessionId, types: ReadonlyArray<SessionEvent["type"]>, limit: number) =>
        Effect.map(
          Effect.catchTag(sessions.events(session, { limit, order: "desc", types }), "SessionNotFound", () =>
            Effect.succeed([])
          ),
          (entries) => entries.map(({ event }) => event)
        )

      const open = Effect.fnUntraced(function* (session: SessionId) {
        const [latest] = yield* eventsOf(session, ["session.status_idle", "session.status_running"], 1)
        if (latest?.type !== "session.status_idle" || latest.stop_reason.type !== "requires_action") return []
        return latest.stop_reason.event_ids
      })

      const asked = (session: SessionId, ids: ReadonlyArray<EventId>) =>
        Effect.map(eventsOf(session, ["agent.tool_use"], maxEvents), (events) =>
          events.filter(isToolUse).filter((event) => ids.includes(event.id) && event.evaluated_permission === "ask")
        )

      const waiting = Effect.fn("ApprovalRequests.waiting")(function* (session: SessionId) {
        const ids = yield* open(session)
        return ids.length === 0 ? [] : (yield* asked(session, ids)).map(({ id }) => id).toReversed()
      })

      const request = Effect.fn("ApprovalRequests.request")(function* (
        session_id: SessionId,
        event_ids: ApprovalLink["event_ids"],
        id: ApprovalLinkId
      ) {
        const millis = yield* Clock.currentTimeMillis
        const link: ApprovalLink = {
          type: "approval_link",
          id,
          session_id,
          event_ids,
          expires_at: new Date(millis + lifetime).toISOString(),
          answer: null,
          created_at: new Date(millis).toISOString()
        }
        yield* links.add(link)
        return Option.getOrElse(yield* links.link(id), () => link)
      })

      const urlOf = Effect.fn("ApprovalRequests.urlOf")(function* (link: ApprovalLink) {
        if (Option.isNone(settings.url)) {
          return yield* new LinksUnavailable({ detail: "OWNLOOP_URL is not set: it says where a link leads" })
        }
        const token = yield* tokens.sign(link)
        if (Option.isNone(token)) return yield* new LinksUnavailable({ detail: `no link can be signed: ${howToMake}` })
        return `${settings.url.value}/approve/${token.value}`
      })

      const look = Effect.fnUntraced(function* (link: ApprovalLink): Effect.fn.Return<OpenedLink, StorageError> {
        const questions = (yield* asked(link.session_id, link.event_ids)).toReversed().map(questionOf)
        const left = yield* open(link.session_id)
        const state =
          link.answer !== null
            ? "answered"
            : link.expires_at <= (yield* now)
              ? "expired"
              : link.event_ids.some((id) => left.includes(id))
                ? "open"
                : "settled"
        return { link, questions, state }
      })

      const find = Effect.fnUntraced(function* (token: string) {
        const id = tokens.idOf(token)
        const link = Option.isNone(id) ? Option.none() : yield* links.link(id.value)
        if (Option.isNone(link) || !(yield* tokens.isOf(token, link.value))) return yield* new LinkInvalid()
        return link.value
      })

      const answer = Effect.fn("ApprovalRequests.answer")(function* (token: string, result: "allow" | "deny") {
        const opened = yield* look(yield* find(token))
        if (opened.state !== "open") return opened
        const { event_ids, id, session_id } = opened.link
        // The session itself takes each answer once, whoever gives it: it is told first, so that nothing is lost in between.
        const taken = yield* Effect.forEach(event_ids, (tool_use_id) =>
          Effect.match(
            Effect.catchTag(
              sessions.send(session_id, [{ type: "user.tool_confirmation", tool_use_id, result }]),
              "StorageError",
              Effect.die
            ),
            { onFailure: () => false, onSuccess: () => true }
          )
        )
        if (!taken.includes(true)) return { ...opened, state: "settled" as const }
        const given = { result, at: yield* now }
        yield* links.answer(id, given)
        return { ...opened, link: { ...opened.link, answer: given }, state: "answered" as const }
      })

      return ApprovalRequests.of({
        waiting,
        request,
        urlOf,
        link: links.link,
        answer,
        open: Effect.fn("ApprovalRequests.open")((token) => Effect.flatMap(find(token), look))
      })
    })
  )
}
