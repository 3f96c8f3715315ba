import * as Option from "effect/Option"
import type { SessionRecord } from "../domain/Session.ts"
import type * as Storage from "../Storage.ts"
import type { Snapshot } from "./SessionLog.ts"
import { version } from "./State.ts"

/** What of a snapshot is a fold over the log; the record is stored by itself. */
type Kept = Pick<Snapshot, "state" | "turnSeq" | "updatedAt">

export const write = ({ state, turnSeq, updatedAt, lastSeq }: Snapshot): Storage.Checkpoint => ({
  seq: lastSeq,
  body: JSON.stringify({ version, state, turnSeq, updatedAt } satisfies Kept & { readonly version: number })
})

/** None where there is none, or one that other code wrote with another idea of the state: the log itself has everything. */
export const read = (record: SessionRecord, checkpoint: Option.Option<Storage.Checkpoint>): Option.Option<Snapshot> =>
  Option.flatMap(checkpoint, ({ seq, body }) => {
    // Written by `write` above, in this version.
    const kept = JSON.parse(body) as Kept & { readonly version: unknown }
    if (kept.version !== version) return Option.none()
    const { state, turnSeq, updatedAt } = kept
    return Option.some({ record, state, turnSeq, updatedAt, lastSeq: seq })
  })
