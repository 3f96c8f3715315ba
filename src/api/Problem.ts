import type { Schema } from "effect"
import * as Issue from "../domain/Issue.ts"

/**
 * What is wrong with a request, in one line that begins with the field: `events[0].content[0].text: expected string, got number`.
 * Of the input it says the kind only, so that nothing secret comes back. `root` names the whole.
 */
export const describe = (error: Schema.SchemaError, root: string, input?: unknown): string => {
  const issue = Issue.list(error.issue, input)[0]
  const field = issue?.field || root
  const message = issue?.message ?? "is not valid"
  if (!message.startsWith("Expected ")) return `${field}: ${message}`
  const expected = message.slice("Expected ".length)
  // `a value with ...`, `a string matching ...`: the kind is right.
  const got = input === undefined || expected.startsWith("a ") ? "" : `, got ${kind(issue?.value)}`
  return `${field}: expected ${expected}${got}`
}

/** The path of a request, without its query. */
export const pathOf = ({ url }: { readonly url: string }): string => url.split("?", 1)[0] ?? ""

const kind = (value: unknown): string => {
  if (value === null) return "null"
  if (value === undefined) return "nothing"
  return Array.isArray(value) ? "array" : typeof value
}
