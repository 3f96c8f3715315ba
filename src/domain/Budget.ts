import * as Schema from "effect/Schema"

/** Minor units as a decimal string: `"2500"` is 25 dollars. */
export const MonetaryAmount = Schema.Struct({
  amount: Schema.String.check(Schema.isPattern(/^(0|[1-9]\d{0,11})$/)),
  currency: Schema.Literal("USD")
})
export type MonetaryAmount = typeof MonetaryAmount.Type

const limit = Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0)))

/**
 * What a session may use up in all its life; a limit that is absent is none. Reaching one pauses the session (`budget_reached`) until it
 * is raised. The wire API knows `max_list_cost` alone; the others are ours.
 */
export const Budget = Schema.Struct({
  type: Schema.Literal("limit"),
  max_list_cost: Schema.optionalKey(MonetaryAmount),
  /** Tokens that models read and wrote, cached ones included. */
  max_tokens: limit,
  /** Calls that this deployment ran. */
  max_tool_calls: limit,
  /** Model requests that were answered. */
  max_steps: limit,
  /** Time spent running, waiting for clients not included. */
  max_active_seconds: limit
})
export type Budget = typeof Budget.Type

/** One that limits something. */
export const BudgetInput = Budget.check(
  Schema.makeFilter((budget) => Object.keys(budget).length > 1 || "expected one limit at least")
)

/** A change of a session's budget that cannot be made; `reason` is the wire API's word for why. */
export class BudgetRefused extends Schema.TaggedError<BudgetRefused>()("BudgetRefused", {
  reason: Schema.Literals(["budget_create_only", "budget_not_raised", "model_not_budgetable"]),
  detail: Schema.String
}) {
  override get message(): string {
    return `budget: ${this.reason}: ${this.detail}`
  }
}
