import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../Contract.ts"

export const layer = HttpApiBuilder.group(Api, "health", (handlers) =>
  handlers.handle("health", () => Effect.succeed({ status: "ok" as const }))
)
