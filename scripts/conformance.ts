import { isDeepStrictEqual } from "node:util"
import { parse, type Dialect, type Options } from "../src/model/ToolCallText.ts"
import { type Case, dialectOf, families, folder, read, readCases, toolsOf } from "./conformance/cases.ts"
import { check, sameWhenSplit } from "./conformance/check.ts"
import { contentPolicies, policies } from "./conformance/policies.ts"
import { printSpeed } from "./conformance/speed.ts"

/** How many two-piece splits of one text are tried at most. */
const splits = 2_000

interface Score {
  readonly family: string
  calls: number
  callsOf: number
  content: number
  contentOf: number
  readonly wrongCalls: Array<string>
  readonly policy: Array<string>
  readonly wrongContent: Array<string>
  readonly contentPolicy: Array<string>
  readonly wrongSplit: Array<string>
}

const score = (
  family: Dialect,
  cases: ReadonlyArray<Case>,
  dialect: (one: Case) => Options["dialect"],
  split: boolean
): Score => {
  const result: Score = {
    family,
    calls: 0,
    callsOf: 0,
    content: 0,
    contentOf: 0,
    wrongCalls: [],
    policy: [],
    wrongContent: [],
    contentPolicy: [],
    wrongSplit: []
  }
  for (const one of cases) {
    const options: Options = { dialect: dialect(one), tools: toolsOf(one), startsInThinking: one.starts_in_thinking }
    const verdict = check(one, options)
    if (verdict.calls !== undefined) {
      result.callsOf++
      if (verdict.calls) result.calls++
      else (policies.has(one.id) ? result.policy : result.wrongCalls).push(one.id)
    }
    if (verdict.content !== undefined) {
      result.contentOf++
      if (verdict.content) result.content++
      else (contentPolicies.has(one.id) ? result.contentPolicy : result.wrongContent).push(one.id)
    }
    if (split && verdict.parsed !== undefined && !sameWhenSplit(one.input, options, verdict.parsed, splits))
      result.wrongSplit.push(one.id)
  }
  return result
}

const line = (title: string, right: number, of: number): string => `${title} ${right}/${of}`

const listed = (ids: ReadonlyArray<string>): string =>
  ids.length > 20 ? `${ids.slice(0, 20).join(" ")} and ${ids.length - 20} more` : ids.join(" ")

const print = (result: Score): void => {
  const { calls, callsOf, content, contentOf, contentPolicy, family, policy, wrongCalls, wrongContent, wrongSplit } =
    result
  console.log(`${family.padEnd(11)} ${line("calls", calls, callsOf).padEnd(15)} ${line("content", content, contentOf)}`)
  const shown = {
    "calls wrong": wrongCalls,
    "another engine's policy": policy,
    "content differs, as another engine's policy": contentPolicy,
    "content wrong": wrongContent,
    "differs when split": wrongSplit
  }
  for (const [what, ids] of Object.entries(shown)) if (ids.length > 0) console.log(`  ${what}: ${listed(ids)}`)
}

interface Row {
  readonly input: string
  readonly format: string
  readonly well_formed?: boolean
  readonly strict_calls?: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>
}

/** Real outputs: none may throw, none may call what is not declared, and the well-formed ones are read in full. */
const realOutputs = (path: string): boolean => {
  const { rows } = read(path, "real-outputs.json") as { readonly rows: ReadonlyArray<Row> } // see read
  let fine = true
  let right = 0
  let strict = 0
  for (const [index, { format, input, strict_calls, well_formed }] of rows.entries()) {
    const dialect: Dialect = format.startsWith("hermes") ? "hermes" : format.startsWith("granite") ? "granite" : "other"
    const tools = (strict_calls ?? []).map(({ name }) => ({ name, parameters: { type: "object" as const } }))
    for (const kind of [dialect, "auto"] as const) {
      const none = parse(input, { dialect: kind, tools: [] })
      const parsed = parse(input, { dialect: kind, tools })
      const undeclared = parsed.calls.filter((call) => !tools.some((tool) => tool.name === call.name))
      const stable = sameWhenSplit(input, { dialect: kind, tools }, parsed, 100)
      if (none.calls.length > 0 || undeclared.length > 0 || !stable) {
        console.log(`  real output ${index} (${kind}): ${stable ? "calls what is not declared" : "differs when split"}`)
        fine = false
      }
      if (well_formed === true && kind === dialect) {
        strict++
        const calls = parsed.calls.map(({ arguments: args, name }) => ({ name, arguments: args }))
        if (isDeepStrictEqual(calls, strict_calls)) right++
        else console.log(`  real output ${index}: ${calls.length} calls where ${strict_calls?.length} are well-formed`)
      }
    }
  }
  console.log(`real outputs ${rows.length}, of which well-formed and read in full: ${right}/${strict}`)
  return fine && right === strict
}

