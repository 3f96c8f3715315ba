import type { GrepMatch } from "../../../src/SandboxBackend.ts"

/** Bytes of a line that are shown. */
const maxLine = 2_000

interface Line {
  readonly type: string
  readonly data: {
    readonly path: { readonly text: string }
    readonly lines: { readonly text: string }
    readonly line_number: number
  }
}

/** The matches that `rg --json` printed. */
export const matchesOf = (output: string, limit: number): ReadonlyArray<GrepMatch> =>
  output
    .split("\n")
    .filter((line) => line.startsWith('{"type":"match"'))
    .slice(0, limit)
    .map((line) => {
      const { data } = JSON.parse(line) as Line
      return {
        path: data.path.text,
        line: data.line_number,
        text: data.lines.text.replace(/\r?\n$/, "").slice(0, maxLine)
      }
    })
