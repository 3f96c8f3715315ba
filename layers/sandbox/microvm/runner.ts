import type { Ran, Run } from "./Protocol.ts"

/** What `image/run` is given and what it answers. */

/** A shell's words for these variables, which are given after what the last command left. */
export const exported = (variables: Run["variables"], quote: (text: string) => string): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quote(value)}`)
    .join("\n")

/** What it says after its last record separator. */
export const ended = (stdout: string, all: string): Ran => {
  const at = all.lastIndexOf("\x1e")
  if (at < 0) throw new Error(`the command's runner was ended from outside ${all.trim()}`.trim())
  const [exitCode, timedOut, truncated] = all.slice(at + 1).split(" ")
  return {
    stdout: withoutCut(stdout, truncated === "1"),
    stderr: withoutCut(all.slice(0, at), truncated === "1"),
    exitCode: Number(exitCode),
    timedOut: timedOut === "1",
    truncated: truncated === "1"
  }
}

/** Without the character that a cut went through. */
const withoutCut = (text: string, truncated: boolean): string => (truncated ? text.replace(/\ufffd$/, "") : text)
