import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { DeadLetter } from "../src/domain/DeadLetter.ts"
import type { Delivery } from "../src/domain/Delivery.ts"
import type { Task } from "../src/domain/Task.ts"
import { sendTask } from "../src/triggers/sendTask.ts"
import { startReceiver, startTasks, type TasksWorker, webhookSecret } from "./support/tasks.ts"

/** Tasks in the real Worker: its queue, its consumer, its dead letters, its sessions, and who waits for their outcomes. */

let worker: TasksWorker
let receiver: Awaited<ReturnType<typeof startReceiver>>
let count = 0

beforeAll(async () => {
  receiver = await startReceiver()
  worker = await startTasks({
    OWNLOOP_WEBHOOK_SECRET: webhookSecret,
    OWNLOOP_WEBHOOK_HOSTS: receiver.host,
    OWNLOOP_WEBHOOKS: JSON.stringify([
      { url: `${receiver.url}/events`, secret: webhookSecret, events: ["session.created", "session.status_idled"] }
    ])
  })
})

afterAll(async () => {
  await worker.close()
  await receiver.close()
})

const message = (fields: object = {}) => ({
  agent: worker.agent,
  environment_id: worker.environment,
  input: "write a haiku to outputs/haiku.txt",
  idempotency_key: `key ${++count}`,
  ...fields
})

const isOver = ({ status }: Task) => ["succeeded", "failed", "expired", "cancelled"].includes(status)
const over = (id: string) => worker.until(() => worker.task(id), isOver)

const byKey = async (key: string) =>
  (await worker.list<Task>("/v1/tasks?limit=100")).find(({ idempotency_key }) => idempotency_key === key)

const queued = async () => ((await worker.worker.getEnv()) as unknown as { TASKS: Queue }).TASKS

const statuses = ({ transitions }: Task) => transitions.map(({ status }) => status)

