import { coerce, isNode, items, child, type Node, types } from "./Coerce.ts"
import { maxDepth } from "../JsonTypes.ts"
import { jsonBlock } from "./jsonCalls.ts"
import type { Block, Spec } from "./Spec.ts"
import { readInvoke } from "./tagCalls.ts"
import { think } from "./toolCall.ts"
import type { Turn } from "./Turn.ts"

/** M2: one tag for each parameter, which names it. */
export const invoke = (prefix: string, parameter = "parameter"): Block => ({
  open: `<${prefix}invoke name=`,
  closes: [`</${prefix}invoke>`],
  values: [{ open: `<${prefix}${parameter} name=`, close: `</${prefix}${parameter}>` }],
  read: readInvoke({ parameter: `<${prefix}${parameter} name=`, close: `</${prefix}${parameter}>` }),
  nameOf: (body) => /^["']([^"']{1,128})/.exec(body)?.[1]
})

/** M3 writes this before every tag, so that no tag of a value is taken for one of the call's. */
const mark = "]<]minimax[>["

interface Element {
  readonly tag: string
  text: string
  readonly children: Array<Element>
}

/** M3: the tags are the names of the parameters, and nest as the values do. */
const readM3 = (body: string, turn: Turn): void => {
  const [head = "", ...parts] = body.split(mark)
  const name = /^\s{0,9}["']?([^"'>]{1,256})["']?\s{0,9}>/.exec(head)?.[1]
  if (name === undefined) return turn.malformed(body)
  const root: Element = { tag: "", text: "", children: [] }
  const open = [root]
  for (const part of parts) {
    const [tag, closing, named] = /^<(\/?)([^>]{1,256})>/.exec(part) ?? []
    const parent = open[open.length - 1]
    if (tag === undefined || parent === undefined || open.length > maxDepth) return turn.malformed(body, name)
    if (closing === "/") open.pop()
    else {
      const element: Element = { tag: named!, text: part.slice(tag.length), children: [] }
      parent.children.push(element)
      open.push(element)
    }
  }
  const parameters: Node = turn.tool(name)?.parameters ?? {}
  turn.call(name, membersOf(root, parameters, parameters))
}

const membersOf = (element: Element, schema: Node, root: Node): { readonly [key: string]: unknown } =>
  Object.fromEntries(element.children.map((one) => [one.tag, valueOf(one, child(schema, one.tag, root), root)]))

const valueOf = (element: Element, schema: Node | undefined, root: Node): unknown => {
  if (element.children.length === 0) return scalar(element.text, schema, root)
  const listed = element.children.every(({ tag }) => tag === "item") && child(schema ?? {}, "item", root) === undefined
  if (!listed) return membersOf(element, schema ?? {}, root)
  const of = schema === undefined ? undefined : items(schema, root)
  return element.children.map((one) => valueOf(one, of, root))
}

/** Here `null` is one only where the schema allows it. */
const scalar = (text: string, schema: Node | undefined, root: Node): unknown => {
  const allowed = isNode(schema) ? types(schema, root) : undefined
  return allowed?.size === 1 && allowed.has("string") ? text : coerce(text, schema, root)
}

const m3: Block = {
  open: `${mark}<invoke name=`,
  closes: [`${mark}</invoke>`],
  read: readM3,
  nameOf: (body) => /^["']([^"']{1,128})/.exec(body)?.[1]
}

/** MiniMax M1, M2 and M3. */
export const minimax: Spec = {
  thinking: [think, { open: "<mm:think>", close: "</mm:think>" }],
  blocks: [jsonBlock("<tool_calls>", "</tool_calls>"), invoke(""), m3],
  sections: ["<minimax:tool_call>", `${mark}<tool_call>`],
  dropped: ["</minimax:tool_call>", `${mark}</tool_call>`, "[e~["]
}
