import { json, type Scanner } from "./JsonScanner.ts"
import { nameIn, readJson } from "./jsonCalls.ts"
import type { Block, Thinking } from "./Spec.ts"
import { readArgKeys, readFunctions } from "./tagCalls.ts"
import type { Turn } from "./Turn.ts"

/** The tag `<think>` that most families share. */
export const think: Thinking = { open: "<think>", close: "</think>" }

/** Some models put their JSON between fences. */
const jsonBegins: ReadonlySet<string | undefined> = new Set(["{", "[", "`"])

/** Follows JSON where the block begins with some, and nothing where it begins with a tag or a name. */
const jsonIfAny = (): Scanner => {
  let inner: Scanner | undefined
  let isJson: boolean | undefined
  return {
    read: (text, from, to) => {
      let at = from
      while (isJson === undefined && at < to) {
        const code = text.charCodeAt(at)
        if (code <= 0x20) at++
        else {
          isJson = jsonBegins.has(text[at])
          if (isJson) inner = json({ several: true, after: code === 0x60 ? "anything" : "space" })
        }
      }
      return inner?.read(text, at, to) ?? to
    },
    state: () => inner?.state() ?? "reading",
    inside: () => inner?.inside() ?? false,
    follows: () => isJson === true
  }
}

/** Several families wrap calls in the same tag; the text within shows which one wrote it, whatever the model is called. */
const read = (body: string, turn: Turn): string | void => {
  if (jsonBegins.has(body.trimStart()[0])) return readJson(body, turn)
  const at = body.indexOf("<function=")
  // After the first argument of the other form it is a part of a value.
  if (at >= 0 && !body.slice(0, at).includes("arg_")) return readFunctions(body, turn)
  if (body.trim() !== "") return readArgKeys(body, turn)
}

const nameOf = (body: string): string | undefined =>
  nameIn(body) ?? /^\s{0,99}(?:<function=)?([\w.:-]{1,128})/.exec(body)?.[1]

const values = [
  { open: "<arg_value>", close: "</arg_value>", next: "<arg_key>" },
  { open: "<parameter=", close: "</parameter>" }
]

/** A call between `open` and `close`, written as JSON, as `<function=...>`, or as `<arg_key>` and `<arg_value>`. */
export const wrapped = (open: string, close: string): Block => ({
  open,
  closes: [close],
  values,
  scanner: jsonIfAny,
  isWhole: (body) => body.trimEnd().endsWith("</function>"),
  isMention: (body) => body.trim() !== "" && !/^\s{0,99}(?:[{[<]|[\w.:-]{1,128}\s{0,99}(?:<|$|\n))/.test(body),
  read,
  nameOf
})

export const toolCall = wrapped("<tool_call>", "</tool_call>")

/** Whether nothing more can come of a function: its name is there, and it has no parameters. */
const takesNothing = (body: string, turn: Turn): boolean => {
  const name = /^([^>\n<]{1,256})>\s{0,9}$/.exec(body)?.[1]
  const tool = name === undefined || turn.isTruncated ? undefined : turn.tool(name)
  return tool !== undefined && Object.keys(tool.parameters.properties ?? {}).length === 0
}

/** A `<function=...>` whose wrapping tag is missing. */
export const bareFunction: Block = {
  open: "<function=",
  closes: ["</function>", "</tool_call>"],
  values,
  isWhole: takesNothing,
  read: (body, turn) => readFunctions(`<function=${body}`, turn),
  nameOf: (body) => /^[\w.:-]{1,128}/.exec(body)?.[0]
}
