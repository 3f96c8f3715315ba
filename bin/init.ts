import { isDeepStrictEqual } from "node:util"
import { applyEdits, modify, type ParseError, parse, printParseErrorCode } from "jsonc-parser"
import { compatibility, crons, type Setting, wanted } from "../layers/cloudflare/wanted.ts"

/** The file cannot be read as a configuration; its message says why. */
export class InitError extends Error {}

/** A configuration with what Ownloop needs, each part as one line says it. What is there already stays as it is, with all comments. */
export const init = (before: string): { readonly text: string; readonly added: ReadonlyArray<string> } => {
  let text = before
  const added: Array<string> = []
  const config = read(before)

  const set = (path: ReadonlyArray<string | number>, value: unknown, line: string, isArrayInsertion = false) => {
    const formattingOptions = { insertSpaces: true, tabSize: 2, eol: before.includes("\r\n") ? "\r\n" : "\n" }
    text = applyEdits(text, modify(text, [...path], value, { formattingOptions, isArrayInsertion }))
    added.push(line)
  }
  const append = (path: ReadonlyArray<string>, value: unknown, line: string) => {
    const list = at(read(text), path)
    if (list === undefined) return set(path, [value], line)
    if (!Array.isArray(list)) throw new InitError(`${path.join(".")} is no list`)
    set([...path, list.length], value, line, true)
  }

  if (config["compatibility_date"] === undefined || String(config["compatibility_date"]) < compatibility.date) {
    set(["compatibility_date"], compatibility.date, `compatibility_date: ${compatibility.date}`)
  }
  for (const flag of compatibility.flags) {
    if (!includes(at(config, ["compatibility_flags"]), flag)) {
      append(["compatibility_flags"], flag, `compatibility_flags: ${flag}`)
    }
  }
  for (const { name, purpose, settings } of wanted) {
    for (const setting of settings) {
      if (isThere(config, setting)) continue
      const line = `${name} (${setting.path.join(".")}): ${purpose}`
      if (setting.key === undefined) set(setting.path, setting.value, line)
      else append(setting.path, setting.value, line)
    }
  }
  for (const cron of crons) {
    if (!includes(at(config, ["triggers", "crons"]), cron)) {
      append(["triggers", "crons"], cron, `triggers.crons: ${cron}`)
    }
  }
  return { text, added }
}

const read = (text: string): Readonly<Record<string, unknown>> => {
  const errors: Array<ParseError> = []
  const value: unknown = parse(text, errors, { allowTrailingComma: true })
  const [error] = errors
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split("\n").length
    throw new InitError(`line ${line}: ${printParseErrorCode(error.error)}`)
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new InitError("is no JSON object")
  return { ...value }
}

const at = (config: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (inside, name) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, name) : undefined),
    config
  )

const includes = (list: unknown, value: unknown): boolean => Array.isArray(list) && list.includes(value)

const isThere = (config: unknown, { key, path, value }: Setting): boolean => {
  const found = at(config, path)
  if (key === undefined) return found !== undefined
  const wanted: unknown = at(value, [key])
  return Array.isArray(found) && found.some((entry) => sameOrHolds(at(entry, [key]), wanted))
}

/** A list of classes is there where it is part of a longer one. */
const sameOrHolds = (found: unknown, wanted: unknown): boolean =>
  Array.isArray(wanted) ? wanted.every((each) => includes(found, each)) : isDeepStrictEqual(found, wanted)
