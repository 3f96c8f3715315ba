import * as Schema from "effect/Schema"
import { Difference } from "./differences.ts"

/** A replay did not go as its recording: where that began, and what differed. */
export class ReplayDivergence extends Schema.TaggedError<ReplayDivergence>()("ReplayDivergence", {
  session: Schema.String,
  /** Model request of the session, from 1, in which it was noticed; 0 before the first. */
  step: Schema.Int,
  /** Place in the log of the first event that is not as it was. */
  seq: Schema.Int,
  /**
   * `prompt`: the model would be asked something else. `tool_input`: a tool would be called with something else. `event`: something else
   * would be logged. `missing`: the loop waits or rests where the recording goes on. `extra`: it goes on where the recording ends.
   */
  reason: Schema.Literals(["prompt", "tool_input", "event", "missing", "extra"]),
  /** Types of the events, the recorded one and the replayed one, or what the loop does instead; null where there is none. */
  recorded: Schema.NullOr(Schema.String),
  replayed: Schema.NullOr(Schema.String),
  differences: Schema.Array(Difference)
}) {
  override get message(): string {
    const { differences, recorded, replayed, reason, seq, session, step } = this
    const what = {
      prompt: "the model is asked something else",
      tool_input: "a tool is called with another input",
      event: `${replayed} was logged in place of ${recorded}`,
      missing: `${recorded} was not logged: the loop ${replayed}`,
      extra: `${replayed} was logged after the end of the recording`
    }[reason]
    return [
      `${session} diverges at step ${step}, event ${seq}: ${recorded === replayed && reason === "event" ? `${recorded} differs` : what}`,
      ...differences.map(
        ({ path, recorded, replayed }) =>
          `  ${path || "it"}\n    recorded: ${recorded ?? "nothing"}\n    replayed: ${replayed ?? "nothing"}`
      )
    ].join("\n")
  }
}
