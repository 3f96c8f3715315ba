import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { PageQuery } from "../../src/Catalog.ts"
import type { StorageError, TimeRange } from "../../src/Storage.ts"
import { failed } from "./failed.ts"

/** What the stores in D1 have in common: each item is stored whole, as JSON, in the column `body`. */

/** A condition of a query, with the values of its placeholders. */
export type Condition = readonly [sql: string, ...values: ReadonlyArray<string | number>]

export const given = <A>(value: A | undefined, condition: (value: A) => Condition): ReadonlyArray<Condition> =>
  value === undefined ? [] : [condition(value)]

export const before = ({ after }: PageQuery) => given(after, (after) => ["id < ?", after])

export const notArchived = (includeArchived: boolean): ReadonlyArray<Condition> =>
  includeArchived ? [] : [["archived_at IS NULL"]]

export const createdWithin = (range: TimeRange = {}): ReadonlyArray<Condition> => [
  ...given(range.gt, (time) => ["created_at > ?", time]),
  ...given(range.gte, (time) => ["created_at >= ?", time]),
  ...given(range.lt, (time) => ["created_at < ?", time]),
  ...given(range.lte, (time) => ["created_at <= ?", time])
]

export const json = <A, E>(schema: Schema.Codec<A, E>) => {
  const Json = Schema.fromJsonString(schema)
  return { encode: Schema.encodeEffect(Json), decode: Schema.decodeUnknownEffect(Schema.Array(Json)) }
}

/** A method under a span of its name; whatever fails in it is a `StorageError` of that name. */
export const method = <Args extends Array<unknown>, A>(
  name: string,
  body: (...args: Args) => Effect.Effect<A, Cause.UnknownError | Schema.SchemaError>
): ((...args: Args) => Effect.Effect<A, StorageError>) =>
  Effect.fn(name)((...args: Args) => Effect.mapError(body(...args), failed(name)))

export const changed = (rows: number) => rows > 0

/** The statements of one database. */
export const make = (db: D1Database) => {
  /** Answers how many rows changed. */
  const run = (sql: string, ...values: ReadonlyArray<string | number | null>) => {
    const statement = db.prepare(sql)
    return Effect.map(
      Effect.tryPromise(() => statement.bind(...values).run()),
      ({ meta }) => meta.changes
    )
  }

  /** Runs a statement whose first placeholder is the item as JSON. */
  const write = <A>(
    sql: string,
    { encode }: { readonly encode: (item: A) => Effect.Effect<string, Schema.SchemaError> },
    item: A,
    ...values: ReadonlyArray<string | number>
  ) => Effect.flatMap(encode(item), (body) => run(sql, body, ...values))

  /** The items that fulfil all conditions, newest first. */
  const select = Effect.fnUntraced(function* <A>(
    table: string,
    { decode }: { readonly decode: (bodies: unknown) => Effect.Effect<A, Schema.SchemaError> },
    conditions: ReadonlyArray<Condition>,
    limit: number,
    order: "id" | "version" | "revision" = "id"
  ) {
    const where = ["TRUE", ...conditions.map(([sql]) => sql)].join(" AND ")
    const values = conditions.flatMap(([, ...values]) => values)
    const statement = db.prepare(`SELECT body FROM ${table} WHERE ${where} ORDER BY ${order} DESC LIMIT ?`)
    const { results } = yield* Effect.tryPromise(() => statement.bind(...values, limit).all<{ body: string }>())
    return yield* decode(results.map(({ body }) => body))
  })

  return { run, write, select }
}

export type Statements = ReturnType<typeof make>

/** Decodes what it has decoded before to the same values: pure data, which may outlive a request. */
export const memoised = <A, E>(decode: (bodies: unknown) => Effect.Effect<ReadonlyArray<A>, E>) => {
  const known = new Map<string, A>()
  return Effect.fnUntraced(function* (bodies: ReadonlyArray<string>) {
    const items: Array<A> = []
    for (const body of bodies) {
      const item = known.get(body) ?? (yield* decode([body]))[0]!
      if (known.size >= 256) known.clear()
      known.set(body, item)
      items.push(item)
    }
    return items
  })
}
