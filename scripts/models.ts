import { dialectOf, habitsOf, levelsOf, profileOf, profiles, thinkingOf } from "../src/model/Profiles.ts"

// Prints what is known of each model; any other gets the last line's defaults.

const heads = [
  "model",
  "context",
  "USD per M in",
  "out",
  "cached",
  "plan",
  "dialect",
  "thinks",
  "sent back as",
  "tool_choice",
  "quirks"
]

const line = (model: string, name = model): ReadonlyArray<string> => {
  const { contextWindow, price, plan } = profileOf(model)
  const { quirks, reasoningField, toolChoice } = habitsOf(model)
  const thinking = thinkingOf(model)
  const levels = levelsOf(model).length === 0 ? "" : ` of ${levelsOf(model).join("/")}`
  const thinks = thinking === null ? "-" : `${thinking.usual}${levels}`
  const prices = price === null ? ["?", "?", "?"] : [price.input, price.output, price.cachedInput].map(String)
  return [
    name,
    contextWindow.toLocaleString("en"),
    ...prices,
    plan ?? "?",
    dialectOf(model),
    thinks,
    reasoningField,
    toolChoice ?? "-",
    quirks.join(" ") || "-"
  ]
}

const lines = [heads, ...Object.keys(profiles).map((model) => line(model)), line("", "any other")]
const widths = heads.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)))
const pad = (cell: string, column: number) =>
  column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
for (const cells of lines) console.log(cells.map(pad).join("  "))
