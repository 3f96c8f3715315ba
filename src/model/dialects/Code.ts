/** Follows what Markdown shows as code: lines between fences, or a span between backticks. */
export class Code {
  private fence = ""
  private span = ""
  /** In the line that opens a fence, where a language may stand. */
  private inInfo = false
  private line = ""
  private isBlank = true
  private hasMore = false

  get isOpen(): boolean {
    return this.fence !== "" || this.span !== ""
  }

  get isFence(): boolean {
    return this.fence !== ""
  }

  /** Whether there is more than space in the code that is open or was last, or before it where it is a span. */
  get isMixed(): boolean {
    return this.hasMore || (this.inInfo && !/^[\w.+#-]{0,32}\s*$/.test(this.line))
  }

  copy(): Code {
    return Object.assign(new Code(), this)
  }

  /** Text in which no run of backticks goes on from what came before. */
  read(text: string): void {
    let from = 0
    if (text.includes("`") || text.includes("~~~")) {
      for (const { 0: run, index } of text.matchAll(runs)) {
        this.between(text.slice(from, index))
        this.token(run)
        from = index + run.length
      }
    }
    this.between(text.slice(from))
  }

  private between(text: string): void {
    if (this.span === "") this.plain(text)
    else for (const [token] of text.matchAll(tokens)) this.token(token)
  }

  /** The same as its tokens one by one. */
  private plain(text: string): void {
    const first = text.indexOf("\n")
    const inside = this.inInfo ? (first < 0 ? "" : text.slice(first)) : text
    if (this.isOpen && inside.trim() !== "") this.hasMore = true
    if (this.isBlank) this.isBlank = text.trim() === ""
    if (first >= 0) {
      this.line = ""
      this.inInfo = false
    }
    this.write(text.slice(text.lastIndexOf("\n") + 1))
  }

  /** What a call was read of, which is no text. */
  call(): void {
    this.hasMore = this.isMixed
    this.line = ""
    this.inInfo = false
  }

  /** What looked like code was none. */
  forget(): void {
    this.fence = this.span = ""
  }

  token(token: string): void {
    if (token === "\n") {
      // A span ends with its paragraph.
      if (this.line.trim() === "") this.span = ""
      this.line = ""
      this.inInfo = false
    } else if (!isRun(token) || !this.run(token)) {
      this.write(token)
      if (token.trim() === "") return
      if (!this.inInfo && this.isOpen) this.hasMore = true
      this.isBlank = false
    }
  }

  /** Whether a run opens or closes code; otherwise it is text. */
  private run(token: string): boolean {
    // Backticks in the same line: then it was no fence that they opened.
    if (this.inInfo && token[0] === "`" && this.fence[0] === "`") {
      this.hasMore = !this.isBlank || this.line.trim() !== ""
      this.span = this.fence
      this.fence = ""
      this.inInfo = false
    }
    if (this.fence !== "") return this.close(token)
    if (this.span !== "") {
      if (token !== this.span) return false
      this.span = ""
    } else if (token.length > 2 && lineStart.test(this.line)) {
      this.fence = token
      this.inInfo = true
      this.hasMore = false
      this.line = ""
      return true
    } else if (token[0] === "`") {
      this.span = token
      this.hasMore = !this.isBlank
    } else return false
    this.isBlank = false
    this.write(token)
    return true
  }

  private close(token: string): boolean {
    if (token[0] !== this.fence[0] || token.length < this.fence.length || !lineStart.test(this.line)) return false
    this.fence = ""
    this.isBlank = false
    this.write(token)
    return true
  }

  private write(text: string): void {
    this.line = (this.line + text).slice(0, 64)
  }
}

const runs = /`+|~{3,}/g
export const tokens = /`+|~+|\n|[^`~\n]+/g

const isRun = (token: string): boolean => token[0] === "`" || token.startsWith("~~~")

/** What may stand before a fence: the marks of quotations and lists. */
const lineStart = /^[\s>]{0,32}(?:(?:[-*+]|\d{1,9}[.)])\s{1,9})?$/
