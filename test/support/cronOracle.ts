import { Temporal } from "temporal-polyfill"
import { Cron } from "croner"

/**
 * The times of a cron expression by other libraries: croner says what the clock on the wall shows, Temporal when it shows it. Of what clocks
 * skip or show twice they know nothing but what RFC 5545 says (`compatible`); what is of every hour is left to croner alone.
 */
export const occurrences = (expression: string, timezone: string, from: number, to: number): ReadonlyArray<number> =>
  expression.split(" ")[1]!.startsWith("*")
    ? list(new Cron(expression, { timezone, paused: true }), from, to)
    : [...new Set(onWall(expression, from, to).map((shown) => instantOf(shown, timezone)))]
        .filter((time) => time > from && time <= to)
        .sort((a, b) => a - b)

const day = 86_400_000

/** As if there were no time zones. Clocks are a day at most apart from that. */
const onWall = (expression: string, from: number, to: number) =>
  list(new Cron(expression, { timezone: "UTC", paused: true }), from - 2 * day, to + 2 * day)

const list = (cron: Cron, from: number, to: number): ReadonlyArray<number> => {
  const times: Array<number> = []
  let time = cron.nextRun(new Date(from))
  while (time !== null && time.getTime() <= to) {
    times.push(time.getTime())
    time = cron.nextRun(time)
  }
  return times
}

const instantOf = (shown: number, timezone: string): number =>
  Temporal.Instant.fromEpochMilliseconds(shown)
    .toZonedDateTimeISO("UTC")
    .toPlainDateTime()
    .toZonedDateTime(timezone, { disambiguation: "compatible" }).epochMilliseconds

/** When the clocks of a time zone are set, from `from` to `to`. */
export const changes = (timezone: string, from: number, to: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  let at = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timezone)
  while (true) {
    const next = at.getTimeZoneTransition("next")
    if (next === null || next.epochMilliseconds > to) return found
    found.push(next.epochMilliseconds)
    at = next
  }
}
