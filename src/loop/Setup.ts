import type { Setup } from "../domain/Event.ts"
import type { ToolRegistry } from "../ToolRegistry.ts"
import * as Hash from "./Hash.ts"
import type { Offer } from "./Offer.ts"
import type { Limits } from "./Turn.ts"

/** What this deployment gives a session, as the log keeps it, and its hash. */
export const make = (
  offer: Offer,
  registry: ToolRegistry["Service"],
  { contextWindow, maxReschedules, maxSteps }: Limits
): { readonly value: Setup; readonly hash: string } => {
  const tools = registry.list
    .filter(({ name }) => offer.byName.get(name)?.runner === "deployment")
    .map(({ name, description, input_schema }) => ({
      name,
      description,
      input_schema,
      replay_safe: registry.isReplaySafe(name)
    }))
  const value = { tools, max_steps: maxSteps, max_reschedules: maxReschedules, context_window: contextWindow }
  return { value, hash: Hash.ofJson(value) }
}
