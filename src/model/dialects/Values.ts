import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as JsonRepair from "../JsonRepair.ts"
import { isDeeperThan, maxDepth } from "../JsonTypes.ts"
import { json } from "./JsonScanner.ts"

export type Value = { readonly ok: true; readonly value: unknown } | { readonly ok: false }

const none: Value = { ok: false }

/** The value that a text stands for: JSON, or what can only be meant as one. This is where the JSON of a call becomes a value. */
export const toValue = (text: string): Value => {
  const read = parse(text)
  const value = read === undefined ? Result.getOrUndefined(Result.map(JsonRepair.whole(text), parse)) : read
  if (value === undefined) return none
  const deep = text.length > 2 * maxDepth && isDeeperThan(maxDepth, value)
  return deep ? none : { ok: true, value }
}

const parse = (text: string): Schema.Json | undefined => {
  try {
    return JSON.parse(text) as Schema.Json // JSON.parse makes nothing else.
  } catch {
    return undefined
  }
}

/** The values of a text that holds several, with what could not be read of it. */
export interface Values {
  readonly values: ReadonlyArray<unknown>
  readonly broken: ReadonlyArray<string>
  /** What follows the last value. */
  readonly rest: string
}

/** Reads the JSON values of a text, whatever stands between them, up to `limit` of them. */
export const toValues = (text: string, limit: number): Values => {
  const values: Array<unknown> = []
  const broken: Array<string> = []
  let at = nextValue(text, 0)
  let end = 0
  while (at < text.length && values.length + broken.length < limit) {
    const scanner = json()
    end = scanner.read(text, at, text.length)
    const one = scanner.state() === "complete" ? toValue(text.slice(at, end)) : none
    if (one.ok) values.push(one.value)
    else {
      // A line that cannot be read does not spoil the next one, as long as that begins a value of its own.
      const line = text.indexOf("\n{", end)
      const stop = line < 0 ? text.length : line
      const whole = toValue(text.slice(at, stop).trim())
      if (whole.ok) values.push(whole.value)
      else broken.push(text.slice(at, stop))
      end = stop
    }
    at = nextValue(text, end)
  }
  return { values, broken, rest: text.slice(end) }
}

const nextValue = (text: string, from: number): number => {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x7b || code === 0x5b) return at
  }
  return text.length
}

/** A text without the fence that some models put around JSON. */
export const unfenced = (text: string): string => /^\s*```(?:json)?\s*([^]*?)\s*```\s*$/.exec(text)?.[1] ?? text

export type Arguments = { readonly [name: string]: unknown }

/** Arguments as the caller needs them: an object, which some models write as a string of JSON, or leave out. */
export const toArguments = (value: unknown): Arguments | undefined => {
  if (value === undefined || value === null) return {}
  if (typeof value === "string") {
    if (value.trim() === "") return {}
    const inner = toValue(value)
    return inner.ok && isArguments(inner.value) ? inner.value : undefined
  }
  return isArguments(value) ? value : undefined
}

export const isArguments = (value: unknown): value is Arguments => Predicate.isObject(value) && !Array.isArray(value)
