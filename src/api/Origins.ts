import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { SettingInvalid } from "../domain/Setting.ts"

/** What `CORS_ORIGINS` lists, separated by commas. */
export const setting: Effect.Effect<ReadonlySet<string>, SettingInvalid | Config.ConfigError> = Effect.gen(
  function* () {
    const text = yield* Config.String("CORS_ORIGINS").pipe(Config.withDefault(""))
    const origins = text.split(",").flatMap((origin) => (origin.trim() === "" ? [] : [origin.trim()]))
    const wrong = origins.findIndex((origin) => !/^https?:/.test(origin) || URL.parse(origin)?.origin !== origin)
    if (wrong === -1) return new Set(origins)
    const detail = `lists something that is no origin, in place ${wrong + 1}: write https://app.example.com, without a path; * is not allowed`
    return yield* new SettingInvalid({ name: "CORS_ORIGINS", detail })
  }
)

/** The origins whose pages may use this API, beside the deployment's own. */
export class AllowedOrigins extends Context.Service<AllowedOrigins, ReadonlySet<string>>()(
  "ownloop/api/Origins/AllowedOrigins"
) {
  static readonly layer: Layer.Layer<AllowedOrigins, SettingInvalid | Config.ConfigError> = Layer.effect(
    AllowedOrigins,
    setting
  )
}

/** Where a request comes from, as a browser says it: a page of the deployment itself or no page at all, a listed one, or a foreign one. */
export const originOf = (
  request: HttpServerRequest.HttpServerRequest,
  allowed: ReadonlySet<string>
): { readonly type: "own" | "foreign" } | { readonly type: "listed"; readonly origin: string } => {
  const { origin } = request.headers
  if (origin === undefined || origin === URL.parse(request.originalUrl)?.origin) return { type: "own" }
  return allowed.has(origin) ? { type: "listed", origin } : { type: "foreign" }
}

/** The answer to a preflight of a listed origin. */
export const preflight = (request: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.empty({
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "",
      "access-control-max-age": "600"
    }
  })

/** What every answer to a listed origin says. */
export const shared = (origin: string) => ({
  "access-control-allow-origin": origin,
  // For people behind Cloudflare Access, whom a cookie identifies.
  "access-control-allow-credentials": "true",
  "access-control-expose-headers": "request-id, retry-after",
  vary: "Origin"
})
