import type { AiBinding } from "../../layers/model/WorkersAi.ts"
import { type Anything, chunk, event } from "./mockOpenAi.ts"

/** The two output shapes of Workers AI's text models. */
export type Shape = "older" | "openai"

const done = "data: [DONE]\n\n"

/** Workers AI pads older streams, so that the lengths of tokens do not show. */
const token = (response: string | number) => event({ response, p: "abcdef" })
const nameless = { id: null, type: null, index: 0, function: { name: null, arguments: "" } }

/** Streams as Workers AI sends them. */
export const streams = {
  text: {
    older: [token("Hel"), token("lo "), token(42), event({ response: "", usage: usage(10, 5) }), done],
    openai: [
      event(chunk({ role: "assistant", content: "" })),
      event(chunk({ content: "Hel" })),
      event(chunk({ content: "lo 42" })),
      event(chunk({}, "stop")),
      event({ ...chunk({}), choices: [], usage: usage(10, 5) }),
      done
    ]
  },
  call: {
    older: [
      event({ response: null, tool_calls: [{ id: "x1", type: "function", index: 0, function: { name: "bash" } }] }),
      event({ response: null, tool_calls: [{ index: 0, function: { arguments: '{"comm' } }] }),
      event({ response: null, tool_calls: [{ index: 0, function: { arguments: 'and":"ls"}' } }] }),
      event({ response: null, tool_calls: [nameless] }),
      event({ response: "", usage: usage(10, 5) }),
      done
    ],
    openai: [
      event(
        chunk({ content: null, tool_calls: [{ id: "x1", type: "function", index: 0, function: { name: "bash" } }] })
      ),
      event(chunk({ tool_calls: [{ index: 0, function: { arguments: '{"command":' } }] })),
      event(chunk({ tool_calls: [{ index: 0, function: { arguments: '"ls"}' } }] })),
      event(chunk({}, "tool_calls")),
      event({ ...chunk({}), choices: [], usage: usage(10, 5) }),
      done
    ]
  },
  stall: { older: [token("one")], openai: [event(chunk({ content: "one" }))] }
} as const

function usage(prompt_tokens: number, completion_tokens: number) {
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

/** A stream of these pieces, `stalled` or then over; a whole answer; an error's text; or no answer, ever. */
export type FakeAnswer =
  | { readonly stream: ReadonlyArray<string>; readonly stalled?: boolean }
  | { readonly whole: unknown }
  | { readonly error: string }
  | "hang"

export interface FakeAi extends AiBinding {
  readonly calls: ReadonlyArray<{ readonly model: string; readonly inputs: Anything; readonly options: Anything }>
  readonly asked: Promise<void>
  readonly abandoned: Promise<void>
}

/** Answers as the `AI` binding does: bytes of server-sent events, an object, or an `Error` that is nothing but text. */
export const fakeAi = (answerOf: (inputs: Anything) => FakeAnswer): FakeAi => {
  const calls: Array<FakeAi["calls"][number]> = []
  const asked = Promise.withResolvers<void>()
  const abandoned = Promise.withResolvers<void>()
  const encoder = new TextEncoder()
  return {
    calls,
    asked: asked.promise,
    abandoned: abandoned.promise,
    run: async (model, inputs, options) => {
      calls.push({ model, inputs, options })
      asked.resolve()
      const answer = answerOf(inputs)
      if (answer === "hang") {
        return new Promise((_, reject) => {
          options.signal.addEventListener("abort", () => {
            abandoned.resolve()
            reject(options.signal.reason)
          })
        })
      }
      if ("error" in answer) throw new Error(answer.error)
      if ("whole" in answer) return answer.whole
      return new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of answer.stream) controller.enqueue(encoder.encode(piece))
          if (!answer.stalled) controller.close()
        },
        cancel: () => abandoned.resolve()
      })
    }
  }
}
