import type { SessionEvent, Setup } from "../domain/Event.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { fold } from "../loop/fold.ts"
import * as Hash from "../loop/Hash.ts"
import * as Offer from "../loop/Offer.ts"
import * as Prompt from "../loop/Prompt.ts"
import { initial } from "../loop/State.ts"
import type { Message } from "../ModelClient.ts"
import type { ToolListing } from "../ToolRegistry.ts"
import type { ShownRequest } from "./Export.ts"

/** A recorded tool as a registry lists it. */
export const listing = ({ name, description, input_schema }: Setup["tools"][number]): ToolListing => ({
  name,
  description,
  input_schema: { ...input_schema, type: "object" },
  source: "custom",
  available: true,
  reason: null
})

/** What of a request's messages was not among those shown before. */
export const since = (before: ReadonlyArray<unknown>, messages: ReadonlyArray<unknown>): number => {
  let from = 0
  while (from < before.length && from < messages.length && before[from] === messages[from]) from++
  return from
}

/** Takes the events of a log in their order, and answers of each start of a request what the model was shown: that of which it is sure. */
export const make = (record: SessionRecord): ((event: SessionEvent) => ShownRequest | undefined) => {
  let state = initial
  let offer: Offer.Offer | undefined
  let messages: ReadonlyArray<Message> = []
  let system: string | undefined

  return (event) => {
    state = fold(state, event)
    if (event.type !== "span.model_request_start") return undefined
    if (event.setup !== undefined) offer = Offer.make(record, event.setup.tools.map(listing))
    if (event.purpose !== undefined || offer === undefined) return undefined
    const request = Prompt.request(record, offer.tools, state)
    if (Hash.ofRequest(request) !== event.request_hash) return undefined
    const from = since(messages, request.messages)
    const shown = {
      ...(request.system === system ? {} : { system: request.system }),
      from,
      messages: request.messages.slice(from)
    }
    messages = request.messages
    system = request.system
    return shown
  }
}
