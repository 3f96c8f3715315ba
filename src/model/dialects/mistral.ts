import { json, type Scanner } from "./JsonScanner.ts"
import { nameIn, readJson } from "./jsonCalls.ts"
import type { Block, Spec } from "./Spec.ts"
import type { Turn } from "./Turn.ts"
import { toValue } from "./Values.ts"

/** A list of calls, or `NAME[CALL_ID]id[ARGS]{...}` with or without the words in brackets. */
const read = (body: string, turn: Turn): string | void => {
  const text = body.trimStart()
  if (text.startsWith("[") || text.startsWith("{")) return readJson(body, turn)
  const brace = text.indexOf("{")
  const head = /^([^[{]{1,256})(?:\[CALL_ID\]([^[{]{1,256}))?(?:\[ARGS\])?\s{0,9}$/.exec(
    brace < 0 ? text : text.slice(0, brace)
  )
  if (head === null || brace < 0) return turn.malformed(body)
  turn.callText(head[1]!.trim(), text.slice(brace), head[2]?.trim())
}

/** The value begins at once in the old form, and after the name in the new one. */
const scanner = (): Scanner => {
  let inner: Scanner | undefined
  return {
    read: (text, from, to) => {
      let at = from
      while (inner === undefined && at < to) {
        const code = text.charCodeAt(at)
        if (code <= 0x20) at++
        else inner = json({ after: code === 0x5b ? "space" : "anything" })
      }
      return inner === undefined ? to : inner.read(text, at, to)
    },
    state: () => inner?.state() ?? "reading",
    inside: () => inner?.inside() ?? false
  }
}

/** Whether only the bracket that ends a list of calls is missing. */
const isList = (body: string, turn: Turn): boolean =>
  !turn.isTruncated && /^\s{0,9}\[/.test(body) && body.trimEnd().endsWith("}") && toValue(`${body}]`).ok

const calls: Block = {
  open: "[TOOL_CALLS]",
  closes: ["[/TOOL_CALLS]"],
  endsWithValue: true,
  scanner,
  isWhole: isList,
  read,
  nameOf: (body) => nameIn(body) ?? /^\s{0,9}([\w.-]{1,128})/.exec(body)?.[1]
}

/** Mistral, Ministral, Magistral, Devstral. */
export const mistral: Spec = {
  thinking: [{ open: "[THINK]", close: "[/THINK]", anywhere: true }],
  blocks: [calls],
  dropped: ["</s>"],
  trims: true
}
