import type { SessionRecord } from "../domain/Session.ts"
import { toolName } from "../domain/StructuredOutput.ts"
import type { ModelRequest } from "../ModelClient.ts"
import { workspaceRoot } from "../SandboxBackend.ts"
import type { Offer } from "./Offer.ts"
import type { State } from "./State.ts"

const about = `You are an agent. You work by calling tools, and you answer when the task is done. Your files are in ${workspaceRoot}, where commands start. What you can reach on the network is limited by a policy.`

const structured = `Give your final answer by calling the tool ${toolName}: only that counts as an answer, text beside it does not.`

/** What a model reads that answered in text where an answer has a form. */
export const reminder = `You answered in text, but the answer has to come in a form of its own. Call the tool ${toolName} now with your final answer.`

/** Holds nothing that changes from step to step: providers cache the prompt by its prefix. */
export const systemPrompt = ({ agent, output_config }: SessionRecord): string =>
  [...(agent.system === null ? [] : [agent.system]), about, ...(output_config === undefined ? [] : [structured])].join(
    "\n\n"
  )

export const request = (record: SessionRecord, tools: Offer["tools"], state: State): ModelRequest => ({
  model: record.agent.model.id,
  ...(record.agent.model.effort === undefined ? {} : { effort: record.agent.model.effort.type }),
  sessionId: record.id,
  system: systemPrompt(record),
  messages: state.messages,
  tools
})
