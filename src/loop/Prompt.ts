import type { SessionRecord } from "../domain/Session.ts"
import type { ModelRequest } from "../ModelClient.ts"
import { workspaceRoot } from "../SandboxBackend.ts"
import type { Offer } from "./Offer.ts"
import type { State } from "./State.ts"

const about = `You are an agent. You work by calling tools, and you answer when the task is done. Your files are in ${workspaceRoot}, where commands start. What you can reach on the network is limited by a policy.`

/** Holds nothing that changes from step to step: providers cache the prompt by its prefix. */
export const systemPrompt = (record: SessionRecord): string =>
  record.agent.system === null ? about : `${record.agent.system}\n\n${about}`

export const request = (record: SessionRecord, tools: Offer["tools"], state: State): ModelRequest => ({
  model: record.agent.model.id,
  sessionId: record.id,
  system: systemPrompt(record),
  messages: state.messages,
  tools
})
