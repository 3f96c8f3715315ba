import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type AgentTool, type AgentToolset, CustomTool, PermissionPolicy } from "../domain/Agent.ts"
import type { Deployment } from "./Deployment.ts"
import { InvalidRequest } from "./Errors.ts"
import { nullable, refused, unsupported } from "./Fields.ts"

const Policy = Schema.Union([...PermissionPolicy.members, refused("auto")]).annotate({
  message: "expected the type always_allow or always_ask"
})

const setting = { enabled: nullable(Schema.Boolean), permission_policy: nullable(Policy) }

const ToolsetInput = Schema.Struct({
  type: Schema.Literal("agent_toolset_20260401"),
  default_config: nullable(Schema.Struct(setting)),
  configs: nullable(
    Schema.Array(
      Schema.Struct({
        name: Schema.NonEmptyString,
        ...setting,
        allowed_domains: unsupported(),
        blocked_domains: unsupported(),
        max_content_tokens: unsupported(),
        url_sources: unsupported(),
        user_location: unsupported()
      })
    )
  )
})

/** The tools of an agent, as clients write them. */
export const ToolsInput = Schema.Array(
  Schema.Union([ToolsetInput, CustomTool, refused("mcp_toolset")]).annotate({
    message: "expected the type agent_toolset_20260401 or custom"
  })
).check(Schema.isMaxLength(256))

/** Known by its name only, so that an agent may switch it off. */
const knownTools = ["web_search"]

/** A database row holds 2 MB. */
const maxLength = 600_000

/** Fills in what was left out, and refuses names that nothing has or that two tools would share. `field` is where the tools stand in the body. */
export const normalise = Effect.fnUntraced(function* (
  input: typeof ToolsInput.Type,
  { tools }: Deployment["Service"],
  field = "tools"
): Effect.fn.Return<ReadonlyArray<AgentTool>, InvalidRequest> {
  const fail = (at: string, problem: string) => new InvalidRequest({ message: `${field}${at}: ${problem}` })
  const own = new Set([...tools.map(({ name }) => name), ...knownTools])
  const taken = new Set(own)
  if (JSON.stringify(input).length > maxLength) return yield* fail("", `is longer than ${maxLength} characters`)
  for (const [index, tool] of input.entries()) {
    if (tool.type === "custom") {
      if (own.has(tool.name)) return yield* fail(`[${index}].name`, `${tool.name} is a tool of this deployment`)
      if (taken.has(tool.name)) return yield* fail(`[${index}].name`, `another tool is named ${tool.name}`)
      taken.add(tool.name)
      continue
    }
    if (input.findIndex(({ type }) => type === tool.type) !== index) {
      return yield* fail(`[${index}].type`, `the toolset ${tool.type} is given twice`)
    }
    const names = (tool.configs ?? []).map(({ name }) => name)
    for (const [at, name] of names.entries()) {
      const place = `[${index}].configs[${at}].name`
      if (!own.has(name)) return yield* fail(place, `there is no tool ${name}; there are ${[...own].join(", ")}`)
      if (names.indexOf(name) !== at) return yield* fail(place, `${name} is configured twice`)
    }
  }
  return input.map((tool) => (tool.type === "custom" ? tool : toolset(tool)))
})

const toolset = ({ type, default_config, configs }: typeof ToolsetInput.Type): AgentToolset => {
  const fallback = {
    enabled: default_config?.enabled ?? true,
    permission_policy: default_config?.permission_policy ?? { type: "always_allow" as const }
  }
  return {
    type,
    default_config: fallback,
    configs: (configs ?? []).map(({ name, enabled, permission_policy }) => ({
      name,
      enabled: enabled ?? fallback.enabled,
      permission_policy: permission_policy ?? fallback.permission_policy
    }))
  }
}
