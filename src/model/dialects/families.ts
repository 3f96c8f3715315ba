import { bare } from "./bare.ts"
import { deepseek } from "./deepseek.ts"
import { gemma } from "./gemma.ts"
import { glm } from "./glm.ts"
import { granite } from "./granite.ts"
import { harmony, start } from "./harmony.ts"
import { hermes } from "./hermes.ts"
import { kimi } from "./kimi.ts"
import { llama } from "./llama.ts"
import * as Grammar from "./Grammar.ts"
import { minimax } from "./minimax.ts"
import { mistral } from "./mistral.ts"
import { other } from "./other.ts"
import { pythonic } from "./pythonic.ts"
import { qwenCoder, seed } from "./qwenCoder.ts"
import type { Spec } from "./Spec.ts"
import type { Dialect } from "./Types.ts"

/** Several families in one. A marker that two of them have is read as the first one does. */
const union = (specs: ReadonlyArray<Spec>): Spec => ({
  thinking: specs.flatMap((spec) => spec.thinking),
  blocks: specs.flatMap((spec) => spec.blocks),
  jumps: specs.flatMap((spec) => spec.jumps ?? []),
  sections: specs.flatMap((spec) => spec.sections ?? []),
  answers: specs.flatMap((spec) => spec.answers ?? []),
  dropped: specs.flatMap((spec) => spec.dropped ?? [])
})

const specs: { readonly [dialect in Dialect]: Spec } = {
  glm,
  "qwen-coder": { ...union([qwenCoder, seed]), trims: true },
  hermes,
  kimi,
  deepseek,
  mistral,
  "gpt-oss": harmony,
  llama,
  granite,
  minimax,
  gemma,
  pythonic,
  other: union([other, hermes, { ...minimax, thinking: [] }, { thinking: [], blocks: bare }])
}

const grammars = new Map<Dialect | "auto", Grammar.Grammar>()

/** The grammar of a dialect, made when it is first asked for. */
export const grammarOf = (dialect: Dialect | "auto"): Grammar.Grammar => {
  const known = grammars.get(dialect)
  if (known !== undefined) return known
  const made = dialect === "auto" ? auto() : Grammar.make(specs[dialect])
  grammars.set(dialect, made)
  return made
}

/** Earlier ones are more common, which decides about markers that several have. */
const order: ReadonlyArray<Dialect> = [
  "hermes",
  "kimi",
  "deepseek",
  "gpt-oss",
  "mistral",
  "llama",
  "granite",
  "minimax",
  "gemma",
  "pythonic",
  "qwen-coder",
  "other"
]

/** All families at once; the first marker of a call decides which one it is from there on. */
const auto = (): Grammar.Grammar => {
  const families = new Map<string, Grammar.Grammar>()
  for (const dialect of order) {
    const { blocks, jumps = [], sections = [] } = specs[dialect]
    const markers = [...blocks.map(({ open }) => open), ...jumps.map(({ open }) => open), ...sections]
    for (const marker of markers) if (!families.has(marker)) families.set(marker, grammarOf(dialect))
  }
  return { ...Grammar.make({ ...union(order.map((dialect) => specs[dialect])), start }), families }
}
