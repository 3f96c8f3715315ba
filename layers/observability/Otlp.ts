import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { TraceExporter } from "../../src/TraceExporter.ts"
import * as Otlp from "../../src/trace/otlp.ts"
import type { Trace } from "../../src/trace/Span.ts"

/** `name=value,name=value`, as OpenTelemetry's own settings write headers. */
const parseHeaders = (text: string): ReadonlyArray<readonly [name: string, value: string]> =>
  text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=")
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const]
  })

export const settings = Config.all({
  /** Base URL of an OTLP/HTTP collector, for example `https://collector.example.com`. */
  url: Config.option(Config.URL("OTLP_URL")),
  headers: Config.withDefault(Config.Redacted("OTLP_HEADERS"), Redacted.make(""))
})

/** Sends each turn to a collector, by OTLP/HTTP in JSON; nowhere where `OTLP_URL` is not set. */
export const layer: Layer.Layer<TraceExporter, Config.ConfigError, HttpClient.HttpClient> = Layer.effect(
  TraceExporter,
  Effect.gen(function* () {
    const { headers, url } = yield* settings
    const http = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    if (Option.isNone(url)) return TraceExporter.of({ send: null })
    const request = HttpClientRequest.post(`${url.value.href.replace(/\/$/, "")}/v1/traces`).pipe(
      HttpClientRequest.setHeaders(parseHeaders(Redacted.value(headers)))
    )
    /** Three times at most. A `Schedule` would bring all that can be scheduled into the Worker, calendars included. */
    const post = (trace: Trace, pause = 1_000): ReturnType<typeof http.execute> =>
      Effect.catch(http.execute(HttpClientRequest.bodyJsonUnsafe(request, Otlp.encode([trace]))), (error) =>
        pause > 2_000
          ? Effect.fail(error)
          : Effect.delay(
              Effect.suspend(() => post(trace, pause * 2)),
              pause
            )
      )
    return TraceExporter.of({
      send: Effect.fn("TraceExporter.send")(
        (trace) => post(trace),
        Effect.timeout("30 seconds"),
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
        Effect.asVoid,
        Effect.catchCause((cause) => Effect.logWarning("a trace could not be sent", cause))
      )
    })
  })
)

export const layerNone: Layer.Layer<TraceExporter> = Layer.succeed(TraceExporter, TraceExporter.of({ send: null }))
