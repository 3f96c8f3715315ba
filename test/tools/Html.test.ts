import { assert, describe, it } from "@effect/vitest"
import { toText } from "../../src/tools/Html.ts"

describe("toText", () => {
  it("keeps what a reader sees, a line per block", () => {
    const html = `<!doctype html><html><head><title>A &amp; B</title><style>p{color:red}</style></head>
      <body><!-- hidden <p>x</p> --><h1>Head\nline</h1><script>if (a < b) document.write("<p>no</p>")</script>
      <p>One <b>bold</b> and a <a href="/x?a=1>2">link</a>.<br>Next&nbsp;line &#8364;&#x20ac; 1 < 2</p>
      <ul><li>first<li><p>second</p></li></ul><table><tr><td>a</td><td>b</td></tr></table></body></html>`
    assert.strictEqual(
      toText(html),
      [
        "A & B",
        "",
        "Head line",
        "",
        "One bold and a link.",
        "Next line €€ 1 < 2",
        "",
        "- first",
        "- second",
        "",
        "a b"
      ].join("\n")
    )
  })

  it("keeps the lines and spaces of preformatted text", () => {
    assert.strictEqual(
      toText("<p>Run:</p><pre><code>if x:\n    y()\n</code></pre>done"),
      "Run:\n\nif x:\n    y()\n\ndone"
    )
  })

  it("leaves an entity that it does not know, and what is no tag", () => {
    assert.strictEqual(toText("&unknown; a<1 &amp;lt; &#0;"), "&unknown; a<1 &lt; \ufffd")
  })

  it("copes with pages that end in the middle of anything", () => {
    for (const [html, text] of [
      ["a<b", "a"],
      ["a<!-- b", "a"],
      ["a<script>b", "a"],
      ['a<p title="b', "a"],
      ["a<", "a<"],
      ["", ""]
    ] as const) {
      assert.strictEqual(toText(html), text, html)
    }
  })

  it("does not take longer than the page is long", () => {
    for (const part of ["<script", "<!--", "<a href='", "< ", "<p>", "&", " ", "<pre>"]) {
      assert.isString(toText(part.repeat(400_000 / part.length)))
    }
  })
})
