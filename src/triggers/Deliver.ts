import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Mac from "effect/crypto/Mac"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { now } from "../domain/Common.ts"
import type { Delivery } from "../domain/Delivery.ts"
import type { SessionId, TaskId } from "../domain/Ids.ts"
import { Deliveries } from "../Deliveries.ts"
import type { StorageError } from "../Storage.ts"
import { type Attempt, failure } from "./Attempt.ts"
import { MailSender } from "./MailSender.ts"
import { ReplyQueues } from "./ReplyQueues.ts"
import { type Settings, TriggerSettings } from "./Settings.ts"
import { refuse, sign } from "./Webhook.ts"

const minutes = (count: number) => count * 60_000
const hours = (count: number) => minutes(60 * count)

/** Milliseconds from one attempt to the next; then the delivery has failed. */
const pauses = [minutes(1), minutes(5), minutes(30), hours(2), hours(5), hours(10), hours(14), hours(20), hours(24)]

const patience = "15 seconds"

/** Milliseconds for which a delivery is left to whoever took it: longer than the attempts of all that are taken at once. */
const lease = 180_000

const perTake = 20

/** Sends what is on its way to the outside. */
export class Deliverer extends Context.Service<
  Deliverer,
  {
    /** Sends what is due, of one session or task or of all, until nothing is left that is. */
    deliver(of?: SessionId | TaskId): Effect.Effect<void, StorageError>
    /** Sends it once more, whatever became of it before. */
    replay(delivery: Delivery): Effect.Effect<Delivery, StorageError>
  }
>()("ownloop/triggers/Deliverer") {
  static readonly layer: Layer.Layer<
    Deliverer,
    never,
    Deliveries | HttpClient.HttpClient | Mac.Mac | MailSender | ReplyQueues | TriggerSettings
  > = Layer.effect(
    Deliverer,
    Effect.gen(function* () {
      const deliveries = yield* Deliveries
      const queues = yield* ReplyQueues
      const settings = yield* TriggerSettings
      const mailer = yield* MailSender
      const mac = yield* Mac.Mac
      const http = yield* HttpClient.HttpClient

      const post = Effect.fnUntraced(
        function* (url: string, key: Redacted.Redacted<Uint8Array>, { id, payload }: Delivery) {
          const body = JSON.stringify(payload)
          const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
          const signature = yield* sign(key, { id, timestamp, body })
          const request = HttpClientRequest.post(url).pipe(
            HttpClientRequest.setHeaders(signature),
            HttpClientRequest.bodyText(body, "application/json")
          )
          const { status } = yield* http.execute(request)
          if (status >= 200 && status < 300) return { ok: true } as const
          if (status >= 300 && status < 400) return failure(`it redirects (${status}), which is not followed`)
          return failure(`it answered ${status}`, status !== 410)
        },
        Effect.scoped,
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(failure("no answer in time")) }),
        // A foreign error may quote what was sent.
        Effect.catch(() => Effect.succeed(failure("no answer"))),
        Effect.provideService(Mac.Mac, mac),
        Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }),
        // Its own span would show the URL, and hand the trace's id to the receiver.
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
      )

      const attempt = (delivery: Delivery): Effect.Effect<Attempt, StorageError> => {
        const { to } = delivery
        if (to.type === "queue") {
          const send = queues.get(to.queue)
          if (send === undefined) return Effect.succeed(failure(`there is no queue ${to.queue}`))
          return send(delivery.payload ?? null).pipe(
            Effect.as({ ok: true } as const),
            Effect.catch((error) => Effect.succeed(failure(error.message)))
          )
        }
        if (to.type !== "webhook") return mailer.send(delivery)
        const refusal = refuse(to.url, settings.webhookHosts)
        if (refusal !== null) return Effect.succeed(failure(`the URL ${refusal}`))
        return Option.match(keyOf(settings, delivery, to.url), {
          onNone: () => Effect.succeed(failure("there is no secret to sign it with")),
          onSome: (key) => post(to.url, key, delivery)
        })
      }

      const send = Effect.fn("Deliverer.send")(function* (delivery: Delivery) {
        const result = yield* attempt(delivery)
        const attempts = delivery.attempts + 1
        const tried = { ...delivery, attempts, updated_at: yield* now }
        if (result.ok) {
          const delivered = { ...tried, status: "delivered" as const, last_error: null }
          yield* deliveries.put(delivered, null)
          return delivered
        }
        const pause = result.retry && delivery.status === "pending" ? pauses[delivery.attempts] : undefined
        const failed = {
          ...tried,
          status: pause === undefined ? ("failed" as const) : ("pending" as const),
          last_error: result.error
        }
        yield* deliveries.put(failed, pause === undefined ? null : (yield* Clock.currentTimeMillis) + pause)
        return failed
      })

      const deliver = Effect.fn("Deliverer.deliver")(function* (of?: SessionId | TaskId) {
        while (true) {
          const at = yield* Clock.currentTimeMillis
          const due = yield* deliveries.take({
            now: at,
            leaseUntil: at + lease,
            limit: perTake,
            ...(of === undefined ? {} : { of })
          })
          if (due.length === 0) return
          yield* Effect.forEach(due, send, { concurrency: 4, discard: true })
        }
      })

      return Deliverer.of({ deliver, replay: send })
    })
  )
}

/** Outcomes are signed by the deployment's secret, events of sessions by that of their endpoint. */
const keyOf = ({ endpoints, webhookKey }: Settings, { event }: Delivery, url: string) =>
  event.startsWith("task.")
    ? webhookKey
    : Option.map(Option.fromUndefinedOr(endpoints.find((endpoint) => endpoint.url === url)), ({ key }) => key)
