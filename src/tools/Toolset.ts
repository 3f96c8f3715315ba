import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type AnthropicKeyRefused, findAnthropicKey } from "../domain/AnthropicKey.ts"
import type { SandboxOperation } from "../domain/Event.ts"
import { toolName } from "../domain/StructuredOutput.ts"
import { CurrentToolUse, EgressHttpClient } from "../EgressPolicy.ts"
import { SandboxBackend } from "../SandboxBackend.ts"
import { type ToolListing, ToolRegistry, type ToolResult } from "../ToolRegistry.ts"
import { makeContext } from "./Context.ts"
import { type Tool, type ToolEnv, ToolFailure } from "./defineTool.ts"
import { InputError } from "./InputError.ts"
import { noting, Operations } from "./Operations.ts"
import { redactor } from "./redactor.ts"
import { capped } from "./Text.ts"

export interface Toolset {
  readonly builtIn: ReadonlyArray<Tool>
  readonly custom: ReadonlyArray<Tool>
}

/** Bytes of one result: as much as `read` answers. */
const resultLimit = 8 * 1024 * 1024

const isInputError = Schema.is(InputError)

/** How long one call may take: more than any command of a sandbox. A tool that never settles would hold its session's turn for ever. */
const callLimit = Duration.minutes(15)

const tookTooLong = new ToolFailure({
  message: `The tool was stopped: it took longer than ${Duration.toMinutes(callLimit)} minutes.`
})

/** Throws where two tools have one name, or one has a name that is taken. */
export const make = (toolset: Toolset): Toolset => {
  const names = new Set<string>()
  for (const { name } of [...toolset.builtIn, ...toolset.custom]) {
    if (name === toolName)
      throw new TypeError(`tool ${name}: the name is taken by the tool that gives a session's final answer`)
    if (names.has(name)) throw new TypeError(`tool ${name}: there are two of this name`)
    names.add(name)
  }
  return toolset
}

/** What a deployment with these bindings has, session or not. */
export const list = (
  { builtIn, custom }: Toolset,
  env: ToolEnv,
  bindings: object = env
): ReadonlyArray<ToolListing> => {
  const redact = redactor(bindings)
  const listing = (source: ToolListing["source"]) => (tool: Tool) => {
    const reason = unavailable(tool, env, redact)
    const { name, description, inputSchema } = tool
    return { name, description, input_schema: inputSchema, source, available: reason === null, reason }
  }
  return [...builtIn.map(listing("built_in")), ...custom.map(listing("custom"))]
}

const unavailable = (tool: Tool, env: ToolEnv, redact: (text: string) => string): string | null => {
  try {
    return tool.requires(env) ?? null
  } catch (error) {
    return redact(messageOf(error))
  }
}

/** The registry of one session. Tools get `env`; of the secrets among `bindings`, all that the deployment has, no result holds any. */
export const layer = (
  toolset: Toolset,
  env: ToolEnv,
  bindings: object = env
): Layer.Layer<ToolRegistry, AnthropicKeyRefused, SandboxBackend | EgressHttpClient> =>
  Layer.effect(
    ToolRegistry,
    Effect.gen(function* () {
      yield* Option.match(findAnthropicKey({ ...bindings }), { onNone: () => Effect.void, onSome: Effect.fail })
      const sandbox = noting(yield* SandboxBackend)
      const http = yield* EgressHttpClient
      const listings = list(toolset, env, bindings)
      const tools = new Map([...toolset.builtIn, ...toolset.custom].map((tool) => [tool.name, tool]))
      const reasons = new Map(listings.map(({ name, reason }) => [name, reason]))
      const available = listings.filter((tool) => tool.available).map((tool) => tool.name)
      const redact = redactor(bindings)
      const result = (text: string, isError: boolean): ToolResult => ({
        text: capped(redact(text), resultLimit),
        isError
      })

      return ToolRegistry.of({
        list: listings,
        isReplaySafe: (name) => tools.get(name)?.replaySafe ?? false,
        call: Effect.fn("ToolRegistry.call")(
          function* (sessionId, call) {
            yield* Effect.annotateCurrentSpan({ "gen_ai.tool.name": call.name, "gen_ai.tool.call.id": call.id })
            const tool = tools.get(call.name)
            if (tool === undefined) {
              return result(`There is no tool "${call.name}". The tools are: ${available.join(", ") || "none"}.`, true)
            }
            const reason = reasons.get(call.name) ?? null
            if (reason !== null) return result(`The tool ${call.name} is not available: ${reason}`, true)
            const controller = new AbortController()
            const operations: Array<SandboxOperation> = []
            const context = yield* makeContext({
              sessionId,
              callId: call.id,
              sandbox,
              http,
              env,
              signal: controller.signal
            }).pipe(Effect.provideService(Operations, operations))
            return yield* tool.run(call.input, context).pipe(
              Effect.provideService(Operations, operations),
              Effect.onInterrupt(() => Effect.sync(() => controller.abort())),
              Effect.timeoutOrElse({ duration: callLimit, orElse: () => Effect.fail(tookTooLong) }),
              Effect.matchCause({
                onSuccess: (text) => result(text, false),
                // Not reached where the call itself is interrupted: that stays an interruption.
                onFailure: (cause) => {
                  if (Cause.hasInterruptsOnly(cause)) return result("The tool stopped itself.", true)
                  const error = Cause.squash(cause)
                  return {
                    ...result(messageOf(error), true),
                    ...(isInputError(error) ? { rejected: true as const } : {})
                  }
                }
              }),
              Effect.map((result) => (operations.length === 0 ? result : { ...result, operations }))
            )
          },
          // What it sends is recorded under it.
          (effect, _, call) => Effect.provideService(effect, CurrentToolUse, call.id)
        )
      })
    })
  )

/** The message that a person or a model may read of whatever was thrown; never its stack. */
const messageOf = (error: unknown): string => {
  if (Predicate.isString(error) && error !== "") return error
  if (Predicate.hasProperty(error, "message") && Predicate.isString(error.message) && error.message !== "") {
    return error.message
  }
  return "The tool failed and did not say why."
}
