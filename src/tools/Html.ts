import { decodeEntities } from "./htmlEntities.ts"

/** The readable text of a page: a line per block, `- ` before list items, white space as a browser would show it. Takes linear time. */
export const toText = (html: string): string => {
  const writer = new Writer()
  let at = 0
  while (at < html.length) {
    const open = html.indexOf("<", at)
    writer.text(html.slice(at, open === -1 ? html.length : open))
    if (open === -1) break
    at = html.startsWith("<!--", open) ? after(html, "-->", open + 4) : markup(html, open, writer)
  }
  return writer.result()
}

/** Handles what begins at `open` and answers where it ends. */
const markup = (html: string, open: number, writer: Writer): number => {
  tag.lastIndex = open
  const match = tag.exec(html)
  if (match === null) {
    if ("!?/".includes(html[open + 1] ?? " ")) return after(html, ">", open)
    writer.text("<")
    return open + 1
  }
  const name = match[2]!.toLowerCase()
  const closes = match[1] === "/"
  const end = tagEnd(html, tag.lastIndex)
  if (!closes && skipped.has(name)) return afterElement(html, name, end)
  writer.tag(name, closes)
  return end
}

const tag = /<(\/?)([a-z][^\s/>]*)/iy

const skipped = new Set(["script", "style", "template", "svg", "iframe", "object"])

const blocks = new Set(
  (
    "address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr " +
    "html legend li main nav ol option p pre section summary table tbody tfoot thead title tr ul"
  ).split(" ")
)
/** Blocks that stand apart: an empty line before and after. */
const apart = new Set("article blockquote dl figure h1 h2 h3 h4 h5 h6 ol p pre section table title ul".split(" "))

const after = (html: string, text: string, from: number): number => {
  const at = html.indexOf(text, from)
  return at === -1 ? html.length : at + text.length
}

const afterElement = (html: string, name: string, from: number): number => {
  const close = new RegExp(`</${name}(?=[\\s/>])`, "gi")
  close.lastIndex = from
  const match = close.exec(html)
  return match === null ? html.length : after(html, ">", match.index)
}

/** The end of a tag: the first `>` that is not inside a quoted attribute. */
const tagEnd = (html: string, from: number): number => {
  let quote = ""
  for (let at = from; at < html.length; at++) {
    const char = html[at]!
    if (quote !== "") {
      if (char === quote) quote = ""
    } else if (char === ">") return at + 1
    else if ((char === '"' || char === "'") && html[at - 1] === "=") quote = char
  }
  return html.length
}

class Writer {
  #text = ""
  #preformatted = 0
  #lineStart = true
  /** The first block of a list item stays on the line of the item's dash. */
  #afterDash = false

  text(raw: string): void {
    const decoded = decodeEntities(raw)
    if (decoded.trim() !== "") this.#afterDash = false
    if (this.#preformatted > 0) {
      this.#text += decoded
      this.#lineStart = decoded === "" ? this.#lineStart : decoded.endsWith("\n")
      return
    }
    const collapsed = decoded.replace(/[ \t\r\n\f]+/g, " ")
    const text = this.#lineStart ? collapsed.trimStart() : collapsed
    if (text === "") return
    this.#text += text
    this.#lineStart = text.endsWith(" ")
  }

  tag(name: string, closes: boolean): void {
    if (name === "pre") this.#preformatted = Math.max(0, this.#preformatted + (closes ? -1 : 1))
    if (name === "td" || name === "th") this.text(" ")
    if (!blocks.has(name) || (this.#afterDash && !closes)) return
    this.#text += apart.has(name) ? "\n\n" : "\n"
    this.#afterDash = name === "li" && !closes
    if (this.#afterDash) this.#text += "- "
    this.#lineStart = true
  }

  result(): string {
    const lines: Array<string> = []
    for (const line of this.#text.split("\n").map((line) => line.trimEnd())) {
      if (line !== "" && line !== "-") lines.push(line)
      else if (lines.at(-1) !== "" && lines.length > 0) lines.push("")
    }
    return lines.join("\n").trimEnd()
  }
}
