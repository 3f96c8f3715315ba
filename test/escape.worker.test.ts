import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { EgressDecision } from "../src/domain/Egress.ts"
import { attempts, echoes, spellings } from "./escape/attempts.ts"
import { runTask } from "./escape/task.ts"
import { runAll, startWorld, type World } from "./escape/world.ts"
import { persisted } from "./support/persisted.ts"
import { holds } from "./support/secrets.ts"

/** Code that wants out of the isolate, in the real Worker: none of it gets out, and each attempt that reaches the boundary is in the audit. */

let world: World
let given: string
let outcomes: Awaited<ReturnType<typeof run>>

const bash = (command: string) => ({ name: "bash", input: { command } })

/** The agent's shell knows the names that the attempts use. */
const run = async (options: { readonly unrestricted?: true }, commands: ReadonlyArray<string>) => {
  const [first, ...others] = [given, ...commands].map(bash)
  const { decisions, id, results } = await runAll(
    world,
    options.unrestricted ? options : { hosts: [world.site.host] },
    [first!, ...others]
  )
  world.sessions.push(id)
  return { id, results: results.slice(1), decisions: decisions.slice(1) }
}

beforeAll(async () => {
  world = await startWorld()
  const names = {
    ATTACKER: `http://127.0.0.1:${world.attacker.port}`,
    HOST: "127.0.0.1",
    PORT: String(world.attacker.port),
    SITE: world.site.url,
    DEPLOYMENT: world.worker.baseURL
  }
  given = Object.entries(names)
    .map(([name, value]) => `export ${name}='${value}'`)
    .join("; ")
  outcomes = await run(
    {},
    attempts.map(({ command }) => command)
  )
}, 120_000)

afterAll(() => world.close())

/** A session as a file, and its traces, for people and for collectors. */
const runsOf = (id: string) =>
  Promise.all(
    ["export", "trace", "trace?format=otlp"].map((what) =>
      world.worker.fetch(`/v1/sessions/${id}/${what}`).then((response) => response.text())
    )
  )

const isSafe = (text: string) => {
  assert.notInclude(text, "ESCAPED")
  for (const secret of world.secrets) assert.isFalse(holds(text, secret), secret)
}

describe("code in the isolate", () => {
  for (const [index, { name, unaudited = [], host = "127.0.0.1" }] of attempts.entries()) {
    it(`does not get out by ${name}`, () => {
      const result = outcomes.results[index] ?? ""
      assert.notStrictEqual(result, "")
      isSafe(result)
      const blocked = (outcomes.decisions[index] ?? []).filter((decision) => decision.outcome === "blocked")
      assert.strictEqual(
        blocked.some((decision) => decision.host.endsWith(host)),
        !unaudited.includes("isolate"),
        result
      )
    })
  }

  it("is not taken along by a redirect, in any tool", async () => {
    const { attacker, site } = world
    const url = `${site.url}/redirect?to=http://127.0.0.1:${attacker.port}/`
    const { decisions, id, results } = await runAll(world, { hosts: [site.host] }, [
      bash(`curl -sL "${url}"`),
      bash(`node -e 'console.log(await (await fetch("${url}")).text())'`),
      { name: "web_fetch", input: { url } }
    ])
    world.sessions.push(id)
    for (const result of results) isSafe(result)
    for (const call of decisions) {
      assert.sameDeepMembers(
        call.map(({ outcome, port }) => [outcome, port]),
        [
          ["injected", Number(site.host.split(":")[1])],
          ["blocked", attacker.port]
        ]
      )
    }
  })

  it("reaches no address of this network, however it is written, where every public host may be reached", async () => {
    const { attacker } = world
    const { decisions, results } = await run(
      { unrestricted: true },
      spellings.map((host) => `node -e 'console.log(await (await fetch("http://${host}:${attacker.port}/")).text())'`)
    )
    for (const [index, host] of spellings.entries()) {
      isSafe(results[index] ?? "")
      assert.match(results[index] ?? "", /egress_blocked/, host)
      assert.deepStrictEqual(
        decisions[index]?.map(({ outcome }) => outcome),
        ["blocked"],
        host
      )
    }
  })

  it("hears nothing of what was attached from a service that says it again", async () => {
    const { results, decisions } = await run(
      {},
      echoes.map((way) => `curl -siL -H "accept-encoding: gzip" -H "authorization: $TOKEN" "$SITE/echo/${way}"`)
    )
    for (const [index, way] of echoes.entries()) {
      isSafe(results[index] ?? "")
      assert.include(
        (decisions[index] ?? []).map(({ outcome }) => outcome),
        "injected",
        way
      )
    }
  })

  it("reached nobody", () => assert.deepStrictEqual(world.attacker.visits, []))

  it("is sent with what is attached where a person allowed it, for a task whose outcome goes to a webhook", async () => {
    const url = `${world.site.url}/echo/plain?key=$TOKEN`
    const task = await runTask(world, `curl -s -H "authorization: $TOKEN" "${url}"`)
    world.sessions.push(task.session)
    assert.deepStrictEqual([task.status, task.deliveries], ["succeeded", ["delivered"]])
    const audit = await world.worker.fetch(`/v1/egress/decisions?session_id=${task.session}`)
    const { data } = (await audit.json()) as { readonly data: ReadonlyArray<EgressDecision> }
    assert.deepStrictEqual(data.map(({ approval, outcome }) => [outcome, approval]).toReversed(), [
      ["blocked", "asked"],
      ["injected", "once"]
    ])
    const texts = await runsOf(task.session)
    // They did look.
    assert.include(texts[0], "span.egress_approval_used")
    for (const trace of texts.slice(1)) assert.include(trace, "approve egress_request")
    for (const text of texts) assert.isFalse(holds(text, task.webhook))
    await world.collector.turn(/"trace_id":"(\w+)"/.exec(texts[1]!)![1]!)
  })

  it("has left no secret in anything that is kept", async () => {
    const stored = await persisted(world.worker, world.sessions)
    const told = JSON.stringify(world.model.requests.map(({ body }) => body))
    const exported = (await Promise.all(world.sessions.map(runsOf))).flat()
    const collected = JSON.stringify(world.collector.spans)
    const sent = new Set(world.collector.requests.map(({ headers }) => headers.get("authorization")))
    assert.deepStrictEqual([...sent], [world.secrets.at(-1)])
    // It did look.
    for (const there of ["egress_blocked", "ownloop_", "attacker.example"]) assert.include(stored, there)
    for (const there of ["gen_ai.tool.call.result", "egress_blocked", "approve egress_request"])
      assert.include(collected, there)
    for (const text of [stored, told, collected, ...exported]) isSafe(text.replaceAll("ESCAPED", ""))
  })
})
