import type { Log, LogEvent } from "./scenario.ts"
import type { Seen } from "./Seen.ts"

/** A session that has ended. */
export interface Ended {
  readonly id: string
  readonly log: Log
  readonly status: string
  readonly seen: Seen
  /** How much of what was seen of it had been seen when its process was killed; all of it where none was. */
  readonly before: { readonly logged: number; readonly asked: number }
}

type Result = Extract<LogEvent, { readonly type: "agent.tool_result" }>
const isResult = (event: LogEvent): event is Result => event.type === "agent.tool_result"

const calls = (log: Log) =>
  log.flatMap((event) =>
    event.type === "agent.tool_use" ? [{ id: event.id, name: event.name, label: String(event.input["label"]) }] : []
  )

const resultOf = (log: Log, call: string) => log.find((event) => isResult(event) && event.tool_use_id === call)

/** What a call reads whose process died while it may have run, where it must not run twice. */
const isUnknown = (event: LogEvent | undefined) =>
  event !== undefined &&
  isResult(event) &&
  event.is_error === true &&
  JSON.stringify(event.content) === '[{"type":"text","text":"interrupted: whether it took effect is not known"}]'

/** The calls that had no result yet and may have been running when the process was killed, of tools that must not run twice. */
const inDoubt = ({ log, seen, before }: Ended): ReadonlySet<string> => {
  const told = seen.logged.slice(0, before.logged)
  const isOpen = ({ id, name }: { readonly id: string; readonly name: string }) =>
    name !== "count_safe" &&
    told.some(
      (event) =>
        (event.type === "agent.tool_use" && event.id === id && event.evaluated_permission === "allow") ||
        (event.type === "user.tool_confirmation" && event.tool_use_id === id && event.result === "allow")
    ) &&
    !told.some((event) => event.type === "agent.tool_result" && event.tool_use_id === id)
  return new Set(
    calls(log)
      .filter(isOpen)
      .map(({ id }) => id)
  )
}

/** Results that stand side by side are put in the order of their calls: calls that run at the same time end in any order. */
const inCallOrder = (log: Log): Log => {
  const places = new Map(calls(log).map(({ id }, place) => [id, place]))
  const place = (event: LogEvent) => (isResult(event) ? places.get(event.tool_use_id)! : -1)
  const sorted: Array<LogEvent> = []
  for (const event of log) {
    let at = sorted.length
    while (isResult(event) && at > 0 && place(sorted[at - 1]!) > place(event)) at--
    sorted.splice(at, 0, event)
  }
  return sorted
}

/** What the log shows of the egress audit is of no consequence, and what a process had not logged when it died is in the audit alone. */
const isOfAudit = ({ type }: { readonly type: string }) => type === "span.egress_request"

/** A log as lines that are the same for every run: an id is its place of first appearance, a time is whether there is one. */
const normalised = (log: Log): ReadonlyArray<string> => {
  const places = new Map<string, string>()
  const place = (id: string) => {
    if (!places.has(id)) places.set(id, `#${places.size + 1}`)
    return places.get(id)!
  }
  // A model is shown an outcome that is not known; how long a tool takes differs.
  const chance = { request_hash: undefined, started_at: undefined, operations: undefined }
  return inCallOrder(log.filter((event) => !isOfAudit(event))).map((event) =>
    JSON.stringify({ ...event, processed_at: event.processed_at !== null, ...chance }).replaceAll(/sevt_\w+/g, place)
  )
}

/** The log with what its unknown outcomes would have been; only a call that was in doubt may have one. */
const asIfKnown = (ended: Ended, undisturbed: Ended): Log => {
  const doubtful = inDoubt(ended)
  const labels = new Map(calls(ended.log).map(({ id, label }) => [id, label]))
  const known = new Map(calls(undisturbed.log).map(({ id, label }) => [label, resultOf(undisturbed.log, id)]))
  return ended.log.map((event) => {
    if (!isResult(event) || !doubtful.has(event.tool_use_id) || !isUnknown(event)) return event
    return { ...known.get(labels.get(event.tool_use_id)!)!, id: event.id, tool_use_id: event.tool_use_id } as Result // the same call's
  })
}

const differences = (ended: Ended, undisturbed: Ended): ReadonlyArray<string> => {
  const expected = normalised(undisturbed.log)
  const actual = normalised(asIfKnown(ended, undisturbed))
  const at = Math.max(expected.length, actual.length)
  for (let line = 0; line < at; line++) {
    if (expected[line] !== actual[line]) {
      return [`event ${line + 1} is ${actual[line] ?? "missing"} and not ${expected[line] ?? "the end"}`]
    }
  }
  return []
}

const lost = ({ log, seen }: Ended): ReadonlyArray<string> => {
  const ids = new Set(log.map(({ id }) => id))
  return seen.logged.filter(({ id }) => !ids.has(id)).map(({ id, type }) => `${type} ${id} was durable and is lost`)
}

/** How often each call took effect outside: once, under its own key; never where it was denied; once at most where that is not known. */
const effects = ({ id: session, log, seen }: Ended): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const counts = new Map(calls(log).map(({ label }) => [label, 0]))
  for (const { label } of seen.counted) counts.set(label, (counts.get(label) ?? 0) + 1)
  for (const { id, name, label } of calls(log)) {
    const requests = seen.counted.filter((counted) => counted.label === label)
    const isKnown = !isUnknown(resultOf(log, id))
    const keys = new Set(requests.map(({ key }) => key))
    const times = name === "count_safe" ? keys.size : requests.length
    counts.delete(label)
    if (label === "denied" ? times > 0 : times > 1 || (isKnown && times === 0)) {
      problems.push(`the call ${label} took effect ${times} times`)
    }
    if ([...keys].some((key) => key !== `${session}:${id}`))
      problems.push(`the call ${label} had another key: ${[...keys].join(" ")}`)
  }
  return [...problems, ...[...counts.keys()].map((label) => `the call ${label} was made and is not in the log`)]
}

/** The model is asked once for each answer; for one that a process died over, once more. */
const requests = ({ seen, before }: Ended, undisturbed: Ended): ReadonlyArray<string> => {
  const again = [...seen.asked]
  for (const name of undisturbed.seen.asked) {
    const at = again.indexOf(name)
    if (at === -1) return [`the model was never asked for ${name}`]
    again.splice(at, 1)
  }
  const open = seen.asked[before.asked - 1]
  return again.length === 0 || (again.length === 1 && again[0] === open)
    ? []
    : [`the model was asked again for ${again.join(", ")}`]
}

/** What is wrong with a session, next to one that nothing happened to. */
export const problems = (ended: Ended, undisturbed: Ended): ReadonlyArray<string> => [
  ...differences(ended, undisturbed),
  ...lost(ended),
  ...effects(ended),
  ...requests(ended, undisturbed),
  ...(ended.status === "idle" ? [] : [`its status is ${ended.status}`])
]

/** What is known of the calls' effects: `label` happened, `label?` may have. */
export const shownEffects = ({ log, seen }: Pick<Ended, "log" | "seen">): string =>
  calls(log)
    .flatMap(({ id, label }) => {
      const times = seen.counted.filter((counted) => counted.label === label).length
      if (isUnknown(resultOf(log, id))) return [`${label}?`]
      return times === 0 ? [] : [times === 1 ? label : `${label} (1 key, ${times} requests)`]
    })
    .join(" ")
