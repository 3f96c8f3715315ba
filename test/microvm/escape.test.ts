import { networkInterfaces } from "node:os"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { attempts } from "../escape/attempts.ts"
import { makeSecrets, runAll, startAttacker, vaultOf } from "../escape/world.ts"
import { startScriptedModel } from "../support/scriptedModel.ts"
import { holds } from "../support/secrets.ts"
import { startWorker, type Worker } from "../support/worker.ts"
import { isOfficial, machines, vars } from "./image.ts"

/** The same attempts as in the isolate, by code on a machine, in the product's own Worker. */

let worker: Worker
let model: Awaited<ReturnType<typeof startScriptedModel>>
let attacker: Awaited<ReturnType<typeof startAttacker>>
let outcomes: Awaited<ReturnType<typeof runAll>>
const secrets = makeSecrets()

/** An address of this computer that is not the machine's own, if it could be reached. */
const address = () =>
  Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === "IPv4" && !found.internal)?.address ?? "172.17.0.1"

beforeAll(async () => {
  attacker = await startAttacker()
  model = await startScriptedModel()
  worker = await startWorker(
    { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: secrets.model, OWNLOOP_ROOT_KEY: `test:${secrets.root}`, ...vars },
    machines()
  )
  const vault = await vaultOf(worker, secrets, "allowed.invalid")
  const names = {
    ATTACKER: "http://attacker.invalid",
    HOST: address(),
    PORT: String(attacker.port),
    SITE: "https://allowed.invalid",
    DEPLOYMENT: "http://deployment.invalid"
  }
  const given = Object.entries(names).map(([name, value]) => `export ${name}='${value}'`)
  outcomes = await runAll({ model, worker, vault }, { backend: "microvm", hosts: ["allowed.invalid"] }, [
    { name: "bash", input: { command: given.join("; ") } },
    ...attempts.map(({ command }) => ({ name: "bash", input: { command } }))
  ])
}, 240_000)

afterAll(async () => {
  await worker.client.beta.sessions.delete(outcomes.id)
  await worker.close()
  await Promise.all([model.close(), attacker.close()])
})

describe(`code on a machine${isOfficial ? "" : " (with a stand-in for its server)"}`, () => {
  for (const [index, { name, unaudited = [], host = "attacker.invalid" }] of attempts.entries()) {
    it(`does not get out by ${name}`, () => {
      const result = outcomes.results[index + 1] ?? ""
      assert.notStrictEqual(result, "")
      assert.notInclude(result, "ESCAPED")
      for (const secret of Object.values(secrets)) assert.isFalse(holds(result, secret), secret)
      const blocked = (outcomes.decisions[index + 1] ?? []).filter(({ outcome }) => outcome === "blocked")
      assert.strictEqual(
        blocked.some((decision) => decision.host.endsWith(host)),
        !unaudited.includes("microvm"),
        result
      )
    })
  }

  it("reached nobody", () => assert.deepStrictEqual(attacker.visits, []))
})
