import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  headerText,
  isAllowed,
  messageIds,
  referencesTo,
  replySubject,
  routeOf,
  threadToken,
  withThread
} from "../../src/mail/address.ts"
import { isHeaderValue } from "../../src/domain/Header.ts"
import { split } from "../../src/mail/quoted.ts"

const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
  Schema.isMinLength(26),
  Schema.isMaxLength(26)
)

/** Lines that mail programs write around what people do. */
const Line = Schema.Literals([
  "text",
  "> quoted",
  "",
  "-- ",
  "On 1 Jan Bob <b@x.example> wrote:",
  "From: Bob",
  "Sent: now",
  "To: Ada",
  "Sent from my telephone"
])

describe("what gets into a header", () => {
  it.effect.prop("is one line, whatever it is made of", [Schema.String], ([text]) =>
    Effect.sync(() => {
      for (const header of [headerText(text), replySubject(text), headerText(`a\r\n${text}\u2028b\u202e`)]) {
        assert.notMatch(header, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        assert.isAtMost(Array.from(header).length, 200)
      }
      for (const id of messageIds([text, `<${text}@example.com>`, `junk <a@b>\r\n ${text}`])) {
        assert.isTrue(isHeaderValue(id))
        assert.match(id, /^<[^<>@\s]+@[^<>@\s]+>$/)
      }
    })
  )

  it("keeps the first of many references, and the latest", () => {
    const references = Array.from({ length: 50 }, (_, at) => `<${at}@x>`)
    const all = referencesTo({ message_id: "<new@x>", references })
    assert.lengthOf(all, 20)
    assert.deepStrictEqual([all[0], all[1], all.at(-2), all.at(-1)], ["<0@x>", "<32@x>", "<49@x>", "<new@x>"])
    assert.deepStrictEqual(referencesTo({ message_id: "<1@x>", references: ["<1@x>", "<0@x>"] }), ["<0@x>", "<1@x>"])
    assert.strictEqual(replySubject("RE: a"), "RE: a")
    assert.strictEqual(replySubject("a"), "Re: a")
  })
})

describe("the address of a thread", () => {
  it.effect.prop("leads to its mailbox and thread, in any case", [Bytes], ([bytes]) =>
    Effect.sync(() => {
      const thread = threadToken(Uint8Array.from(bytes))
      const address = withThread("support@agents.example.com", thread)
      assert.deepStrictEqual(routeOf(address.toUpperCase()), { mailbox: "support@agents.example.com", thread })
    })
  )
})

it("a list of senders names addresses and whole domains, and nothing that only looks like one", () => {
  const senders = ["ada@example.com", "*@example.org"]
  for (const sender of ["ada@example.com", "any@example.org"]) assert.isTrue(isAllowed(senders, sender), sender)
  for (const sender of ["bob@example.com", "ada@example.com.evil", "x@sub.example.org", "*@example.com"]) {
    assert.isFalse(isAllowed(senders, sender), sender)
  }
})

it.effect.prop("a mail's parts hold all of its words", [Schema.Array(Line)], ([lines]) =>
  Effect.sync(() => {
    const { quoted, signature, text } = split(lines.join("\r\n"))
    const words = (all: string) => all.split(/\s+/).filter((word) => word !== "")
    assert.deepStrictEqual(words([text, signature, quoted].join("\n")), words(lines.join("\n")))
  })
)
