import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Api } from "../Contract.ts"
import { Deployment } from "../Deployment.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "tools",
  Effect.fnUntraced(function* (handlers) {
    const { tools } = yield* Deployment
    const list = { data: tools.map((tool) => ({ type: "tool" as const, ...tool })), next_page: null }
    return handlers.handle("list", () => Effect.succeed(list))
  })
)
