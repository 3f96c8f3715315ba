import type { PermissionPolicy, SessionAgent } from "../domain/Agent.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"
import type { ModelTool } from "../ModelClient.ts"
import type { ToolListing } from "../ToolRegistry.ts"

export interface OfferedTool {
  readonly runner: "deployment" | "client"
  readonly permission: "allow" | "ask"
  readonly parameters: JsonSchema
}

/** The tools that one agent version may use here, as the model reads them and as the loop treats them. */
export interface Offer {
  readonly tools: ReadonlyArray<ModelTool>
  readonly byName: ReadonlyMap<string, OfferedTool>
}

const permission = (policy: PermissionPolicy) => (policy.type === "always_ask" ? "ask" : "allow")

/** In one order for every request of a session, so that the prompt's prefix stays the same. */
export const make = (agent: SessionAgent, listings: ReadonlyArray<ToolListing>): Offer => {
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
  return { tools, byName }
}

/** What a model reads when it calls a tool that it was not offered. */
export const unknownTool = (offer: Offer, name: string): string =>
  `there is no tool named ${name}; the tools are: ${[...offer.byName.keys()].join(", ") || "none"}`
