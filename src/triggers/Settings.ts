import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import type { Backend } from "../domain/Environment.ts"
import { SettingInvalid } from "../domain/Setting.ts"
import { parsePattern } from "../egress/pattern.ts"
import type { TaskLimits } from "../Tasks.ts"
import { type MailSettings, settings as mailSettings } from "./MailSettings.ts"

/** Where events of sessions are sent. All that `Events` knows where `events` is absent. */
export interface Endpoint {
  readonly url: string
  readonly key: Redacted.Redacted<Uint8Array>
  readonly events: ReadonlySet<string> | undefined
}

/** What the deployment says about tasks, and about messages to the outside. */
export interface Settings {
  readonly limits: TaskLimits
  /** Of tasks that name none. */
  readonly environmentId: Option.Option<string>
  /** Signs the outcomes of tasks; without one no task may ask for a webhook. */
  readonly webhookKey: Option.Option<Redacted.Redacted<Uint8Array>>
  readonly endpoints: ReadonlyArray<Endpoint>
  /** Hosts that are not public and may be sent to all the same, as `host` or `host:port`. */
  readonly webhookHosts: ReadonlyArray<string>
  readonly mail: MailSettings
}

const invalid = (name: string, detail: string) => new SettingInvalid({ name, detail })

/** A Standard Webhooks secret: `whsec_` and 24 to 64 bytes in Base64. */
const secret = (name: string, text: string): Result.Result<Redacted.Redacted<Uint8Array>, SettingInvalid> => {
  const bytes = text.startsWith("whsec_") ? Base64.decode(text.slice("whsec_".length)) : Result.fail(undefined)
  return Result.isSuccess(bytes) && bytes.success.length >= 24 && bytes.success.length <= 64
    ? Result.succeed(Redacted.make(bytes.success))
    : Result.fail(invalid(name, "holds a secret that is not whsec_ and 24 to 64 bytes in Base64"))
}

const Endpoints = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      url: Schema.NonEmptyString,
      secret: Schema.String,
      events: Schema.optionalKey(Schema.Array(Schema.String))
    })
  )
)
const decodeEndpoints = Schema.decodeUnknownEffect(Endpoints)

const endpoints = Effect.fnUntraced(function* (text: Redacted.Redacted) {
  const name = "OWNLOOP_WEBHOOKS"
  const found = yield* Effect.mapError(decodeEndpoints(Redacted.value(text)), () =>
    invalid(name, 'is not [{"url": "https://...", "secret": "whsec_...", "events": ["session.status_idled"]}]')
  )
  return yield* Effect.forEach(
    found,
    Effect.fnUntraced(function* ({ url, secret: text, events }): Effect.fn.Return<Endpoint, SettingInvalid> {
      const key = yield* Effect.fromResult(secret(name, text))
      return { url, key, events: events === undefined ? undefined : new Set(events) }
    })
  )
})

const positive = (name: string, byDefault: number) =>
  Effect.flatMap(Config.Int(name).pipe(Config.withDefault(byDefault)), (value) =>
    value > 0 ? Effect.succeed(value) : Effect.fail(invalid(name, "is not above 0"))
  )

export const settings: Effect.Effect<Settings, Config.ConfigError | SettingInvalid> = Effect.gen(function* () {
  const limits = {
    concurrency: yield* positive("OWNLOOP_MAX_TASKS", 100),
    concurrencyPerAgent: yield* positive("OWNLOOP_MAX_TASKS_PER_AGENT", 20)
  }
  const environmentId = yield* Config.option(Config.NonEmptyString("OWNLOOP_TASK_ENVIRONMENT"))
  const key = yield* Config.option(Config.Redacted("OWNLOOP_WEBHOOK_SECRET"))
  const hooks = yield* Config.option(Config.Redacted("OWNLOOP_WEBHOOKS"))
  const hosts = yield* Config.String("OWNLOOP_WEBHOOK_HOSTS").pipe(Config.withDefault(""))
  const webhookHosts = hosts.split(/[\s,]+/).filter((host) => host !== "")
  if (webhookHosts.some((host) => host.includes("*") || parsePattern(host) === undefined)) {
    return yield* invalid("OWNLOOP_WEBHOOK_HOSTS", "is not a list of hosts, each as host or host:port")
  }
  return {
    limits,
    environmentId,
    webhookKey: Option.isNone(key)
      ? Option.none()
      : Option.some(yield* Effect.fromResult(secret("OWNLOOP_WEBHOOK_SECRET", Redacted.value(key.value)))),
    endpoints: Option.isNone(hooks) ? [] : yield* endpoints(hooks.value),
    webhookHosts,
    mail: yield* mailSettings
  }
})

export class TriggerSettings extends Context.Service<TriggerSettings, Settings>()("ownloop/triggers/Settings") {
  static readonly layer: Layer.Layer<TriggerSettings, Config.ConfigError | SettingInvalid> = Layer.effect(
    TriggerSettings,
    settings
  )
}

/** The sandbox backends that this deployment has. */
export class Backends extends Context.Service<Backends, ReadonlySet<Backend>>()("ownloop/triggers/Backends") {}
