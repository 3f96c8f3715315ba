import { bare } from "./bare.ts"
import { json } from "./JsonScanner.ts"
import * as Markers from "./Markers.ts"
import type { Block, Machine, Mode, Spec } from "./Spec.ts"

export interface Header {
  readonly role: string
  readonly channel: string
  readonly recipient: string
}

/** What stands between `<|start|>` and `<|message|>`, in any order: `assistant to=functions.f<|channel|>commentary <|constrain|>json`. */
export const header = (text: string): Header => ({
  role: /^\s{0,9}([\w:.-]{1,128})/.exec(text.replace(/^\s{0,9}to=/, " <"))?.[1] ?? "",
  channel: /<\|channel\|>\s{0,9}([\w-]{1,128})/.exec(text)?.[1] ?? "",
  recipient: /(?:^|\s|>)to=([^\s<]{1,256})/.exec(text)?.[1] ?? ""
})

const ends = Markers.make(["<|message|>", "<|end|>", "<|return|>", "<|call|>", "<|start|>"])

/** A header is short; what goes on longer than this is not one. */
const maxHeader = 2_000

const readHeader =
  (machine: Machine, begun: string): Mode =>
  (cursor) => {
    const hit = ends.find(cursor.text, cursor.at, cursor.last)
    const length = (hit?.at ?? cursor.text.length) - cursor.at
    if (hit === undefined && !cursor.last && length < maxHeader) return undefined
    const text = begun + cursor.text.slice(cursor.at, cursor.at + length)
    cursor.at += length
    if (hit === undefined) {
      machine.turn.text(text)
      return machine.text
    }
    cursor.at += hit.marker.length
    if (hit.marker === "<|message|>") return message(machine, header(text))
    return hit.marker === "<|start|>" ? readHeader(machine, "") : machine.text
  }

const message = (machine: Machine, { channel, recipient, role }: Header): Mode => {
  const { turn } = machine
  if (role !== "" && role !== "assistant") return others(machine)
  if (recipient !== "" && !notTools.has(recipient)) {
    turn.beginCall()
    return machine.collect(call(recipient))
  }
  if (channel === "" || channel === "final" || channel === "commentary") turn.answer()
  else turn.think()
  turn.nextMessage()
  return machine.text
}

const notTools = new Set(["assistant", "user", "all"])

const call = (recipient: string): Block => ({
  open: "",
  closes: ["<|call|>", "<|end|>", "<|return|>"],
  scanner: () => json(),
  read: (body, turn) => turn.callText(recipient, body),
  nameOf: () => recipient.replace(/^functions\./, "")
})

const boundaries = Markers.make(["<|end|>", "<|start|>"])

/** A turn that the model made up for someone else. */
const others =
  (machine: Machine): Mode =>
  (cursor) => {
    const { end, hit } = Markers.ahead(cursor, boundaries)
    cursor.at = end
    return hit === undefined ? undefined : machine.text
  }

/** The prompt may end within a header, of which the recipient is then the first thing to come. */
export const start =
  (machine: Machine): Mode =>
  (cursor) => {
    const head = cursor.text.slice(cursor.at, cursor.at + 16)
    if (/^\s{0,9}to=/.test(head)) return readHeader(machine, "")
    return !cursor.last && head.length < 12 && /^\s{0,9}(?:to?)?$/.test(head) ? undefined : machine.text
  }

/** A call that the model is made to make may be left as plain JSON. Then nothing stands before it, while in an answer JSON is only text. */
const leaked =
  (machine: Machine): Mode =>
  (cursor) => {
    const head = cursor.text.slice(cursor.at, cursor.at + 16)
    const space = head.length - head.trimStart().length
    if (space === head.length && space < 16 && !cursor.last) return undefined
    const block = bare.find(({ open }) => head.startsWith(open, space))
    if (block === undefined || machine.turn.isThinking) return start(machine)
    const at = cursor.at + space + block.open.length
    const accepted = block.accepts?.(cursor.text, at, machine.turn)
    if (accepted === undefined && !cursor.last) return undefined
    if (accepted !== true) return machine.text
    cursor.at = at
    return machine.collect(block, () => (machine.turn.afterCall ? leaked(machine) : machine.text))
  }

/** gpt-oss: messages with headers instead of blocks within text. */
export const harmony: Spec = {
  thinking: [],
  blocks: [],
  jumps: [
    { open: "<|start|>", mode: (machine) => readHeader(machine, "") },
    { open: "<|channel|>", mode: (machine) => readHeader(machine, "<|channel|>") }
  ],
  answers: ["<|end|>", "<|return|>", "<|call|>"],
  dropped: ["<|message|>"],
  start: leaked
}
