import type * as Schema from "effect/Schema"
import * as Issue from "../domain/Issue.ts"
import { accepts, choicesOf, chosen, convert, describe, type Fields, isFields, maxDepth, typesOf } from "./JsonTypes.ts"

type Json = Schema.Json

export interface Coerced {
  readonly value: Json
  /** What does not fit; empty where the whole value does. */
  readonly issues: ReadonlyArray<Issue.Issue>
}

/**
 * A value as its JSON Schema wants it, where that leaves only one way: `"3"` for an integer, a lone value for an array of it, the JSON text
 * of an object, null for a field that may be left out. What fits is never changed. Keywords that are not known here, and references, say
 * nothing about a value.
 */
export const coerce = (value: Json, schema: Json): Coerced => {
  const walk = new Walk()
  return { value: walk.visit(value, schema), issues: walk.issues }
}

class Walk {
  issues: Array<Issue.Issue> = []
  private readonly path: Array<string | number> = []
  private depth = 0

  visit(value: Json, schema: Json | undefined): Json {
    if (!isFields(schema) || schema.$ref !== undefined || this.depth === maxDepth) return value
    this.depth++
    const coerced = this.follow(value, schema)
    this.depth--
    return coerced
  }

  private follow(value: Json, schema: Fields): Json {
    if (value === null && schema.nullable === true) return value
    let coerced = value
    if (Array.isArray(schema.allOf)) for (const member of schema.allOf) coerced = this.visit(coerced, member)
    if (Array.isArray(schema.anyOf)) coerced = this.any(coerced, schema.anyOf)
    if (Array.isArray(schema.oneOf)) coerced = this.any(coerced, schema.oneOf)
    const choices = choicesOf(schema)
    if (choices === undefined) return this.typed(coerced, schema)
    const choice = chosen(coerced, choices)
    return choice === undefined ? this.misfit(coerced, schema) : choice
  }

  private any(value: Json, members: ReadonlyArray<Json>): Json {
    const trials = members.map((member) => this.attempt(value, member))
    const fitting = trials.filter(({ issues }) => issues.length === 0)
    if (fitting.some((trial) => trial.value === value)) return value
    const [only, ...others] = new Map(fitting.map((trial) => [JSON.stringify(trial.value), trial.value])).values()
    if (only !== undefined && others.length === 0) return only
    // What is wrong in detail says more, where only one member can have been meant.
    const meant = trials.filter((_, index) => isOf(members[index], value))
    if (meant.length === 1 && fitting.length === 0) this.issues.push(...meant[0]!.issues)
    else this.misfit(value, { anyOf: members })
    return value
  }

  private typed(value: Json, schema: Fields): Json {
    if (accepts(schema.type, value)) return this.inside(value, schema)
    const types = typesOf(schema.type)
    // A text spells a value of one type at most.
    const [converted] = types.flatMap((type) => convert(value, type, maxDepth - this.path.length))
    if (converted !== undefined) return this.inside(converted, schema)
    const lone = types.includes("array") ? this.lone(value, schema) : undefined
    return lone ?? this.misfit(value, schema)
  }

  /** Not where it could be several values in one text, or already the array that an array of arrays or of anything holds. */
  private lone(value: Json, { items, minItems = 0 }: Fields): Json | undefined {
    if (!isFields(items) || typesOf(items.type).length === 0 || accepts(items.type, []) || Number(minItems) > 1) return
    const trial = this.attempt(value, items)
    if (trial.issues.length > 0 || trial.value === null) return
    return typeof trial.value === "string" && /^\s*\[|[,\n]/.test(trial.value) ? undefined : [trial.value]
  }

  private inside(value: Json, schema: Fields): Json {
    if (Array.isArray(value)) return this.elements(value, schema)
    return isFields(value) ? this.fields(value, schema) : value
  }

  private elements(value: ReadonlyArray<Json>, { items, prefixItems }: Fields): Json {
    if (items === undefined && prefixItems === undefined) return value
    const first = prefixItems ?? items
    const tuple = Array.isArray(first) ? first : []
    let coerced: Array<Json> | undefined
    for (const [index, item] of value.entries()) {
      const one = this.at(index, item, tuple[index] ?? (Array.isArray(items) ? undefined : items))
      if (one !== item) (coerced ??= [...value])[index] = one
    }
    return coerced ?? value
  }

  private fields(value: Fields, schema: Fields): Json {
    const properties = isFields(schema.properties) ? schema.properties : noFields
    const required: ReadonlyArray<Json> = Array.isArray(schema.required) ? schema.required : none
    let changes: Map<string, Json | undefined> | undefined
    for (const key of Object.keys(value)) {
      const field = value[key]!
      const child = Object.hasOwn(properties, key) ? properties[key] : othersOf(schema)
      if (field === null && !required.includes(key) && !this.admitsNull(child)) {
        changes = (changes ?? new Map()).set(key, undefined)
      } else if (child === false) {
        this.report([...this.path, key], Issue.unexpected, field)
      } else {
        const coerced = this.at(key, field, child)
        if (coerced !== field) changes = (changes ?? new Map()).set(key, coerced)
      }
    }
    for (const key of required) {
      if (typeof key === "string" && !Object.hasOwn(value, key))
        this.report([...this.path, key], Issue.missing, undefined)
    }
    return changes === undefined ? value : withChanges(value, changes)
  }

  private admitsNull(schema: Json | undefined): boolean {
    return schema !== false && this.attempt(null, schema).issues.length === 0
  }

  private at(key: string | number, value: Json, schema: Json | undefined): Json {
    this.path.push(key)
    const coerced = this.visit(value, schema)
    this.path.pop()
    return coerced
  }

  /** What would come of it. */
  private attempt(value: Json, schema: Json | undefined): Coerced {
    const { issues } = this
    this.issues = []
    const trial = { value: this.visit(value, schema), issues: this.issues }
    this.issues = issues
    return trial
  }

  private misfit(value: Json, schema: Fields): Json {
    this.report(this.path, `Expected ${describe(schema)}`, value)
    return value
  }

  private report(path: ReadonlyArray<string | number>, message: string, value: unknown): void {
    if (this.issues.length === maxIssues) return
    this.issues.push({ field: Issue.fieldOf(path), depth: path.length, message, value })
  }
}

/** What other fields have to be. Nothing where a keyword beside it may declare them: `additionalProperties` does not see that, which authors forget. */
const othersOf = (schema: Fields): Json | undefined =>
  ["patternProperties", "allOf", "anyOf", "oneOf"].some((keyword) => Object.hasOwn(schema, keyword))
    ? undefined
    : schema.additionalProperties

const noFields: Fields = {}
const none: ReadonlyArray<never> = []

/** More than anybody is shown. */
const maxIssues = 30

const isOf = (schema: Json | undefined, value: Json): boolean => isFields(schema) && accepts(schema.type, value)

const withChanges = (value: Fields, changes: ReadonlyMap<string, Json | undefined>): Json =>
  Object.fromEntries(
    Object.entries(value).flatMap(([key, field]) => {
      const changed = changes.has(key) ? changes.get(key) : field
      return changed === undefined ? [] : [[key, changed]]
    })
  )
