import type { ClientEvent } from "../domain/Event.ts"
import type { State } from "./State.ts"

/** Why a client's event cannot be accepted in this state; null where it can. */
export const refuse = (state: State, event: ClientEvent): string | null => {
  if (state.status === "terminated") return "it has ended"
  switch (event.type) {
    case "user.message":
    case "user.interrupt":
      return null
    case "user.tool_confirmation": {
      const call = state.calls.find(({ id }) => id === event.tool_use_id)
      if (call?.permission !== "ask" || call.result !== null) {
        return `${event.tool_use_id} is not a tool call that waits for a confirmation`
      }
      return event.scope && call.egress === null ? "scope goes with outbound requests only" : null
    }
    case "user.custom_tool_result": {
      const call = state.calls.find(({ id }) => id === event.custom_tool_use_id)
      return call?.runner === "client" && call.result === null
        ? null
        : `${event.custom_tool_use_id} is not a tool call that waits for the client's result`
    }
  }
}
