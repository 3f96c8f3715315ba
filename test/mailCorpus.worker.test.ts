import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Mailbox } from "../src/domain/Mail.ts"
import { cases as all, check } from "./mail/corpus.ts"
import { domain, startMail, write } from "./support/mail.ts"

/** The mail of the corpus, delivered to the real Worker. */

const cases = all.filter(({ isKeptBack }) => isKeptBack !== true)

let worker: Awaited<ReturnType<typeof startMail>>
let mailbox: Mailbox

beforeAll(async () => {
  worker = await startMail()
  mailbox = await worker.mailbox("support", { max_mails_per_hour: 1_000 })
})

afterAll(() => worker.close())

/** The Worker's own addresses, in all that it sends. */
const ours = new RegExp(`^"?support@agents\\.example\\.com"? <support\\+[a-z2-7]{26}@agents\\.example\\.com>$`)

const newest = async (status: "accepted" | "refused", before: string) => {
  const [found] = await worker.list<{ id: string }>(`/v1/mails?limit=1&status=${status}`)
  assert.isDefined(found)
  assert.isAbove(found!.id.localeCompare(before), 0, "nothing was kept of the mail")
  return worker.mail(found!.id)
}

it("has sixty mails at least", () => {
  assert.isAtLeast(cases.length, 60)
  assert.strictEqual(new Set(cases.map(({ name }) => name)).size, cases.length)
})

describe("a mail", () => {
  let last = ""
  for (const each of cases) {
    it(`that is ${each.name}`, { concurrent: false }, async () => {
      const to = each.to ?? mailbox.address
      const raw = each.raw?.(to) ?? write({ ...each, to })
      await worker.deliver(raw, to, each.envelopeFrom ?? each.from)
      const mail = await newest(each.refused === undefined ? "accepted" : "refused", last)
      last = mail.id
      check(each, mail)
      for (const [place, [, content]] of (each.files ?? []).entries()) {
        if (content !== undefined) {
          assert.strictEqual(await worker.stored(`${mail.session_id}/${mail.attachments[place]!.path}`), content)
        }
      }
    })
  }

  it("is answered, where it is answered, to its sender alone and with no header of another's", async () => {
    const accepted = cases.filter(({ refused }) => refused === undefined).length
    const sent = await worker.until(worker.sent, (all) => all.length >= accepted)
    assert.lengthOf(sent, accepted)
    for (const mail of sent) {
      assert.match(mail.from, ours)
      assert.deepStrictEqual(mail.to, ["ada@example.com"])
      assert.match(mail.subject, /^Re:( [^\p{Cc}]*)?$/u)
      assert.deepStrictEqual(Object.keys(mail.headers).toSorted(), [
        "Auto-Submitted",
        "In-Reply-To",
        "References",
        "x-ownloop-session"
      ])
      assert.match(mail.headers["References"]!, /^<[^<>\s]+>( <[^<>\s]+>)*$/)
    }
  })

  it("that is for another domain is kept out of every mailbox", async () => {
    const [mail] = await worker.mails("status=refused").then((all) => all.filter(({ to }) => !to.endsWith(domain)))
    assert.strictEqual(mail?.mailbox_id, null)
  })
})
