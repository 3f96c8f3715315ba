import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { partsOf, scrubber } from "../../src/egress/scrub.ts"

const secret = `p/s+w"ö&d=hunter2'(x)`
const { isIdle, stream, text } = scrubber([secret])

const html = secret.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;")
const strict = encodeURIComponent(secret).replace(
  /[!'()*]/g,
  (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
)

/** How services repeat what they were sent. */
const forms: Readonly<Record<string, string>> = {
  "as it is": secret,
  JSON: JSON.stringify({ key: secret }),
  "JSON with escaped slashes": JSON.stringify(secret).replaceAll("/", "\\/"),
  "JSON in ASCII": JSON.stringify(secret).replace("ö", "\\u00f6"),
  "a URL": `https://example.com/?q=${encodeURIComponent(secret)}`,
  "a URL in lower case": encodeURIComponent(secret).replace(/%../g, (hex) => hex.toLowerCase()),
  "a URL, strictly": strict,
  "JSON in JSON": JSON.stringify({ body: JSON.stringify({ key: secret }) }),
  "JSON in a URL": encodeURIComponent(JSON.stringify({ key: secret })),
  "JSON in base64": Buffer.from(JSON.stringify({ key: secret })).toString("base64"),
  HTML: `<p>${html}</p>`,
  hex: Buffer.from(secret).toString("hex"),
  HEX: Buffer.from(secret).toString("hex").toUpperCase(),
  ...Object.fromEntries(
    ["", "a", "ab", "abc", "user:", "x-access-token:"].flatMap((before) =>
      (["base64", "base64url"] as const).map((encoding) => [
        `${encoding} after ${before.length} bytes`,
        Buffer.from(`${before}${secret} and more`).toString(encoding)
      ])
    )
  )
}

const read = (body: ReadableStream<Uint8Array>) => new Response(body).text()

describe("a scrubber", () => {
  for (const [name, form] of Object.entries(forms)) {
    it.effect(`finds a secret in ${name}, in a text and in a stream of single bytes`, () =>
      Effect.gen(function* () {
        assert.include(text(`before ${form} after`), "[redacted]")
        const bytes = [...Buffer.from(`before ${form} after`)].values()
        const single = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            const { done, value } = bytes.next()
            if (done === true) controller.close()
            else controller.enqueue(Uint8Array.of(value))
          }
        })
        const scrubbed = yield* Effect.promise(() => read(stream(single)))
        assert.strictEqual(scrubbed, text(`before ${form} after`))
        for (const leaked of ["hunter2", "hunter", encodeURIComponent("hunter2")]) assert.notInclude(scrubbed, leaked)
      })
    )
  }

  it.effect("finds most of a secret that is escaped again and again", () =>
    Effect.sync(() => {
      const { text } = scrubber([`"&/hunter2-hunter2/&"`])
      let escaped = `"&/hunter2-hunter2/&"`
      for (let level = 0; level < 6; level++) {
        escaped = level % 2 === 0 ? JSON.stringify(escaped) : encodeURIComponent(escaped)
        assert.notInclude(text(escaped), "hunter2")
      }
    })
  )

  it.effect("takes out the longer of two secrets of which one begins the other", () =>
    Effect.sync(() =>
      assert.strictEqual(
        scrubber(["hunter2-hunter2", "hunter2-hunter2-more"]).text("hunter2-hunter2-more"),
        "[redacted]"
      )
    )
  )

  it.effect("leaves everything else as it is, and does nothing without secrets that are long enough", () =>
    Effect.sync(() => {
      assert.strictEqual(text("an ordinary text, p/s+w"), "an ordinary text, p/s+w")
      assert.deepStrictEqual([isIdle, scrubber([]).isIdle, scrubber(["short"]).isIdle], [false, true, true])
      assert.strictEqual(scrubber(["short"]).text("short"), "short")
    })
  )

  it.effect("knows what of a header is secret", () =>
    Effect.sync(() => {
      const basic = `Basic ${Buffer.from("me:hunter2:x").toString("base64")}`
      assert.includeMembers([...partsOf("Bearer hunter2")], ["Bearer hunter2", "hunter2"])
      assert.includeMembers([...partsOf(basic)], [basic, basic.slice(6), "hunter2:x"])
      assert.includeMembers([...partsOf("hunter2")], ["hunter2"])
    })
  )
})
