import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import { ToolName } from "../domain/Agent.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { JsonSchema } from "../domain/JsonSchema.ts"
import type { ToolCall } from "../ModelClient.ts"
import type { SandboxBackend } from "../SandboxBackend.ts"
import { type InputError, inputError } from "./InputError.ts"
import { toJsonSchema } from "./JsonSchema.ts"
import type { Withheld } from "./withheld.ts"

declare global {
  namespace Cloudflare {
    /** What the Worker has, as `wrangler types` writes it down. */
    interface Env {}
  }
}

/** The Worker's bindings, variables and secrets, less those that are the deployment's own. */
export interface ToolEnv extends Omit<Cloudflare.Env, Withheld> {}

/** What a tool may use while it runs. Effects for those who write Effects; `fetch` and `runPromise` for those who write promises. */
export interface ToolContext {
  readonly sessionId: SessionId
  /** The same for every attempt at this call, and for no other call. */
  readonly idempotencyKey: string
  /** The session's sandbox: its files, and commands that run beside them. */
  readonly workspace: SandboxBackend["Service"]
  /** Sends through the egress gateway, with the header `Idempotency-Key` unless the request has its own. */
  readonly http: HttpClient.HttpClient
  /** The same as a `fetch`. Use it instead of the global one, which would go around the gateway. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** Runs an Effect, for example of `workspace`, as a promise. It is interrupted when the call is. */
  readonly runPromise: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>
  /** Aborted when the call is interrupted. */
  readonly signal: AbortSignal
  readonly env: ToolEnv
}

/** Text as it is, any other value as JSON. */
export type ToolOutput = Schema.Json

/** Something went wrong that the model should read, and perhaps can mend. */
export class ToolFailure extends Schema.TaggedError<ToolFailure>()("ToolFailure", { message: Schema.String }) {}

export interface ToolDefinition<Input> {
  readonly name: string
  /** What the model reads to decide when and how to use it. */
  readonly description: string
  /** A `Schema.Struct`. */
  readonly input: Schema.ConstraintDecoder<Input>
  /** Declares that a second run under the same idempotency key does no harm: after a crash the tool then runs again. */
  readonly replay?: "safe"
  /** Why the tool is not available in this deployment; null or undefined where it is. Throwing is a reason too. */
  readonly requires?: (env: ToolEnv) => string | null | undefined
  /** Whatever it fails with, throws or rejects with becomes an error result whose text is the error's message. */
  readonly run: (
    input: Input,
    context: ToolContext
  ) => Effect.Effect<ToolOutput, { readonly message: string }> | Promise<ToolOutput>
}

/** A tool with the type of its input erased: it decodes what the model wrote, and answers the text that the model reads. */
export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonSchema
  readonly replaySafe: boolean
  readonly requires: (env: ToolEnv) => string | null | undefined
  readonly run: (
    input: ToolCall["input"],
    context: ToolContext
  ) => Effect.Effect<string, InputError | { readonly message: string }>
}

/** Defines a tool. Throws, naming the tool, where its name or its input schema cannot be shown to a model. */
export const defineTool = <Input>(definition: ToolDefinition<Input>): Tool => {
  const { name, description, input, replay, requires, run } = definition
  if (!Schema.is(ToolName)(name)) {
    throw new TypeError(`tool ${JSON.stringify(name)}: a name has 1 to 128 letters, digits, "_" and "-"`)
  }
  const inputSchema = inputSchemaOf(name, input)
  const required = new Set(inputSchema.required as ReadonlyArray<string> | undefined) // JSON Schema's own type for it.
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(input), { errors: "all", onExcessProperty: "error" })

  return {
    name,
    description,
    inputSchema,
    replaySafe: replay === "safe",
    requires: requires ?? (() => null),
    run: Effect.fnUntraced(function* (json, context) {
      // Models write null for what they leave out.
      const given = Object.fromEntries(
        Object.entries(json).filter(([key, value]) => value !== null || required.has(key))
      )
      const decoded = yield* Effect.mapError(decode(given), ({ issue }) => inputError(inputSchema, given)(issue))
      const output = run(decoded, context)
      const value = Effect.isEffect(output) ? yield* output : yield* Effect.promise(() => output)
      return typeof value === "string" ? value : JSON.stringify(value) || "null"
    })
  }
}

const inputSchemaOf = (name: string, input: Schema.Constraint): JsonSchema => {
  try {
    return toJsonSchema(input)
  } catch (cause) {
    throw new TypeError(`tool ${name}: ${cause instanceof Error ? cause.message : "its input has no JSON Schema"}`, {
      cause
    })
  }
}