describe("a task", () => {
  it("from the API becomes a session, and its outcome is written back", async () => {
    const { status, body } = await worker.call<Task>("POST", "/v1/tasks", message({ metadata: { order: "12" } }))
    assert.strictEqual(status, 200)
    const task = await over(body.id)
    assert.deepStrictEqual(statuses(task), ["queued", "claimed", "running", "succeeded"])
    assert.include(task.outcome?.text ?? "", "haiku.txt")
    assert.strictEqual(task.outcome?.status, "succeeded")
    assert.deepStrictEqual(task.metadata, { order: "12" })
    const session = await worker.client.beta.sessions.retrieve(task.session_id!)
    assert.strictEqual(session.status, "idle")
    assert.deepStrictEqual(session.metadata, { order: "12" })

    const [artifact] = task.outcome?.artifacts ?? []
    assert.strictEqual(artifact?.path, "haiku.txt")
    const kept = await fetch(`${worker.client.baseURL}/v1/tasks/${task.id}/artifact?path=haiku.txt`, {
      headers: { authorization: `Bearer ${worker.client.authToken}` }
    })
    assert.strictEqual((await kept.arrayBuffer()).byteLength, artifact?.size)
    assert.strictEqual((await worker.call("GET", `/v1/tasks/${task.id}/artifact?path=other`)).status, 404)
  })

  it("from the queue becomes one, once for each key, and tells another Worker's queue", async () => {
    const task = message({ reply_to: { type: "queue", queue: "REPLIES" } })
    const queue = await queued()
    for (let time = 0; time < 4; time++) await sendTask(queue, task)
    const found = await worker.until(
      () => byKey(task.idempotency_key),
      (task) => task !== undefined && isOver(task)
    )
    const again = await worker.call<Task>("POST", "/v1/tasks", task)
    assert.strictEqual(again.body.id, found!.id)
    const outcomes = await worker.until(worker.outcomes, (outcomes) => outcomes.length > 0)
    assert.lengthOf(outcomes, 1)
    assert.include(outcomes[0]!.data, {
      type: "task.succeeded",
      id: found!.id,
      idempotency_key: task.idempotency_key,
      session_id: found!.session_id
    })
    assert.deepStrictEqual(outcomes[0]!.data.outcome, found!.outcome)
    const sessions = (await worker.list<Task>("/v1/tasks?limit=100")).map(({ session_id }) => session_id)
    assert.strictEqual(new Set(sessions).size, sessions.length)
  })

  it("that cannot be one is a dead letter with its reason, and can be replayed", async () => {
    const queue = await queued()
    const key = `key ${++count}`
    await queue.send({
      agent: worker.agent,
      environment_id: worker.environment,
      input: "hello",
      idempotency_key: key,
      budget: 3
    })
    const letters = () => worker.list<DeadLetter>("/v1/dead_letters")
    const [letter] = await worker.until(letters, (letters) => letters.length > 0)
    assert.match(letter!.reason, /^budget: expected/)
    assert.include(letter!.message as object, { idempotency_key: key })
    assert.isNull(letter!.replayed_at)

    const replayed = await worker.call<DeadLetter>("POST", `/v1/dead_letters/${letter!.id}/replay`, {
      message: { ...(letter!.message as object), budget: null }
    })
    assert.isString(replayed.body.replayed_at)
    const task = await worker.until(
      () => byKey(key),
      (task) => task !== undefined && isOver(task)
    )
    assert.strictEqual(task!.status, "succeeded")
    assert.strictEqual((await worker.call("POST", "/v1/dead_letters/dead_none/replay", {})).status, 404)
  })

  it("is told to a webhook that the official SDK verifies, and to no private address", async () => {
    const { body } = await worker.call<Task>(
      "POST",
      "/v1/tasks",
      message({ reply_to: { type: "webhook", url: `${receiver.url}/outcome` } })
    )
    const task = await over(body.id)
    const mine = ({ body }: { readonly body: string }) => body.includes(task.session_id!)
    const received = await worker.until(
      async () => receiver.received.filter(mine),
      (all) => all.some(({ body }) => body.includes("task.succeeded"))
    )
    const unwrapped = received.map(({ body, headers }) =>
      worker.client.beta.webhooks.unwrap(body, { headers, key: webhookSecret })
    )
    // In the order in which it happened, to each place.
    const told = unwrapped.map(({ data }) => data.type as string).filter((type) => type.startsWith("session."))
    assert.deepStrictEqual(told, ["session.created", "session.status_idled"])
    const outcome = unwrapped.find(({ data }) => (data.type as string) === "task.succeeded")
    assert.deepStrictEqual(Reflect.get(outcome?.data ?? {}, "outcome"), task.outcome)
    assert.strictEqual(outcome?.id, received.find(({ body }) => body.includes("task.succeeded"))?.headers["webhook-id"])
    assert.throws(() =>
      worker.client.beta.webhooks.unwrap(received[0]!.body + " ", { headers: received[0]!.headers, key: webhookSecret })
    )

    for (const [url, reason] of [
      ["https://10.0.0.1/", /reply_to\.url: is a private address/],
      ["https://169.254.169.254/latest", /link-local/],
      ["http://example.com/", /must be https/],
      ["https://localhost/", /local address/]
    ] as const) {
      const refused = await worker.call<{ error: { message: string } }>(
        "POST",
        "/v1/tasks",
        message({ reply_to: { type: "webhook", url } })
      )
      assert.strictEqual(refused.status, 400)
      assert.match(refused.body.error.message, reason)
    }
  })

  it("whose receiver fails is told again, under the same id, and can be told once more", async () => {
    receiver.answers.push(...Array.from({ length: 20 }, () => 503))
    const { body } = await worker.call<Task>(
      "POST",
      "/v1/tasks",
      message({ input: "hello", reply_to: { type: "webhook", url: `${receiver.url}/flaky` } })
    )
    await over(body.id)
    const deliveries = () => worker.list<Delivery>(`/v1/deliveries?task_id=${body.id}`)
    const [pending] = await worker.until(deliveries, ([delivery]) => (delivery?.attempts ?? 0) > 0)
    assert.include(pending, { status: "pending", attempts: 1, event: "task.succeeded" })
    assert.match(pending!.last_error ?? "", /answered 503/)
    receiver.answers.length = 0
    const { body: delivered } = await worker.call<Delivery>("POST", `/v1/deliveries/${pending!.id}/replay`)
    assert.include(delivered, { status: "delivered", attempts: 2, last_error: null })
    const ids = receiver.received.flatMap(({ headers, body }) =>
      body.includes("task.succeeded") && headers["webhook-id"] === pending!.id ? [headers["webhook-id"]] : []
    )
    assert.lengthOf(ids, 2)
  })

  it("that waits for a person says so, and ends when it is cancelled", async () => {
    const agent = await worker.client.beta.agents.create({
      name: "asks",
      model: "demo",
      tools: [
        {
          type: "agent_toolset_20260401",
          default_config: { enabled: true, permission_policy: { type: "always_ask" } }
        }
      ]
    })
    const { body } = await worker.call<Task>("POST", "/v1/tasks", message({ agent: agent.id }))
    const waiting = await worker.until(
      () => worker.task(body.id),
      ({ status }) => status === "waiting"
    )
    assert.strictEqual(waiting.transitions.at(-1)?.reason, "requires_action")
    await worker.call("POST", `/v1/tasks/${body.id}/cancel`)
    const cancelled = await over(body.id)
    assert.strictEqual(cancelled.status, "cancelled")
    assert.strictEqual(cancelled.outcome?.status, "cancelled")
    // Cancelling what is cancelled changes nothing; what has succeeded cannot be.
    assert.strictEqual((await worker.call<Task>("POST", `/v1/tasks/${body.id}/cancel`)).body.status, "cancelled")

    const retried = (await worker.call<Task>("POST", `/v1/tasks/${body.id}/retry`)).body
    assert.strictEqual(retried.attempt, 2)
    const again = await worker.until(
      () => worker.task(body.id),
      ({ status }) => status === "waiting"
    )
    assert.notStrictEqual(again.session_id, cancelled.session_id)
    await worker.call("POST", `/v1/tasks/${body.id}/cancel`)
    assert.strictEqual((await over(body.id)).status, "cancelled")
  })

  it("that can never start fails, and says why; with its deadline past it is expired by the clock", async () => {
    const { body } = await worker.call<Task>("POST", "/v1/tasks", message({ agent: "agent_none" }))
    assert.strictEqual(body.status, "failed")
    assert.match(body.outcome?.error?.message ?? "", /agent agent_none does not exist/)

    const agent = await worker.client.beta.agents.create({
      name: "asks again",
      model: "demo",
      tools: [
        {
          type: "agent_toolset_20260401",
          default_config: { enabled: true, permission_policy: { type: "always_ask" } }
        }
      ]
    })
    const late = message({ agent: agent.id, deadline: new Date(Date.now() + 1_000).toISOString() })
    const { id } = (await worker.call<Task>("POST", "/v1/tasks", late)).body
    await worker.until(
      () => worker.task(id),
      ({ status }) => status === "waiting"
    )
    const expired = await worker.until(async () => {
      await worker.tick()
      return worker.task(id)
    }, isOver)
    assert.strictEqual(expired.status, "expired")
    assert.strictEqual(expired.outcome?.error?.type, "deadline_passed")
  })
})

describe("an Anthropic key in a task", () => {
  const key = "sk-ant-api03-do-not-keep"

  it("is masked in text and refused in configuration, by the API and by the queue", async () => {
    const { body } = await worker.call<Task>("POST", "/v1/tasks", message({ input: `what is ${key}?` }))
    assert.notInclude(JSON.stringify(await worker.task(body.id)), key)
    const refused = await worker.call<object>("POST", "/v1/tasks", message({ idempotency_key: key }))
    assert.strictEqual(refused.status, 400)
    assert.notInclude(JSON.stringify(refused.body), key)
    await (await queued()).send(message({ reply_to: { type: "webhook", url: `https://example.com/?key=${key}` } }))
    const letters = await worker.until(
      () => worker.list<DeadLetter>("/v1/dead_letters"),
      (letters) => letters.some(({ reason }) => reason.includes("Anthropic"))
    )
    assert.notInclude(JSON.stringify(letters), key)
  })
})
