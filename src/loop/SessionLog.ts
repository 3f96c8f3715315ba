import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { maskEverywhere } from "../domain/AnthropicKey.ts"
import { now, type Timestamp } from "../domain/Common.ts"
import type { DeltaFrame, SessionEvent } from "../domain/Event.ts"
import { type EventId, nextEventId, type SessionId } from "../domain/Ids.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { SessionNotFound } from "../Sessions.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { fold } from "./fold.ts"
import * as LiveFeed from "./LiveFeed.ts"
import * as State from "./State.ts"

type Unstamped<E> = E extends SessionEvent
  ? Omit<E, "id" | "processed_at"> & { readonly id?: EventId; readonly processed_at?: E["processed_at"] }
  : never

/** An event before it is logged: its id and time are filled in where they are absent. */
export type NewEvent = Unstamped<SessionEvent>

/** A session as it stands: its record and the fold over its log. */
export interface Snapshot {
  readonly record: SessionRecord
  readonly state: State.State
  /** Place of the last entry; 0 for an empty log. */
  readonly lastSeq: number
  /** Place of the latest turn's first event; 0 before the first turn. */
  readonly turnSeq: number
  readonly updatedAt: Timestamp
}

/** Whether the work that is being done is still wanted: what comes of it after an interrupt is not logged. */
export const isUndisturbed = ({ state }: Snapshot): boolean => !state.interrupted

/** Whether the next event begins a turn. */
const isBetweenTurns = ({ status, stopReason, queue }: State.State) =>
  status === "idle" && stopReason?.type !== "requires_action" && queue.length === 0

const advance = (snapshot: Snapshot, { seq, event }: LogEntry): Snapshot => ({
  record: snapshot.record,
  turnSeq: isBetweenTurns(snapshot.state) ? seq : snapshot.turnSeq,
  state: fold(snapshot.state, event),
  lastSeq: seq,
  updatedAt: event.processed_at ?? snapshot.updatedAt
})

const begin = (record: SessionRecord): Snapshot => ({
  record,
  state: State.initial,
  lastSeq: 0,
  turnSeq: 0,
  updatedAt: record.created_at
})

const always = () => true

/** Entries that are read from the log at a time. */
const page = 50

/** Entries between two checkpoints: as many are read at most when a session is opened. */
const checkpointEvery = 400

/** The session's log, with the state folded along: it is read once, from the latest checkpoint on, when the session is first used. */
export const make = Effect.fnUntraced(function* (id: SessionId) {
  const storage = yield* Storage
  const feed = yield* LiveFeed.make
  const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))
  let current: Snapshot | undefined
  let checkpointSeq = 0

  const load = Effect.fn("SessionLog.load")(function* () {
    const record = Option.getOrUndefined(yield* storage.record)
    if (record === undefined) return yield* new SessionNotFound({ id })
    let snapshot = Option.getOrElse(Checkpoint.read(record, yield* storage.checkpoint), () => begin(record))
    checkpointSeq = snapshot.lastSeq
    while (true) {
      const entries = yield* storage.log(snapshot.lastSeq, page)
      snapshot = entries.reduce(advance, snapshot)
      if (entries.length < page) break
    }
    yield* keep(snapshot)
    return snapshot
  })

  /** So that whoever opens the session next has little to read. Without one it reads more: no reason to fail. */
  const keep = Effect.fnUntraced(function* (snapshot: Snapshot) {
    if (snapshot.lastSeq - checkpointSeq < checkpointEvery) return
    checkpointSeq = snapshot.lastSeq
    yield* Effect.catch(storage.putCheckpoint(Checkpoint.write(snapshot)), (error) =>
      Effect.logWarning("a checkpoint could not be written", error)
    )
  })

  const loadOnce = Semaphore.withPermit(yield* Semaphore.make(1))(
    Effect.suspend(() =>
      current === undefined
        ? Effect.tap(load(), (loaded) => Effect.sync(() => (current = loaded)))
        : Effect.succeed(current)
    )
  )

  /** Reading a long log takes its time, in which others may ask: it is read once, and what was appended since then is never lost. */
  const snapshot = Effect.suspend(() => (current === undefined ? loadOnce : Effect.succeed(current)))

  /**
   * Logs the events in one write and folds them in; nothing comes between the two, not even an interruption. Whatever an event was made of,
   * an answer of a model or an error of its server: no Anthropic key gets into the log. Where the session is no longer as `holds` wants it,
   * for something else was logged first, nothing is logged.
   */
  const append = Effect.fnUntraced(
    function* (events: ReadonlyArray<NewEvent>, holds: (snapshot: Snapshot) => boolean = always) {
      if (!holds(yield* snapshot)) return []
      const time = yield* now
      const stamped = yield* Effect.forEach(events, (event) =>
        Effect.map(
          event.id === undefined ? nextEventId : Effect.succeed(event.id),
          (id): SessionEvent => maskEverywhere({ processed_at: time, ...event, id }) // the union's members, put together again
        )
      )
      const before = yield* snapshot
      const entries = yield* storage.append(stamped)
      current = entries.reduce(advance, current ?? before)
      yield* keep(current)
      yield* feed.publish(entries)
      return entries
    },
    Effect.uninterruptible,
    oneAtATime
  )

  const putRecord = Effect.fn("SessionLog.putRecord")(function* (record: SessionRecord) {
    yield* storage.putRecord(record)
    current = current === undefined ? yield* load() : { ...current, record, updatedAt: yield* now }
  }, oneAtATime)

  const destroy = Effect.gen(function* () {
    yield* storage.destroy
    current = undefined
    yield* feed.publish([{ type: "session.deleted", id: yield* nextEventId, processed_at: yield* now }])
  }).pipe(oneAtATime)

  return {
    snapshot,
    append,
    putRecord,
    destroy,
    /** Shows previews to whoever listens. */
    preview: (frames: ReadonlyArray<DeltaFrame>) => feed.publish(frames),
    follow: feed.follow,
    isWatched: feed.isWatched
  }
})

export type SessionLog = Effect.Success<ReturnType<typeof make>>
