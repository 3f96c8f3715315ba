import * as Effect from "effect/Effect"
import { type Budget, BudgetRefused } from "../domain/Budget.ts"
import type { ModelUsage } from "../domain/Event.ts"

/** What a session has used up since it was created. */
export interface Spent {
  readonly usage: ModelUsage
  /** USD at list price, of the requests whose model has one. */
  readonly listCost: number
  /** Calls that this deployment ran. */
  readonly toolCalls: number
  /** Model requests that were answered. */
  readonly steps: number
  /** Milliseconds of running, up to the last time that it stopped. */
  readonly active: number
}

export const noUsage: ModelUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0
}

export const nothing: Spent = { usage: noUsage, listCost: 0, toolCalls: 0, steps: 0, active: 0 }

const addUsage = (a: ModelUsage, b: ModelUsage): ModelUsage => ({
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  cache_read_input_tokens: a.cache_read_input_tokens + b.cache_read_input_tokens,
  cache_creation_input_tokens: a.cache_creation_input_tokens + b.cache_creation_input_tokens
})

export const addRequest = (spent: Spent, usage: ModelUsage, listCost = 0): Spent => ({
  ...spent,
  usage: addUsage(spent.usage, usage),
  listCost: spent.listCost + listCost,
  steps: spent.steps + 1
})

export const tokens = (usage: ModelUsage): number =>
  usage.input_tokens + usage.output_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens

/** The name of a limit of the budget. */
export type Limit = Exclude<keyof Budget, "type">

/** Left of each limit that the budget has; a limit with nothing left is reached. */
const left = (spent: Spent, budget: Budget): ReadonlyArray<readonly [limit: Limit, left: number]> =>
  [
    ["max_list_cost", budget.max_list_cost && Number(budget.max_list_cost.amount) / 100 - spent.listCost] as const,
    ["max_tokens", budget.max_tokens && budget.max_tokens - tokens(spent.usage)] as const,
    ["max_tool_calls", budget.max_tool_calls && budget.max_tool_calls - spent.toolCalls] as const,
    ["max_steps", budget.max_steps && budget.max_steps - spent.steps] as const,
    ["max_active_seconds", budget.max_active_seconds && budget.max_active_seconds - spent.active / 1000] as const
  ].filter((entry): entry is [Limit, number] => entry[1] !== undefined)

/** Which limits are reached. */
export const reached = (spent: Spent, budget: Budget | null): ReadonlyArray<Limit> =>
  budget === null ? [] : left(spent, budget).flatMap(([limit, rest]) => (rest <= 0 ? [limit] : []))

/** How many calls may still be run. */
export const callsLeft = (spent: Spent, budget: Budget | null): number =>
  budget?.max_tool_calls === undefined ? Infinity : Math.max(0, budget.max_tool_calls - spent.toolCalls)

/** The new budget, where it may take the place of the old one. */
export const change = (
  spent: Spent,
  before: Budget | null,
  after: Budget | null
): Effect.Effect<Budget | null, BudgetRefused> => {
  if (after === null) return Effect.succeed(null)
  if (before === null) {
    const detail = "a session that was created without a budget, or whose budget was removed, cannot be given one"
    return Effect.fail(new BudgetRefused({ reason: "budget_create_only", detail }))
  }
  const [limit] = reached(spent, after)
  return limit === undefined
    ? Effect.succeed(after)
    : Effect.fail(
        new BudgetRefused({
          reason: "budget_not_raised",
          detail: `the session has used up as much of ${limit} already`
        })
      )
}