/** Malformed GLM must mean what its repaired form means. */
const repairs = (path: string): boolean => {
  const { cases } = read(path, "repair-glm46.json") as {
    readonly cases: ReadonlyArray<{ readonly input: string; readonly repaired: string }>
  } // see read
  const options: Options = { dialect: "glm", tools: [{ name: "func", parameters: { type: "object" } }] }
  const meaning = (text: string) => parse(`<tool_call>${text}</tool_call>`, options)
  const trimmed = (text: string) =>
    meaning(text).calls.map((call) => Object.entries(call.arguments).map(([key, value]) => [key, String(value).trim()]))
  const wrong = cases.filter(({ input, repaired }) => !isDeepStrictEqual(trimmed(input), trimmed(repaired)))
  console.log(line("GLM repairs", cases.length - wrong.length, cases.length))
  for (const { input } of wrong) console.log(`  ${JSON.stringify(input)}: ${JSON.stringify(meaning(input).calls)}`)
  return wrong.length === 0
}

const coercions = (path: string): boolean => {
  interface Coercion {
    readonly raw: string
    readonly types: ReadonlyArray<string>
    readonly want: unknown
  }
  const { cases } = read(path, "value-coercion.json") as { readonly cases: ReadonlyArray<Coercion> } // see read
  const options = (types: ReadonlyArray<string>): Options => ({
    dialect: "qwen-coder",
    tools: [
      {
        name: "f",
        parameters: { type: "object", ...(types.length === 0 ? {} : { properties: { v: { type: [...types] } } }) }
      }
    ]
  })
  const got = ({ raw, types }: Coercion) =>
    parse(`<tool_call><function=f><parameter=v>${raw}</parameter></function></tool_call>`, options(types)).calls[0]
      ?.arguments.v
  const wrong = cases.filter((one) => !isDeepStrictEqual(got(one), one.want))
  const unlisted = wrong.filter(({ raw, types }) => !policies.has(`coercion ${JSON.stringify(raw)} ${types.join("|")}`))
  console.log(line("value coercions", cases.length - wrong.length, cases.length))
  for (const one of wrong) console.log(`  ${JSON.stringify(one)}: ${JSON.stringify(got(one))}`)
  return unlisted.length === 0
}

const main = (path: string): boolean => {
  const started = performance.now()
  const scores = families.map((family) => score(family, readCases(path, family), () => family, true))
  scores.forEach(print)
  const others = readCases(path, "other")
  print(score("other", others, (one) => dialectOf("other", one.format), true))
  const auto = families.map((family) => score(family, readCases(path, family), () => "auto", true))
  const autoWrong = auto.flatMap(({ policy, wrongCalls }) => [...wrongCalls, ...policy])
  const sum = (of: (one: Score) => number, list: ReadonlyArray<Score>): number =>
    list.reduce((total, one) => total + of(one), 0)
  console.log(
    `auto        ${line(
      "calls",
      sum((one) => one.calls, auto),
      sum((one) => one.callsOf, auto)
    )}`
  )
  console.log(`  calls wrong: ${autoWrong.join(" ")}`)
  const autoSplit = auto.flatMap((one) => one.wrongSplit)
  if (autoSplit.length > 0) console.log(`  differs when split: ${listed(autoSplit)}`)
  const exempt = sum((one) => one.policy.length, scores)
  const total = sum((one) => one.callsOf, scores)
  console.log(
    `all families ${line(
      "calls",
      sum((one) => one.calls, scores),
      total
    )}; listed as another engine's policy: ${exempt} (${((100 * exempt) / total).toFixed(1)} %)`
  )
  const sound = [repairs(path), coercions(path), realOutputs(path)].every((fine) => fine)
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
  const split = [...scores, ...auto].every((one) => one.wrongSplit.length === 0)
  const right = scores.every(
    ({ callsOf, policy, wrongCalls, wrongContent }) =>
      wrongCalls.length + wrongContent.length === 0 && policy.length <= 0.02 * callsOf
  )
  return sound && split && right
}

await printSpeed([...families, "other", "auto"])
const path = folder()
if (path === undefined)
  console.log("No tool-call cases here: set OWNLOOP_TOOLCALLS to their folder, or put it at ../shared/toolcalls/.")
else process.exitCode = main(path) ? 0 : 1
