import { chunk, event } from "../support/mockOpenAi.ts"
import type { Runtime } from "./runtime.ts"

export const apiKey = "test-key"

export interface Page<A> {
  readonly data: ReadonlyArray<A>
  readonly next_page: string | null
}

/** Asks the API of a runtime. What comes back is for the caller to know. */
export const call = async (
  { url }: Pick<Runtime, "url">,
  method: string,
  path: string,
  body?: object
): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

/** What a model's server streams whose whole answer is `done`. */
export const done = [
  event(chunk({ content: "done" })),
  event(chunk({}, "stop")),
  event({ ...chunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }),
  "data: [DONE]\n\n"
].join("")
