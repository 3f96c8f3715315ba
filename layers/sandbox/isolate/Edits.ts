/** Changes of a text by places in the original. */
export class Edits {
  private readonly list: Array<{
    readonly start: number
    readonly end: number
    readonly order: number
    readonly text: string
  }> = []

  readonly source: string

  constructor(source: string) {
    this.source = source
  }

  /** Ends what is there; of several at one place the innermost, which starts last, comes first. */
  close(at: number, text: string, startedAt: number): void {
    this.list.push({ start: at, end: at, order: -1 - startedAt, text })
  }

  /** Comes before what is there. */
  open(at: number, text: string): void {
    this.list.push({ start: at, end: at, order: 1, text })
  }

  /** Keeps the line breaks of what it replaces. */
  replace(start: number, end: number, text: string): void {
    this.list.push({ start, end, order: 2, text: text + this.source.slice(start, end).replace(/[^\n]/g, "") })
  }

  apply(): string {
    let text = ""
    let at = 0
    for (const edit of this.list.sort((a, b) => a.start - b.start || a.order - b.order)) {
      text += this.source.slice(at, edit.start) + edit.text
      at = edit.end
    }
    return text + this.source.slice(at)
  }
}
