import * as Result from "effect/Result"
import type { PermissionPolicy } from "../domain/Agent.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { toolName } from "../domain/StructuredOutput.ts"
import * as OutputSchema from "../model/OutputSchema.ts"
import type { ModelTool } from "../ModelClient.ts"
import type { ToolListing } from "../ToolRegistry.ts"

export interface OfferedTool {
  readonly runner: "deployment" | "client" | "loop"
  readonly permission: "allow" | "ask"
  readonly parameters: JsonSchema
  /** What is wrong with input that argument repair found nothing wrong with; null where nothing is. */
  readonly problemOf?: OutputSchema.OutputSchema["problemOf"]
}

/** The tools that a session's agent may use here, as the model reads them and as the loop treats them. */
export interface Offer {
  readonly tools: ReadonlyArray<ModelTool>
  readonly byName: ReadonlyMap<string, OfferedTool>
  /** The form of final answers; null where they are plain text. */
  readonly output: OutputSchema.OutputSchema | null
}

const permission = (policy: PermissionPolicy) => (policy.type === "always_ask" ? "ask" : "allow")

/** In one order for every request of a session, so that the prompt's prefix stays the same. */
export const make = (
  { agent, output_config }: Pick<SessionRecord, "agent" | "output_config">,
  listings: ReadonlyArray<ToolListing>
): Offer => {
  const tools: Array<ModelTool> = []
  const byName = new Map<string, OfferedTool>()
  const add = (name: string, description: string, parameters: JsonSchema, tool: Omit<OfferedTool, "parameters">) => {
    if (byName.has(name)) return
    tools.push({ name, description, parameters })
    byName.set(name, { ...tool, parameters })
  }
  for (const entry of agent.tools) {
    if (entry.type === "custom") {
      add(entry.name, entry.description, entry.input_schema, { runner: "client", permission: "allow" })
      continue
    }
    for (const listing of listings) {
      const config = entry.configs.find(({ name }) => name === listing.name) ?? entry.default_config
      if (listing.available && config.enabled) {
        add(listing.name, listing.description, listing.input_schema, {
          runner: "deployment",
          permission: permission(config.permission_policy)
        })
      }
    }
  }
  // Checked when the session was created.
  const output = output_config === undefined ? null : Result.getOrThrow(OutputSchema.make(output_config.format.schema))
  if (output !== null) {
    const { parameters, problemOf } = output
    tools.push({ name: toolName, description: finalAnswer, parameters })
    byName.set(toolName, { runner: "loop", permission: "allow", parameters, problemOf })
  }
  return { tools, byName, output }
}

const finalAnswer =
  "Gives your final answer, in the form of its input. Call it alone, when the task is done: your work ends with it."

/** What a model reads when it calls a tool that it was not offered. */
export const unknownTool = (offer: Offer, name: string): string =>
  `there is no tool named ${name}; the tools are: ${[...offer.byName.keys()].join(", ") || "none"}`
