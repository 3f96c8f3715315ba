import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CronSchedule from "../src/triggers/CronSchedule.ts"
import { changes, occurrences } from "./support/cronOracle.ts"

const hour = 3_600_000

const parse = (expression: string, timezone: string) => Result.getOrThrow(CronSchedule.parse(expression, timezone))

const iso = (time: number) => new Date(time).toISOString().slice(0, 16)

const shown = (expression: string, timezone: string, from: string, count: number) =>
  parse(expression, timezone)
    .between(Date.parse(from), Infinity, count)
    .map((time) => iso(time))

/** One of each kind: hours and half hours, at midnight and at noon, north and south, with Ramadan, of 45 minutes, and of none. */
const zones = [
  "UTC",
  "Africa/Cairo",
  "Africa/Casablanca",
  "America/Havana",
  "America/New_York",
  "America/Nuuk",
  "America/Santiago",
  "America/Sao_Paulo",
  "America/Scoresbysund",
  "America/St_Johns",
  "Antarctica/Troll",
  "Asia/Beirut",
  "Asia/Gaza",
  "Asia/Kathmandu",
  "Asia/Tehran",
  "Atlantic/Azores",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Europe/Berlin",
  "Europe/Chisinau",
  "Europe/London",
  "Pacific/Auckland",
  "Pacific/Chatham"
]

const expressions = [
  "0 0 * * *",
  "30 0 * * *",
  "15 1 * * *",
  "45 1 * * *",
  "0 2 * * *",
  "30 2 * * *",
  "0,30 2 * * *",
  "0 3 * * *",
  "30 23 * * *",
  "*/20 1-3 * * *",
  "*/15 * * * *",
  "30 * * * *",
  "0 */2 * * *",
  "0 9 * * 1-5",
  "0 9 13 * 5",
  "0 12 31 * *",
  "15 2 29 3 *",
  "0 0 1 1 *"
]

describe("a cron expression", () => {
  it("has the times that other libraries find, in every time zone, around every day on which its clocks are set", () => {
    let compared = 0
    for (const zone of zones) {
      const set = changes(zone, Date.UTC(2026, 0, 1), Date.UTC(2028, 0, 1))
      for (const time of set.length === 0 ? [Date.UTC(2026, 5, 1)] : set) {
        const [from, to] = [time - 24 * hour - 1, time + 24 * hour]
        for (const expression of expressions) {
          const expected = occurrences(expression, zone, from, to).map(iso)
          const found = parse(expression, zone).between(from, to, 1_000).map(iso)
          assert.deepStrictEqual(found, expected, `${expression} in ${zone} around ${iso(time)}`)
          compared++
        }
      }
    }
    assert.isAbove(compared, 1_000)
  }, 60_000)

  it("that is of a time of day has one run each day, whatever its clocks do", () => {
    for (const zone of zones) {
      const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone })
      for (const expression of ["0 0 * * *", "30 1 * * *", "15 2 * * *"]) {
        const times = parse(expression, zone).between(Date.UTC(2026, 0, 1, 12), Date.UTC(2027, 0, 1, 12), 1_000)
        assert.strictEqual(new Set(times.map((time) => day.format(time))).size, 365, `${expression} in ${zone}`)
        assert.lengthOf(times, 365, `${expression} in ${zone}`)
      }
    }
  }, 60_000)

  it("runs once, an hour later, at a time that clocks skip, and the first time at one that they show twice", () => {
    assert.deepStrictEqual(shown("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2), [
      "2026-03-08T07:30",
      "2026-03-09T06:30"
    ])
    assert.deepStrictEqual(shown("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2), [
      "2026-11-01T05:30",
      "2026-11-02T06:30"
    ])
    // Half an hour, and at midnight.
    assert.deepStrictEqual(shown("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", 1), ["2026-10-03T15:45"])
    assert.deepStrictEqual(shown("0 0 * * *", "America/Havana", "2026-10-31T12:00:00Z", 2), [
      "2026-11-01T04:00",
      "2026-11-02T05:00"
    ])
    // A day that was not: it is the next one.
    assert.deepStrictEqual(shown("0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1), ["2011-12-30T19:00"])
  })

  it("of every hour goes on through an hour that clocks show twice, and skips one that they skip", () => {
    assert.deepStrictEqual(shown("30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", 3), [
      "2026-11-01T05:30",
      "2026-11-01T06:30",
      "2026-11-01T07:30"
    ])
    assert.deepStrictEqual(shown("30 * * * *", "America/New_York", "2026-03-08T06:00:00Z", 2), [
      "2026-03-08T06:30",
      "2026-03-08T07:30"
    ])
    assert.deepStrictEqual(shown("0 */2 * * *", "America/New_York", "2026-03-08T04:30:00Z", 2), [
      "2026-03-08T05:00",
      "2026-03-08T08:00"
    ])
  })

  it("knows its latest time, however far back that is", () => {
    const until = Date.parse("2026-11-24T12:34:56Z")
    for (const [expression, latest] of [
      ["* * * * *", "2026-11-24T12:34"],
      ["0 9 * * *", "2026-11-24T09:00"],
      ["0 0 29 2 *", "2024-02-29T00:00"]
    ] as const) {
      assert.strictEqual(iso(parse(expression, "UTC").latest(0, until)!), latest)
    }
    assert.isNull(parse("0 0 29 2 *", "UTC").latest(Date.parse("2024-02-29T00:00:00Z"), until))
  })

  for (const [expression, timezone, field, reason] of [
    ["* * * * * *", "UTC", "expression", /five fields/],
    ["@daily", "UTC", "expression", /five fields/],
    ["0 9 * *", "UTC", "expression", /five fields/],
    ["0 9 ? * *", "UTC", "expression", /five fields/],
    ["0 9 * * 5#2", "UTC", "expression", /five fields/],
    ["0 9 L * *", "UTC", "expression", /is no cron expression/],
    ["60 * * * *", "UTC", "expression", /between 0 and 59/],
    ["*/0 * * * *", "UTC", "expression", /step/],
    ["0 9 * * *", "Mars/Olympus", "timezone", /Mars\/Olympus is no time zone/],
    ["0 9 * * *", "+02:00", "timezone", /is no time zone/],
    ["0 9 * * *", "", "timezone", /is no time zone/]
  ] as const) {
    it(`is refused where it is "${expression}" in "${timezone}"`, () => {
      const parsed = CronSchedule.parse(expression, timezone)
      assert.isTrue(Result.isFailure(parsed))
      if (Result.isFailure(parsed)) {
        assert.strictEqual(parsed.failure.field, field)
        assert.match(parsed.failure.reason, reason)
      }
    })
  }

  it("that never comes has no next time", () => {
    assert.isNull(parse("0 0 30 2 *", "UTC").next(0))
  })

  it("may name months and days, and Sunday by 0 or 7", () => {
    assert.deepStrictEqual(shown("0 9 * JAN MON", "UTC", "2026-11-24T00:00:00Z", 1), ["2027-01-04T09:00"])
    for (const sunday of ["0", "7"]) {
      assert.deepStrictEqual(shown(`0 9 * * ${sunday}`, "UTC", "2026-11-24T00:00:00Z", 1), ["2026-11-29T09:00"])
    }
  })
})
