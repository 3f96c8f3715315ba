import { coerce, isProperty, property } from "./Coerce.ts"
import type { Turn } from "./Turn.ts"
import type { Tool } from "./Types.ts"

/** How a family of XML writes one call: its markers, each without the name that follows it. */
export interface Tags {
  readonly parameter: string
  readonly close: string
}

/** `NAME<arg_key>k</arg_key><arg_value>v</arg_value>...`, also with some of the tags left out. */
export const readArgKeys = (body: string, turn: Turn): void => {
  const tags = [...body.matchAll(/<\/?arg_(?:key|value)>/g)]
  const head = body
    .slice(0, tags[0]?.index ?? body.length)
    .replace("<tool_sep>", "")
    .trim()
  const keys: Array<{ readonly key: string; readonly index: number }> = []
  const values: Array<{ readonly text: string; readonly index: number }> = []
  const unopened = tags[0]?.[0] === "</arg_key>"
  const [first = "", ...others] = head.split(/\s+/)
  const name = (unopened ? first : head).replace(/(?:\\n)+$/, "")
  if (unopened) keys.push({ key: others.join(" "), index: 0 })
  tags.forEach((tag, index) => {
    const text = body.slice(tag.index + tag[0].length, tags[index + 1]?.index ?? body.length)
    if (tag[0] === "<arg_key>") keys.push({ key: text.trim(), index })
    else if (tag[0] === "<arg_value>") values.push({ text, index })
    else if (tag[0] === "</arg_key>" && tags[index + 1]?.[0] === "</arg_value>")
      values.push({ text: text.trim(), index })
  })
  const tool = turn.tool(name)
  const pairs = values.map((value, at) => {
    // As many keys as values are pairs in order; otherwise a value belongs to the last key before it.
    const key = keys.length === values.length ? keys[at] : keys.findLast(({ index }) => index <= value.index)
    return key === undefined ? undefined : ([key.key, argument(tool, key.key, value.text)] as const)
  })
  turn.call(name, Object.fromEntries(pairs.filter((pair) => pair !== undefined)))
}

const argument = (tool: Tool | undefined, key: string, raw: string): unknown =>
  coerce(raw, property(tool?.parameters, key), tool?.parameters)

/** `<function=NAME><parameter=K>V</parameter>...</function>`, once or several times. */
export const readFunctions = (body: string, turn: Turn): void => {
  const start = /<function=([^>\n<]{1,256})>?/g
  let found = start.exec(body)
  if (found === null) return turn.malformed(body)
  for (; found !== null && !turn.isFull; found = start.exec(body)) {
    start.lastIndex = readFunction(body, start.lastIndex, unquoted(found[1]!), turn)
  }
}

/** Some write names as attributes are written elsewhere. */
const unquoted = (name: string): string => name.trim().replace(/^(["'])(.*)\1$/, "$2")

/** Reads the parameters of one function and answers where it ends. */
const readFunction = (body: string, from: number, name: string, turn: Turn): number => {
  const tool = turn.tool(name)
  const entries: Array<[string, unknown]> = []
  const next = /<parameter=([^>\n<]{1,256})>|<\/function>|<function=/g
  next.lastIndex = from
  let mark = next.exec(body)
  for (; mark?.[1] !== undefined; mark = next.exec(body)) {
    const key = unquoted(mark[1])
    const start = next.lastIndex
    next.lastIndex = endOfValue(body, start, tool)
    entries.push([key, valueOf(tool, key, withoutLineBreaks(body.slice(start, next.lastIndex)))])
  }
  const end = mark?.index ?? body.length
  const text = entries.length === 0 ? body.slice(from, end).trim() : ""
  if (text.startsWith("{")) turn.callText(name, text)
  else turn.call(name, Object.fromEntries(entries))
  return end
}

/** Where a tool does not say what it takes, the text null is nothing. */
const valueOf = (tool: Tool | undefined, key: string, raw: string): unknown => {
  const value = argument(tool, key, raw)
  return value === "null" && tool?.parameters.properties === undefined ? "" : value
}

/** A line break at the beginning belongs to the format, and so does one at the end where there is one at the beginning. */
const withoutLineBreaks = (text: string): string => {
  const inner = text.replace(/^\r?\n/, "")
  return inner.length === text.length ? text : inner.replace(/\r?\n$/, "")
}

/** A value ends at its closing tag. Where that is missing it ends at the next parameter that the tool has, or with the function. */
const endOfValue = (body: string, from: number, tool: Tool | undefined): number => {
  const mark = /<\/parameter>|<parameter=([^>\n<]{1,256})>|<\/function>(?=\s*(?:<function=|$))/g
  mark.lastIndex = from
  let ended: number | undefined
  for (let found = mark.exec(body); found !== null; found = mark.exec(body)) {
    const key = found[1] === undefined ? undefined : unquoted(found[1])
    if (found[0] === "</parameter>") return found.index
    if (key === undefined) ended ??= found.index
    else if (ended !== undefined) return ended
    else if (isParameter(tool, key)) return found.index
  }
  return ended ?? body.length
}

const isParameter = (tool: Tool | undefined, key: string): boolean => {
  const schema = tool?.parameters
  return schema?.properties === undefined || isProperty(schema, key)
}

/** `"NAME">` with parameters in tags that name them, as in `<invoke name=...><parameter name=...>`. */
export const readInvoke =
  ({ close, parameter }: Tags) =>
  (body: string, turn: Turn): void => {
    const head = /^\s{0,9}["']?([^"'>]{0,256})["']?\s{0,9}(\/?)>/.exec(body)
    if (head === null) return turn.malformed(body)
    const name = head[1]!.trim()
    const tool = turn.tool(name)
    const entries: Array<[string, unknown]> = []
    const text = body.slice(head[0].length)
    for (let at = text.indexOf(parameter); at >= 0;) {
      const attributes = /^\s{0,9}["']?([^"'>]{0,256})["']?(?:\s{1,9}string=["'](true|false)["'])?\s{0,9}>/.exec(
        text.slice(at + parameter.length, at + parameter.length + 600)
      )
      if (attributes === null) return turn.malformed(body, name)
      const start = at + parameter.length + attributes[0].length
      const closed = text.indexOf(close, start)
      const end = closed < 0 ? text.length : closed
      entries.push([attributes[1]!, attribute(text.slice(start, end), attributes[1]!, attributes[2], tool)])
      at = text.indexOf(parameter, end)
    }
    if (entries.length === 0 && text.trimStart().startsWith("{")) turn.callText(name, text)
    else turn.call(name, Object.fromEntries(entries))
  }

/** Some families say with the value whether it is a string. */
const attribute = (raw: string, key: string, isString: string | undefined, tool: Tool | undefined): unknown => {
  const text = withoutCdata(raw)
  if (isString === "true") return text
  if (isString === "false") return coerce(text, property(tool?.parameters, key) ?? {}, tool?.parameters)
  return argument(tool, key, text)
}

const withoutCdata = (raw: string): string => {
  const text = raw.trim()
  return text.startsWith("<![CDATA[") && text.endsWith("]]>") ? text.slice(9, -3) : raw
}
