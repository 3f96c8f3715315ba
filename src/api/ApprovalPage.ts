import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { RateLimiter } from "../RateLimiter.ts"
import type { StorageError } from "../Storage.ts"
import { ApprovalRequests, type LinkInvalid, type OpenedLink } from "../triggers/ApprovalRequests.ts"

/** The pages that the links of approvals lead to. Who has such a link needs no key: its signature is one, for this question alone. */

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (title: string, body: string, status = 200) =>
  HttpServerResponse.setHeaders(
    HttpServerResponse.setStatus(
      HttpServerResponse.html(
        `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
          `<meta name="robots" content="noindex"><title>${escaped(title)}</title><h1>${escaped(title)}</h1>${body}</html>`
      ),
      status
    ),
    // A browser says where a form comes from only where this is allowed: without it, its answer would count as a foreign page's.
    { "referrer-policy": "same-origin" }
  )

const paragraph = (text: string) => `<p>${escaped(text)}</p>`

/** Reading answers nothing: mail programs open links by themselves. */
const button = (result: "allow" | "deny", label: string) =>
  `<form method="post" action="?result=${result}"><button type="submit">${label}</button></form>`

const questions = ({ questions }: OpenedLink) =>
  questions
    .map(({ detail, title }) => `<h2>${escaped(title)}</h2>${detail === "" ? "" : `<pre>${escaped(detail)}</pre>`}`)
    .join("")

const shown = (opened: OpenedLink) => {
  const { answer, expires_at, session_id } = opened.link
  const about = paragraph(`The session ${session_id} asked:`) + questions(opened)
  switch (opened.state) {
    case "open":
      return page(
        "A session waits for your answer",
        about +
          button("allow", "Allow") +
          button("deny", "Deny") +
          paragraph(`This link works once, until ${expires_at}.`)
      )
    case "answered":
      return page(
        answer?.result === "allow" ? "Allowed" : "Denied",
        about + paragraph(`Answered at ${answer?.at ?? ""}. The link is used up.`)
      )
    case "expired":
      return page("This link has expired", paragraph(`It could be used until ${expires_at}.`), 410)
    case "settled":
      return page("There is nothing to answer any more", about + paragraph("The session does not wait for this."), 410)
  }
}

const invalid = page("This link is not valid", paragraph("It is wrong, or too old."), 404)

/** The routes of these pages, beside those of the API. */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter | ApprovalRequests | RateLimiter> = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const approvals = yield* ApprovalRequests
    const limiter = yield* RateLimiter

    const handle = (act: (token: string, url: URL) => Effect.Effect<OpenedLink | null, LinkInvalid | StorageError>) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        if (!(yield* limiter.strangers(request.headers["cf-connecting-ip"] ?? "unknown"))) {
          return page("Too many requests", paragraph("Wait a moment."), 429)
        }
        const { token = "" } = yield* HttpRouter.params
        const opened = yield* act(token, new URL(request.originalUrl))
        return opened === null ? page("This answers nothing", paragraph("Open the link anew."), 400) : shown(opened)
      }).pipe(
        Effect.catchTag("LinkInvalid", () => Effect.succeed(invalid)),
        Effect.orDie
      )

    yield* router.addAll([
      HttpRouter.route(
        "GET",
        "/approve/:token",
        handle((token) => approvals.open(token))
      ),
      HttpRouter.route(
        "POST",
        "/approve/:token",
        handle((token, url) => {
          const result = url.searchParams.get("result")
          return result === "allow" || result === "deny" ? approvals.answer(token, result) : Effect.succeed(null)
        })
      )
    ])
  })
)
