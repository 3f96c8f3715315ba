import type { Problem } from "./Types.ts"

/** What of a broken call is shown to the model. */
const maxExcerpt = 500

const excerpt = (text: string): string => {
  const trimmed = text.trim()
  return trimmed.length > maxExcerpt ? `${trimmed.slice(0, maxExcerpt).toWellFormed()}...` : trimmed
}

const subject = (name: string | undefined): string =>
  name === undefined ? "A tool call" : `The call of ${JSON.stringify(name)}`

const named = (name: string | undefined): { readonly name?: string } => (name === undefined ? {} : { name })

export const undeclared = (name: string, tools: ReadonlyArray<string>): Problem => {
  const shown = name.slice(0, 100).toWellFormed()
  const names = tools.slice(0, 50).map((tool) => JSON.stringify(tool))
  const offer = names.length === 0 ? "No tools are declared." : `The declared tools are ${names.join(", ")}.`
  const message = `There is no tool named ${JSON.stringify(shown)}, so it was not called. ${offer}`
  return { type: "undeclared_tool", name: shown, message }
}

export const malformed = (text: string, name?: string): Problem => {
  const rule = "Its arguments must be one valid JSON object, in the form your tools are called in."
  const message = `${subject(name)} could not be read, so it was not made. ${rule} It was: ${excerpt(text)}`
  return { type: "malformed_call", ...named(name), text: excerpt(text), message }
}

export const incomplete = (text: string, name?: string): Problem => {
  const message = `${subject(name)} was cut off, so it was not made. It was: ${excerpt(text)}`
  return { type: "incomplete_call", ...named(name), text: excerpt(text), message }
}

/** Whether it is that of a call, and not of words about calls: a call that is whole has a name, and a broken one has that of a tool, or arguments. */
export const isOfCall = (problem: Problem, isTool: (name: string) => boolean): boolean => {
  if (problem.type === "too_many_calls") return true
  if (problem.type === "undeclared_tool") return /^[\p{L}_][\p{L}\p{N}_.:/-]*$/u.test(problem.name)
  return isTool(problem.name ?? "") || argument.test(problem.text)
}

const argument = /["'][\w-]{1,64}["']\s{0,9}:|<(?:arg_key|parameter)/

export const tooMany = (limit: number): Problem => ({
  type: "too_many_calls",
  limit,
  message: `Only the first ${limit} tool calls of a turn are looked at; the others were dropped.`
})
