import { maxDepth } from "../JsonTypes.ts"

/** How strings and keys are written, beside the quotes of JSON and Python. */
export interface Style {
  /** Tokens that begin and end a string in which nothing is escaped. */
  readonly quotes?: ReadonlyArray<string>
  /** Keys and texts may stand without quotes. */
  readonly bare?: boolean
}

export class Reader {
  at = 0
  private depth = 0
  readonly text: string
  private readonly style: Style

  constructor(text: string, style: Style = {}) {
    this.text = text
    this.style = style
  }

  space(): void {
    while (this.at < this.text.length && isSpace(this.text.charCodeAt(this.at))) this.at++
  }

  /** Consumes `token`, after space. */
  take(token: string): boolean {
    this.space()
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  /** Consumes `token` or throws. */
  need(token: string): void {
    if (!this.take(token)) throw new SyntaxError(`expected ${token} at ${this.at}`)
  }

  /** A word: letters, digits, `_`, and `.` or `-` within. */
  word(): string {
    this.space()
    word.lastIndex = this.at
    const found = word.exec(this.text)?.[0]
    if (found === undefined) throw new SyntaxError(`expected a name at ${this.at}`)
    this.at += found.length
    return found
  }

  value(): unknown {
    this.space()
    const raw = this.raw()
    if (raw !== undefined) return raw
    const first = this.text[this.at]
    if (first === '"' || first === "'") return this.string(first)
    if (first === "[") return this.list("[", "]")
    if (first === "(") return this.list("(", ")")
    if (rawString.test(this.text.slice(this.at, this.at + 2))) return this.string(this.text[++this.at]!, true)
    if (first === "{") return this.record()
    number.lastIndex = this.at
    const digits = number.exec(this.text)?.[0]
    if (digits !== undefined) {
      this.at += digits.length
      return Number(digits.replaceAll("_", ""))
    }
    if (this.style.bare === true) return this.bare()
    const name = this.word()
    if (!words.has(name)) throw new SyntaxError(`unknown word ${name.slice(0, 40)}`)
    return words.get(name)
  }

  private bare(): unknown {
    bareText.lastIndex = this.at
    const text = bareText.exec(this.text)?.[0] ?? ""
    if (text.trim() === "") throw new SyntaxError(`expected a value at ${this.at}`)
    this.at += text.length
    return words.has(text.trim()) ? words.get(text.trim()) : text.trim()
  }

  private raw(): string | undefined {
    for (const quote of this.style.quotes ?? []) {
      if (!this.text.startsWith(quote, this.at)) continue
      const start = this.at + quote.length
      const end = this.text.indexOf(quote, start)
      if (end < 0) throw new SyntaxError("unfinished string")
      this.at = end + quote.length
      return this.text.slice(start, end)
    }
    return undefined
  }

  private string(quote: string, isRaw = false): string {
    const long = this.text.startsWith(quote.repeat(3), this.at) ? quote.repeat(3) : quote
    this.at += long.length
    let value = ""
    for (let start = this.at; this.at < this.text.length;) {
      if (this.text.startsWith(long, this.at)) {
        value += this.text.slice(start, this.at)
        this.at += long.length
        return value
      }
      if (this.text[this.at] === "\\" && isRaw) this.at += 2
      else if (this.text[this.at] === "\\") {
        value += this.text.slice(start, this.at) + this.escape()
        start = this.at
      } else this.at++
    }
    throw new SyntaxError("unfinished string")
  }

  /** A backslash that begins no known escape is one that the model meant. */
  private escape(): string {
    escape.lastIndex = this.at
    const [all = "\\", hex, simple] = escape.exec(this.text) ?? []
    this.at += all.length
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return simple === undefined ? all : escapes.get(simple)!
  }

  private list(open: string, close: string): ReadonlyArray<unknown> {
    return this.deeper(() => {
      const items: Array<unknown> = []
      this.need(open)
      while (!this.take(close)) {
        items.push(this.value())
        if (!this.take(",")) {
          this.need(close)
          break
        }
      }
      return items
    })
  }

  record(): { readonly [key: string]: unknown } {
    return this.deeper(() => {
      const entries: Array<[string, unknown]> = []
      this.need("{")
      while (!this.take("}")) {
        const key = this.key()
        this.need(":")
        entries.push([key, this.value()])
        if (!this.take(",")) {
          this.need("}")
          break
        }
      }
      return Object.fromEntries(entries)
    })
  }

  private key(): string {
    this.space()
    const raw = this.raw()
    if (raw !== undefined) return raw
    const first = this.text[this.at]
    return first === '"' || first === "'" || this.style.bare !== true ? this.stringOnly() : this.word()
  }

  private stringOnly(): string {
    const value = this.value()
    if (typeof value !== "string") throw new SyntaxError("a key is a string")
    return value
  }

  private deeper<A>(read: () => A): A {
    this.depth++
    if (this.depth > maxDepth) throw new SyntaxError("nested too deeply")
    const value = read()
    this.depth--
    return value
  }
}

const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0

const rawString = /^[rR]["']/
const bareText = /[^,{}[\]\n]+/y
const word = /[\p{L}\p{N}_$](?:[\p{L}\p{N}_$]|[.-](?=[\p{L}\p{N}_$]))*/uy
const number = /[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\p{L}\p{N}_])/uy
const escape = /\\(?:u([0-9a-fA-F]{4})|(["'\\/bfnrt\n]))/y

const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["null", null],
  ["None", null]
])

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["\n", ""]
])
