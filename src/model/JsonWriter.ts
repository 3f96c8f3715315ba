/** Where a text cannot be read, and what would have been right there. */
export interface Fault {
  readonly at: number
  readonly expected: string
}

const spaceOrComment = /\s+|\/\/[^\n]*|\/\*[^]*?\*\//y
const unquotedKey = /[A-Za-z_$][\w$-]*/y
const word = /[\w$.+-]+/y
const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/
const literals = new Map(
  Object.entries({ true: "true", false: "false", null: "null", True: "true", False: "false", None: "null" })
)
const plain = /[^"'\\\p{Cc}]+/uy
const escaped = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y
/** A path such as `C:\new`: its backslashes stand for themselves, since it has no line breaks. */
const drivePath = /[A-Za-z]:\\(?!\\)/y
const escapedInPath = /["\\/]|u[0-9a-fA-F]{4}/y

/** Writes one object or array of a text as JSON, in one pass and without recursion. What stands in a string is never guessed. */
export class JsonWriter {
  at: number
  /** That strings stand in. */
  readonly quotes = new Set<string>()
  private readonly text: string
  private readonly pieces: Array<string> = []
  /** What closes the brackets that are open. */
  private readonly closers: Array<string> = []
  private expected: "value" | "key" | "colon" | "comma" = "value"
  private comma = ""
  private isInString = false
  private isAfterString = false

  constructor(text: string, at: number) {
    this.text = text
    this.at = at
  }

  get json(): string {
    return this.pieces.join("")
  }

  get fault(): Fault {
    if (this.isInString) return { at: this.at, expected: "the closing quote of a string" }
    const expected = {
      value: "a value",
      key: 'a key in double quotes, or "}"',
      colon: '":"',
      comma: `"," or "${this.closers.at(-1)}"${this.isAfterString ? ' (a quote inside a string is written \\")' : ""}`
    }
    return { at: this.at, expected: expected[this.expected] }
  }

  /** Whether it could be written. */
  write(): boolean {
    const first = this.text[this.at]
    if ((first !== "{" && first !== "[") || !this.bracket(first)) return false
    while (this.closers.length > 0) {
      while (this.match(spaceOrComment) !== "") continue
      if (!this.step(this.text[this.at])) return false
    }
    return true
  }

  private step(char: string | undefined): boolean {
    switch (this.expected) {
      case "key":
        if (char === "}") return this.close(char)
        if (char === '"' || char === "'") return this.string(char, "colon")
        return this.emit(quoted(this.match(unquotedKey)), "colon")
      case "colon":
        return this.emit(this.match(/:/y), "value")
      case "value":
        if (char === "]") return this.close(char)
        if (char === "{" || char === "[") return this.bracket(char)
        if (char === '"' || char === "'") return this.string(char, "comma")
        return this.literal()
      case "comma":
        if (char === undefined) return this.end()
        return char === "," ? this.separate() : this.close(char)
    }
  }

  private bracket(char: "{" | "["): boolean {
    this.at++
    this.closers.push(char === "{" ? "}" : "]")
    return this.emit(char, char === "{" ? "key" : "value")
  }

  private literal(): boolean {
    const start = this.at
    const text = this.match(word)
    const json = literals.get(text) ?? (number.test(text) ? text : "")
    if (json === "") this.at = start
    return this.emit(json, "comma")
  }

  private separate(): boolean {
    this.at++
    this.comma = ","
    this.expected = this.closers.at(-1) === "}" ? "key" : "value"
    return true
  }

  /** A comma before it is left out. */
  private close(char: string): boolean {
    if (char !== this.closers.at(-1)) return false
    this.at++
    this.closers.pop()
    this.comma = ""
    return this.emit(char, "comma")
  }

  /** What was opened is complete, for no comma and no colon promises more. */
  private end(): boolean {
    this.pieces.push(this.closers.splice(0).toReversed().join(""))
    return true
  }

  private string(quote: string, next: "colon" | "comma"): boolean {
    this.at++
    this.isInString = true
    this.quotes.add(quote)
    const isPath = this.looksLike(drivePath)
    let json = '"'
    while (true) {
      json += this.match(plain)
      const char = this.text[this.at]
      if (char === undefined) return false
      this.at++
      if (char === quote) {
        this.isInString = false
        return this.emit(`${json}"`, next)
      }
      json += char === "\\" ? this.escape(quote, isPath) : quoted(char).slice(1, -1)
    }
  }

  /** What JSON has no escape for is a backslash, and what follows it stands for itself. */
  private escape(quote: string, isPath: boolean): string {
    if (quote === "'" && this.match(/'/y) !== "") return "'"
    const rest = this.match(isPath ? escapedInPath : escaped)
    return rest === "" ? "\\\\" : `\\${rest}`
  }

  private emit(json: string, next: "value" | "key" | "colon" | "comma"): boolean {
    if (json === "") return false
    this.isAfterString = json.endsWith('"')
    this.pieces.push(this.comma, json)
    this.comma = ""
    this.expected = next
    return true
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const text = pattern.exec(this.text)?.[0] ?? ""
    this.at += text.length
    return text
  }

  private looksLike(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    return pattern.test(this.text)
  }
}

const quoted = (text: string): string => (text === "" ? "" : JSON.stringify(text))
