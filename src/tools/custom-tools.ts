import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { defineTool, ToolFailure } from "./defineTool.ts"

// Your tools. Each one in this list is offered to the agents of this deployment, beside the built-in ones.
//
// `input` is what the model must write. `run` answers text or JSON, as an Effect or as a promise:
//
//   run: async ({ city }, { fetch, env, signal }) => (await fetch(`https://weather.example/${city}`, { signal })).text()
//
// `fetch` and `http` go through the egress gateway, which attaches credentials: a tool needs none itself.
// `requires: (env) => (env.AI ? null : "no AI binding")` hides a tool where its binding is missing, and tells why.
export const customTools = [
  defineTool({
    name: "current_time",
    description: "Tells the date and time now.",
    input: Schema.Struct({
      time_zone: Schema.optionalKey(
        Schema.String.annotate({ description: 'IANA name such as "Europe/Berlin"; UTC where absent' })
      )
    }),
    // After a crash this may simply run again. Leave it out for a tool that changes something.
    replay: "safe",
    run: Effect.fnUntraced(function* ({ time_zone = "UTC" }) {
      const zone = DateTime.zoneFromString(time_zone)
      // The model reads this message, and can mend its call.
      if (Option.isNone(zone)) return yield* new ToolFailure({ message: `there is no time zone "${time_zone}"` })
      return DateTime.formatIsoZoned(DateTime.setZone(yield* DateTime.now, zone.value))
    })
  })
]
