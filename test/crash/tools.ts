import { Schema } from "effect"
import { defineTool } from "../../src/tools/defineTool.ts"

// Stands in the place of src/tools/custom-tools.ts (`alias` in build.ts).

/** A tool whose effect is outside of this process, where it is counted. Its request carries the call's `Idempotency-Key`, as all do. */
const count = (name: string, replay: { readonly replay?: "safe" } = {}) =>
  defineTool({
    name,
    description: "Counts something outside.",
    input: Schema.Struct({ url: Schema.String, label: Schema.String }),
    ...replay,
    run: async ({ url, label }, { fetch, signal }) => {
      const response = await fetch(url, { method: "POST", body: label, signal })
      if (!response.ok) throw new Error(`the counter answered ${response.status}`)
      return response.text()
    }
  })

export const customTools = [count("count"), count("count_asked"), count("count_safe", { replay: "safe" })]
