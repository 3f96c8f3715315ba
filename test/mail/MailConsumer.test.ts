import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as Scripted from "../../layers/model/Scripted.ts"
import { deployment, triggers } from "../../layers/test.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { Mailbox } from "../../src/domain/Mail.ts"
import { Mailboxes } from "../../src/Mailboxes.ts"
import { MailConsumer } from "../../src/triggers/MailConsumer.ts"
import { domain, write } from "../support/mail.ts"
import { agent, environment, mailbox } from "../support/records.ts"
import { cases, check } from "./corpus.ts"

/** The mail of the corpus, all of it, without a platform that reads it first. */

const box: Mailbox = mailbox("1", {
  address: `support@${domain}`,
  agent: { type: "agent", id: "agent_1", version: null },
  environment_id: "env_1",
  allowed_senders: ["*@example.com"],
  max_mails_per_hour: 1_000
})

const world = triggers({ config: { OWNLOOP_MAIL_DOMAIN: domain } }).pipe(
  Layer.provideMerge(deployment({ model: Scripted.layer([]) }))
)

const utf8 = new TextEncoder()

describe("a mail", () => {
  for (const each of cases) {
    it.effect(`that is ${each.name}`, () =>
      Effect.gen(function* () {
        const mailboxes = yield* Mailboxes
        const catalog = yield* Catalog
        yield* catalog.addAgentVersion(agent("1"))
        yield* catalog.putEnvironment(environment("1"))
        yield* mailboxes.add(box)
        const to = each.to ?? box.address
        const raw = each.raw?.(to) ?? write({ ...each, to })
        const bytes = typeof raw === "string" ? utf8.encode(raw) : raw
        const { receive } = yield* MailConsumer
        const from = each.envelopeFrom ?? each.from ?? "ada@example.com"
        const { type } = yield* receive({ from, to, size: bytes.length, raw: Effect.succeed(bytes) })
        const [kept] = yield* mailboxes.mails({ limit: 1 })
        check(each, Option.getOrThrow(yield* mailboxes.mail(kept!.id)))
        const isMachine = ["bounce", "auto_reply", "mailing_list", "loop"].includes(each.refused ?? "")
        assert.strictEqual(type, each.refused === undefined ? "accepted" : isMachine ? "ignored" : "rejected")
      }).pipe(Effect.provide(world))
    )
  }
})
