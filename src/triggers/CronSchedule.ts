import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/**
 * The times of a cron expression in a time zone, as milliseconds since the epoch.
 *
 * The expression says what the clock on the wall shows. A time that clocks skip when they are put forward runs once, as much later as they
 * were put forward; one that they show twice when they are put back runs the first time. Where the field of the hour begins with `*`, the
 * schedule is of every hour and not of a time of day: it goes on through both, and skips what clocks skip.
 */
export interface CronSchedule {
  /** The first after this time; null where there is none for many years. */
  next(after: number): number | null
  /** The latest of those after `after` and not after `until`. */
  latest(after: number, until: number): number | null
  /** The first of those after `after` and not after `until`. */
  between(after: number, until: number, limit: number): ReadonlyArray<number>
}

/** Why there is no such schedule. */
export interface Refusal {
  readonly field: "expression" | "timezone"
  readonly reason: string
}

const hour = 3_600_000
const day = 24 * hour

const refuse = (field: Refusal["field"], reason: string) => Result.fail({ field, reason })

/** No seconds, years or shortcuts, and none of the letters L, W, # and ?. */
const fivefold = /^[\d*,/\-A-Za-z]+(\s+[\d*,/\-A-Za-z]+){4}$/

export const parse = (expression: string, timezone: string): Result.Result<CronSchedule, Refusal> => {
  if (!fivefold.test(expression.trim())) {
    return refuse("expression", "expected five fields: minute, hour, day of the month, month and day of the week")
  }
  // The clock on the wall never jumps: it is that of UTC.
  const wall = Cron.parse(expression, "UTC")
  if (Result.isFailure(wall)) return refuse("expression", `is no cron expression: ${wall.failure.message}`)
  const zone = /^[+-]/.test(timezone) ? Option.none() : DateTime.zoneMakeNamed(timezone)
  if (Option.isNone(zone)) return refuse("timezone", `${timezone} is no time zone of the IANA database`)
  const isHourly = expression.trim().split(/\s+/)[1]?.startsWith("*") ?? false
  return Result.succeed(make(wall.success, zone.value, isHourly))
}

const make = (wall: Cron.Cron, timeZone: DateTime.TimeZone, isHourly: boolean): CronSchedule => {
  const offsetAt = (instant: number) => DateTime.zonedOffset(DateTime.makeZonedUnsafe(instant, { timeZone }))

  const nextOnWall = (after: number) =>
    Option.getOrNull(Option.liftThrowable(() => Cron.next(wall, new Date(after)).getTime())())

  /** When the clock on the wall shows this time. Clocks are a day at most apart, and are not set twice in two days. */
  const instantsOf = (shown: number): ReadonlyArray<number> => {
    const before = offsetAt(shown - day)
    const after = offsetAt(shown + day)
    if (before === after) return [shown - before]
    const times = [before, after].filter((offset) => offsetAt(shown - offset) === offset)
    if (times.length === 0) return isHourly ? [] : [shown - before]
    return times.slice(0, isHourly ? 2 : 1).map((offset) => shown - offset)
  }

  const offsetsAround = (instant: number) => [instant - day, instant, instant + day].map(offsetAt)

  const next = (after: number) => {
    const offset = offsetAt(after - day)
    if (offset === offsetAt(after + 2 * day)) {
      const shown = nextOnWall(after + offset)
      if (shown === null || shown - offset <= after + day) return shown === null ? null : shown - offset
    }
    return nextAround(after)
  }

  /** The same where the clocks may be set before it. */
  const nextAround = (after: number) => {
    let found: number | null = null
    // Around a change of the clocks a later time on the wall may come before an earlier one.
    let limit = Infinity
    let shown = nextOnWall(after + Math.min(...offsetsAround(after)))
    while (shown !== null && shown < limit) {
      for (const instant of instantsOf(shown)) {
        if (instant <= after || (found !== null && instant >= found)) continue
        found = instant
        limit = instant + Math.max(...offsetsAround(instant))
      }
      shown = nextOnWall(shown)
    }
    return found
  }

  const between = (after: number, until: number, limit: number) => {
    const found: Array<number> = []
    for (let time = next(after); time !== null && time <= until && found.length < limit; time = next(time)) {
      found.push(time)
    }
    return found
  }

  const latest = (after: number, until: number): number | null => {
    // Of many times the last ones are close to the end.
    for (let span = hour; ; span *= 8) {
      const from = Math.max(after, until - span)
      const last = between(from, until, Infinity).at(-1)
      if (last !== undefined || from === after) return last ?? null
    }
  }

  return { next, latest, between }
}
