import * as Array from "effect/Array"
import * as Order from "effect/Order"
import type { PageQuery } from "../../src/Catalog.ts"
import type { TimeRange } from "../../src/Storage.ts"

const newestFirst = Order.mapInput(Order.flip(Order.String), (item: { readonly id: string }) => item.id)

/** One page of a list that is in memory, newest first. */
export const pageOf = <A extends { readonly id: string }>(items: Iterable<A>, { limit, after }: PageQuery): Array<A> =>
  Array.fromIterable(items)
    .filter((item) => after === undefined || item.id < after)
    .sort(newestFirst)
    .slice(0, limit)

export const isShown = (includeArchived: boolean) => (item: { readonly archived_at: string | null }) =>
  includeArchived || item.archived_at === null

export const isWithin =
  ({ gt, gte, lt, lte }: TimeRange = {}) =>
  ({ created_at: at }: { readonly created_at: string }) =>
    !(
      (gt !== undefined && at <= gt) ||
      (gte !== undefined && at < gte) ||
      (lt !== undefined && at >= lt) ||
      (lte !== undefined && at > lte)
    )
