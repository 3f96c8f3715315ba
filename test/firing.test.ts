import { assert, describe, it } from "@effect/vitest"
import type { Schedule } from "../src/domain/Deployment.ts"
import { nextRun, plan } from "../src/triggers/firing.ts"
import { deployment, schedule } from "./support/records.ts"

const minute = 60_000
const hour = 60 * minute
const time = (text: string) => Date.parse(`2026-11-24T${text}:00Z`)
const clock = (millis: number) => new Date(millis).toISOString().slice(11, 16)

/** What becomes of a schedule of every hour that is due since nine, at a time. */
const planned = (now: number, fields: Partial<Schedule> = {}, openRuns = 0) => {
  const one = deployment("1", { schedule: schedule({ expression: "0 * * * *", ...fields }) })
  const first = { scheduledAt: time("09:00"), dueAt: time("09:00") }
  const { runs, next } = plan({ deployment: one, next: first, lastRunAt: null, openRuns }, now)
  return {
    runs: runs.map(({ scheduledAt, error }) => `${clock(scheduledAt)}${error === null ? "" : ` ${error.type}`}`),
    errors: runs.flatMap(({ error }) => (error === null ? [] : [error.message])),
    next: next === null ? null : clock(next.scheduledAt)
  }
}

describe("a schedule that is due", () => {
  it("has one run, and is due next at its next time", () => {
    for (const now of [time("09:00"), time("09:00") + 7 * minute, time("09:59")]) {
      for (const catch_up_policy of ["latest", "all"] as const) {
        assert.deepStrictEqual(planned(now, { catch_up_policy }), { runs: ["09:00"], errors: [], next: "10:00" })
      }
    }
  })

  it("after downtime runs its latest time alone, and says which it does not make up for", () => {
    assert.deepStrictEqual(planned(time("13:30")), {
      runs: ["09:00 schedule_missed_error", "13:00"],
      errors: [
        "nothing ran from 2026-11-24T09:00:00.000Z to 2026-11-24T12:00:00.000Z, and catch_up_policy latest does not make up for it"
      ],
      next: "14:00"
    })
    assert.deepStrictEqual(planned(time("10:00")).runs, ["09:00 schedule_missed_error", "10:00"])
  })

  it("makes up for nothing where it is told so, unless it is only late", () => {
    const none = { catch_up_policy: "none" } as const
    assert.deepStrictEqual(planned(time("09:10"), none).runs, ["09:00"])
    assert.deepStrictEqual(planned(time("09:11"), none), {
      runs: ["09:00 schedule_missed_error"],
      errors: ["nothing ran at 2026-11-24T09:00:00.000Z, and catch_up_policy none does not make up for it"],
      next: "10:00"
    })
    assert.deepStrictEqual(planned(time("11:05"), none), {
      runs: ["09:00 schedule_missed_error", "11:00"],
      errors: [
        "nothing ran from 2026-11-24T09:00:00.000Z to 2026-11-24T10:00:00.000Z, and catch_up_policy none does not make up for it"
      ],
      next: "12:00"
    })
    assert.deepStrictEqual(planned(time("11:45"), none).next, "12:00")
  })

  it("makes up for all of the last day where it is told so, and always for the latest", () => {
    const all = { catch_up_policy: "all", overlap_policy: "queue" } as const
    assert.deepStrictEqual(planned(time("12:30"), all).runs, ["09:00", "10:00", "11:00", "12:00"])
    const late = planned(time("09:30") + 48 * hour, all)
    assert.strictEqual(late.runs[0], "09:00 schedule_missed_error")
    assert.match(late.errors[0]!, /from 2026-11-24T09:00:00.000Z to 2026-11-25T09:00:00.000Z, and catch_up_policy all/)
    assert.lengthOf(late.runs, 25)
    assert.deepStrictEqual(planned(time("09:30") + 48 * hour, { ...all, expression: "0 9 24 11 *" }).runs, ["09:00"])
    // More than one firing starts: the rest is due at once.
    const many = planned(time("13:00"), { ...all, expression: "* * * * *" })
    assert.lengthOf(many.runs, 50)
    assert.strictEqual(many.next, "09:50")
  })

  it("that overlaps is skipped, waits, or takes the place of what runs", () => {
    const at = time("09:00")
    assert.deepStrictEqual(planned(at, { overlap_policy: "skip" }, 1), {
      runs: ["09:00 overlap_skipped_error"],
      errors: ["this run was skipped: another run of the deployment has not ended"],
      next: "10:00"
    })
    assert.deepStrictEqual(planned(at, { overlap_policy: "queue" }, 99).runs, ["09:00"])
    assert.deepStrictEqual(planned(at, { overlap_policy: "queue" }, 100).runs, ["09:00 overlap_skipped_error"])
    assert.deepStrictEqual(planned(at, { overlap_policy: "cancel_running" }, 3).runs, ["09:00"])
    const all = { catch_up_policy: "all" } as const
    assert.deepStrictEqual(planned(time("11:00"), { ...all, overlap_policy: "skip" }).runs, [
      "09:00",
      "10:00 overlap_skipped_error",
      "11:00 overlap_skipped_error"
    ])
    assert.deepStrictEqual(planned(time("11:00"), { ...all, overlap_policy: "cancel_running" }).runs, [
      "09:00 overlap_skipped_error",
      "10:00 overlap_skipped_error",
      "11:00"
    ])
  })

  it("is later than its time by its part of the jitter, always by the same, and knows no less of what it missed", () => {
    const late = Array.from({ length: 200 }, (_, index) => {
      const one = deployment(`${index}`, { schedule: schedule({ expression: "0 * * * *", jitter_seconds: 600 }) })
      const next = nextRun(one, time("08:30"))!
      const after = nextRun(one, next.scheduledAt)!
      assert.strictEqual(next.scheduledAt, time("09:00"))
      assert.strictEqual(after.dueAt - next.dueAt, hour)
      assert.deepStrictEqual(plan({ deployment: one, next, lastRunAt: null, openRuns: 0 }, next.dueAt).next, after)
      // Its next time has come, and is not due yet.
      const { runs } = plan({ deployment: one, next, lastRunAt: null, openRuns: 0 }, after.dueAt - 1)
      assert.deepStrictEqual(runs, [{ scheduledAt: time("09:00"), error: null }])
      return next.dueAt - next.scheduledAt
    })
    assert.isTrue(late.every((millis) => millis >= 0 && millis <= 10 * minute && millis % 1000 === 0))
    assert.isAbove(new Set(late).size, 100)
  })

  it("runs no more once it is paused, archived or without a schedule", () => {
    assert.isNull(nextRun(deployment("1", { status: "paused" }), 0))
    assert.isNull(nextRun(deployment("1", { archived_at: "2026-11-24T00:00:00.000Z" }), 0))
    assert.isNull(nextRun(deployment("1", { schedule: null }), 0))
    assert.isNotNull(nextRun(deployment("1"), 0))
  })
})
