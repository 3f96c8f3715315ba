import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64Url from "effect/encoding/Base64Url"
import type { TimeRange } from "../Storage.ts"
import { InvalidRequest } from "./Errors.ts"

export const defaultLimit = 20

/** The query fields of every list. */
export const query = (maxLimit = 100) => ({
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxLimit }))),
  page: Schema.optionalKey(Schema.String)
})

const time = Schema.optionalKey(Schema.DateTimeUtcFromString)

/** The query fields of a list that can be limited to a time. */
export const createdAt = {
  "created_at[gt]": time,
  "created_at[gte]": time,
  "created_at[lt]": time,
  "created_at[lte]": time
}

const bounds = ["gt", "gte", "lt", "lte"] as const

export const timeRange = (query: Schema.Struct.Type<typeof createdAt>): TimeRange =>
  Object.fromEntries(
    bounds.flatMap((bound) => {
      const time = query[`created_at[${bound}]`]
      return time === undefined ? [] : [[bound, DateTime.formatIso(time)]]
    })
  )

export const response = <S extends Schema.Constraint>(item: S) =>
  Schema.Struct({ data: Schema.Array(item), next_page: Schema.NullOr(Schema.String) })

/** `list` names the list, so that the cursor of another one is refused. */
const encodeCursor = (list: string, after: string): string => Base64Url.encode(`${list}:${after}`)

/** What `encodeCursor` was given, or undefined without a cursor. */
const decodeCursor = (list: string, page: string | undefined): Effect.Effect<string | undefined, InvalidRequest> => {
  if (page === undefined) return Effect.succeed(undefined)
  const text = Result.getOrElse(Base64Url.decodeString(page), () => "")
  return text.startsWith(`${list}:`) ? Effect.succeed(text.slice(list.length + 1)) : wrongCursor(list)
}

export const wrongCursor = (list: string): Effect.Effect<never, InvalidRequest> =>
  Effect.fail(new InvalidRequest({ message: `page: is not a cursor of this list (${list})` }))

interface PageRequest {
  readonly limit?: number
  readonly page?: string
}

/** Answers one page: `fetch` is asked for one item more than fits, which tells whether there is a next page. */
export const paginate = <A, E, R>(
  list: string,
  { limit = defaultLimit, page }: PageRequest,
  fetch: (query: { readonly limit: number; readonly after?: string }) => Effect.Effect<ReadonlyArray<A>, E, R>,
  place: (item: A) => string
): Effect.Effect<{ readonly data: ReadonlyArray<A>; readonly next_page: string | null }, E | InvalidRequest, R> =>
  Effect.gen(function* () {
    const after = yield* decodeCursor(list, page)
    const items = yield* fetch({ limit: limit + 1, ...(after === undefined ? {} : { after }) })
    const data = items.slice(0, limit)
    const last = data.at(-1)
    return { data, next_page: items.length > limit && last !== undefined ? encodeCursor(list, place(last)) : null }
  })
