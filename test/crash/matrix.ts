import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Anthropic from "@anthropic-ai/sdk"
import { servedFaults } from "../support/traces.ts"
import { build } from "./build.ts"
import { apiKey, call } from "./client.ts"
import { type Ended, problems, shownEffects } from "./compare.ts"
import { startOutside } from "./outside.ts"
import { type Runtime, start } from "./runtime.ts"
import { createAgent, due, isOver, type Log } from "./scenario.ts"
import type { Seen } from "./Seen.ts"

/** What became of a session whose process was killed at a point. */
export interface Outcome {
  readonly point: string
  /** Events of its log when it was killed. */
  readonly events: number
  /** Milliseconds from when the runtime served again to the session's first sign; null where it waited for its client. */
  readonly resumedAfter: number | null
  readonly effects: string
  /** The system prompt that its model was last asked with. */
  readonly system: string
  /** Empty where it ended as if nothing had happened. */
  readonly problems: ReadonlyArray<string>
}

type Deploy = (code: string) => string

export interface Matrix {
  /** Everywhere that the session comes to: before and after every append, and in the middle of every model request and tool call. */
  readonly points: ReadonlyArray<string>
  /**
   * Runs one session up to each of the points, kills the runtime that they share, and starts it again: they go on by themselves. A point in
   * an append of what a client sent, while the session waits for it, should be the only one: alarms ring while the others are waited for.
   * The runtime is started again with `deploy` of the Worker's code, where that is given.
   */
  readonly crash: (points: ReadonlyArray<string>, deploy?: Deploy) => Promise<ReadonlyArray<Outcome>>
  readonly close: () => Promise<void>
}

/** Milliseconds after which a session that says nothing more is given up. */
const patience = 60_000

/** Fails where this takes too long. */
const within = <A>(promise: Promise<A>, seen: Seen, what: string): Promise<A> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${what}: it came to ${seen.points.at(-1)}`)), patience)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const clientOf = ({ url }: Runtime) => new Anthropic({ baseURL: url, authToken: apiKey, apiKey: null, maxRetries: 0 })

const readLog = async ({ beta }: Anthropic, id: string): Promise<Log> => {
  const log = []
  for await (const event of beta.sessions.events.list(id, { order: "asc", limit: 1000 })) log.push(event)
  return log
}

/** The log can be read a moment before its session knows of it: here an append waits until the outside was told. */
const statusAfter = async (client: Anthropic, id: string) => {
  while (true) {
    const { status } = await client.beta.sessions.retrieve(id)
    if (status !== "running") return status
  }
}

/** The client's part, to the session's end. It keeps nothing: whenever it starts, it does what the log asks for. */
const converse = async (client: Anthropic, id: string, seen: Seen): Promise<Omit<Ended, "before">> => {
  while (true) {
    const { next } = seen
    const log = await readLog(client, id)
    if (isOver(log)) return { id, log, seen, status: await statusAfter(client, id) }
    const events = due(log)
    if (events.length === 0) await next
    else await client.beta.sessions.events.send(id, { events: [...events] })
  }
}

/** When the session goes on, on the clock of `performance.now()`; null where it waits for its client. */
const firstSign = async (seen: Seen): Promise<number | null> => {
  const last = seen.logged.at(-1)
  if (last === undefined || last.type === "session.status_idle") return null
  await seen.next
  return performance.now()
}

const soFar = ({ logged, asked }: Seen) => ({ logged: logged.length, asked: asked.length })

export const open = async (): Promise<Matrix> => {
  const folder = mkdtempSync(join(tmpdir(), "ownloop-crash-"))
  const outside = await startOutside()
  const { worker, statements } = build(folder, { ...outside.vars, OWNLOOP_API_KEY: apiKey, OWNLOOP_MODEL: "demo" })
  const running = new Set<Runtime>()

  const [main, ...others] = worker.modules

  const run = async (state: string, isFirst: boolean, deploy: Deploy = (code) => code): Promise<Runtime> => {
    const modules = [{ ...main!, contents: deploy(main!.contents) }, ...others]
    const runtime = await start({
      worker: { ...worker, modules },
      folder: state,
      statements: isFirst ? statements : {}
    })
    running.add(runtime)
    return runtime
  }

  const kill = async (runtime: Runtime) => {
    if (running.delete(runtime)) await runtime.kill()
  }

  const close = async () => {
    await Promise.all([...running].map(kill))
    await outside.close()
    rmSync(folder, { recursive: true, force: true })
  }

  const newState = () => mkdtempSync(join(folder, "state-"))

  const runUndisturbed = async (): Promise<Ended> => {
    const runtime = await run(newState(), true)
    const client = clientOf(runtime)
    const { id } = await client.beta.sessions.create(await createAgent(client, outside.host))
    const seen = outside.of(id)
    const end = await within(converse(client, id, seen), seen, "the session did not end")
    await kill(runtime)
    const ended = { ...end, before: soFar(seen) }
    const wrong = problems(ended, ended)
    if (wrong.length > 0) throw new Error(`nothing happened to the session, and ${wrong.join("; ")}`)
    return ended
  }

  /** Runs sessions up to their points and kills the runtime there. */
  const runAndKill = async (points: ReadonlyArray<string>, state: string) => {
    const runtime = await run(state, true)
    const client = clientOf(runtime)
    const agent = await createAgent(client, outside.host)
    const caught = points.map(async (point) => {
      const { id } = await client.beta.sessions.create(agent)
      const seen = outside.of(id)
      const trap = seen.trap(point)
      const missed = `the session did not come to ${point}`
      // The client goes down with the runtime, when nobody waits for it any more.
      const end = converse(client, id, seen).then(() => Promise.reject(new Error(missed)))
      await within(Promise.race([trap.caught, end]), seen, missed)
      return { point, id, seen, gone: trap.gone }
    })
    const sessions = await Promise.all(caught).finally(() => kill(runtime))
    await Promise.all(sessions.map(({ gone }) => gone))
    return sessions.map((session) => ({ ...session, before: soFar(session.seen), sign: firstSign(session.seen) }))
  }

  const crash = async (
    points: ReadonlyArray<string>,
    undisturbed: Ended,
    deploy?: Deploy
  ): Promise<ReadonlyArray<Outcome>> => {
    const state = newState()
    const killed = await runAndKill(points, state)
    const runtime = await run(state, false, deploy)
    const client = clientOf(runtime)
    const outcomes = killed.map(async ({ point, id, seen, before, sign }): Promise<Outcome> => {
      const resumedAt = await within(sign, seen, `killed at ${point}, the session did not go on`)
      const end = await within(converse(client, id, seen), seen, `killed at ${point}, the session did not end`)
      return {
        point,
        events: before.logged,
        resumedAfter: resumedAt === null ? null : Math.max(0, resumedAt - runtime.readyAt),
        effects: shownEffects(end),
        system: seen.system,
        problems: [
          ...problems({ ...end, before }, undisturbed),
          ...(await servedFaults((path) => call(runtime, "GET", path), id))
        ]
      }
    })
    return Promise.all(outcomes)
      .finally(() => kill(runtime))
      .finally(() => rmSync(state, { recursive: true, force: true }))
  }

  try {
    const undisturbed = await runUndisturbed()
    return {
      points: [...undisturbed.seen.points],
      crash: (points, deploy) => crash(points, undisturbed, deploy),
      close
    }
  } catch (error) {
    await close()
    throw error
  }
}
