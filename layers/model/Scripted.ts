import * as Stream from "effect/Stream"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ModelUsage } from "../../src/domain/Event.ts"
import {
  ModelClient,
  ModelError,
  type ModelErrorReason,
  type ModelPart,
  type ModelRequest
} from "../../src/ModelClient.ts"

/** What a turn consists of: parts, then perhaps a failure or nothing for ever. Without either it ends by itself. */
export type Step = ModelPart | { readonly type: "fail"; readonly reason: ModelErrorReason } | { readonly type: "hang" }

export type Turn = ReadonlyArray<Step> | ((request: ModelRequest) => ReadonlyArray<Step>)

export const say = (text: string): ReadonlyArray<Step> => [{ type: "text", text }]

/** Several calls in one turn: `[...call("a", {}), ...call("b", {})]`. */
export const call = (name: string, input: unknown): ReadonlyArray<Step> => [
  { type: "tool_call", name, arguments: JSON.stringify(input) }
]

export const fail = (reason: ModelErrorReason): ReadonlyArray<Step> => [{ type: "fail", reason }]

export const hang: ReadonlyArray<Step> = [{ type: "hang" }]

const usage: ModelUsage = {
  input_tokens: 10,
  output_tokens: 5,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0
}

/** What the scripted model was asked. */
export class Script extends Context.Service<
  Script,
  {
    /** So far, oldest first. */
    readonly requests: Effect.Effect<ReadonlyArray<ModelRequest>>
  }
>()("ownloop/layers/model/Scripted/Script") {}

/** A model that answers what it is told to, one turn after the other, and dies when it is asked for more. */
export const layer = (turns: ReadonlyArray<Turn>): Layer.Layer<ModelClient | Script> =>
  Layer.effectContext(
    Effect.sync(() => {
      const requests: Array<ModelRequest> = []
      const stream = (request: ModelRequest) =>
        Stream.suspend(() => {
          const turn = turns[requests.length]
          requests.push(request)
          if (turn === undefined) {
            return Stream.die(new Error(`the script has ${turns.length} turns, and was asked for one more`))
          }
          return play(request, typeof turn === "function" ? turn(request) : turn)
        })
      return Context.make(ModelClient, { stream }).pipe(
        Context.add(Script, { requests: Effect.sync(() => requests.slice()) })
      )
    })
  )

const play = (request: ModelRequest, steps: ReadonlyArray<Step>): Stream.Stream<ModelPart, ModelError> =>
  Stream.fromIterable<Step>(steps.some(ends) ? steps : [...steps, { type: "finish", usage, truncated: false }]).pipe(
    Stream.flatMap((step) => {
      switch (step.type) {
        case "fail":
          return Stream.fail(new ModelError({ model: request.model, reason: step.reason }))
        case "hang":
          return Stream.never
        case "text":
        case "reasoning":
        case "tool_call":
        case "finish":
          return Stream.succeed(step)
      }
    })
  )

const ends = ({ type }: Step): boolean => type === "fail" || type === "hang" || type === "finish"
