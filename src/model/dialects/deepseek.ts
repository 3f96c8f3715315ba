import { json } from "./JsonScanner.ts"
import type { Block, Spec } from "./Spec.ts"
import { readInvoke } from "./tagCalls.ts"
import { think } from "./toolCall.ts"
import type { Turn } from "./Turn.ts"

/** `function<sep>NAME` and the arguments in a fence (R1, V3), or `NAME<sep>` and the arguments (V3.1). */
const read =
  (separator: string) =>
  (body: string, turn: Turn): void => {
    const at = body.indexOf(separator)
    if (at < 0) return turn.malformed(body)
    const left = body.slice(0, at).trim()
    const right = body.slice(at + separator.length).trim()
    if (right === "") return turn.malformed(body, left)
    const start = right.search(/```|\{/)
    if (start === 0) return turn.callText(left, right)
    if (left !== "function" || start < 0) return turn.malformed(body)
    turn.callText(right.slice(0, start).trim(), right.slice(start))
  }

const tokens = (bar: string): Block => ({
  open: `<${bar}tool▁call▁begin${bar}>`,
  closes: [`<${bar}tool▁call▁end${bar}>`],
  scanner: () => json({ after: "anything" }),
  read: read(`<${bar}tool▁sep${bar}>`),
  nameOf: (body) => /^\s{0,9}(?:function<.tool▁sep.>)?([\w.-]{1,128})/.exec(body)?.[1]
})

/** The last two generations write tags instead: `<｜DSML｜invoke name="NAME">`. */
const invoke: Block = {
  open: "<｜DSML｜invoke name=",
  closes: ["</｜DSML｜invoke>"],
  values: [{ open: "<｜DSML｜parameter", close: "</｜DSML｜parameter>" }],
  read: readInvoke({ parameter: "<｜DSML｜parameter name=", close: "</｜DSML｜parameter>" }),
  nameOf: (body) => /^["']([^"']{1,128})/.exec(body)?.[1]
}

const bars = ["｜", "|"]

/** DeepSeek R1, V3, V3.1, V3.2 and V4; copies of their templates write a plain bar. */
export const deepseek: Spec = {
  thinking: [think],
  blocks: [...bars.map(tokens), invoke],
  sections: [
    ...bars.map((bar) => `<${bar}tool▁calls▁begin${bar}>`),
    "<｜DSML｜function_calls>",
    "<｜DSML｜tool_calls>"
  ],
  dropped: [
    ...bars.flatMap((bar) => [`<${bar}tool▁calls▁end${bar}>`, `<${bar}end▁of▁sentence${bar}>`]),
    ...["begin", "end"].map((edge) => `<｜tool▁output▁${edge}｜>`),
    "</｜DSML｜function_calls>",
    "</｜DSML｜tool_calls>"
  ]
}
