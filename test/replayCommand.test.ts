import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { call, layer as scripted, say } from "../layers/model/Scripted.ts"
import { agentLoop } from "../layers/test.ts"
import { root } from "../scripts/config.ts"
import { converse, echo, session } from "./support/agentLoop.ts"
import { exported } from "./support/replayed.ts"

const home = mkdtempSync(join(tmpdir(), "replays-"))
afterAll(() => rmSync(home, { recursive: true }))

const replay = (...paths: ReadonlyArray<string>) => {
  const command = [join(root, "scripts/replay.ts"), ...paths]
  const { status, stdout } = spawnSync(process.execPath, command, { cwd: home, encoding: "utf8" })
  return { status, lines: stdout.trimEnd().split("\n") }
}

it.effect(
  "npm run replay takes files and folders, and fails where one of them differs",
  () =>
    Effect.gen(function* () {
      const file = yield* Effect.andThen(converse("go"), exported)
      mkdirSync(join(home, "runs/old"), { recursive: true })
      writeFileSync(join(home, "runs/a.json"), file)
      writeFileSync(join(home, "runs/old/b.json"), file)
      const same = replay("runs")
      assert.strictEqual(same.status, 0)
      assert.match(same.lines[0]!, /^same {4}runs\/a\.json: 12 events in \d+ ms$/)
      assert.strictEqual(same.lines.at(-1), "2 of 2 sessions ran as they did")
      writeFileSync(join(home, "runs/c.json"), file.replace('"end_turn"', '"retries_exhausted"'))
      writeFileSync(join(home, "runs/d.json"), file.slice(0, 500))
      const other = replay("runs/c.json", "runs/d.json", "runs/a.json")
      assert.strictEqual(other.status, 1)
      assert.match(
        other.lines[0]!,
        /^DIFFERS runs\/c\.json: sesn_1 diverges at step 2, event 12: session\.status_idle differs$/
      )
      assert.include(other.lines.join("\n"), "DIFFERS runs/d.json: this is no export of a session: it is not JSON")
      assert.strictEqual(other.lines.at(-1), "1 of 3 sessions ran as they did")
      assert.strictEqual(replay().status, 2)
    }).pipe(
      Effect.provide(
        agentLoop({
          id: session.id,
          model: scripted([[...say("hm"), ...call("echo", { text: "a" })], say("done")]),
          tools: [echo]
        })
      )
    ),
  60_000
)
