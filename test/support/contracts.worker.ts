import { DurableObject } from "cloudflare:workers"
import { Cause, Effect, Exit, type Layer } from "effect"
import type { Contract } from "./contract.ts"

interface Env {
  readonly SESSIONS: DurableObjectNamespace<AgentSession>
}

/** A contract with the layer that it is run against, from inside a Durable Object. */
interface Suite {
  readonly run: (test: string, ctx: DurableObjectState, env: Env) => Effect.Effect<void, unknown>
}

const suite = <R>(
  contract: Contract<R>,
  layer: (ctx: DurableObjectState, env: Env) => Layer.Layer<R, unknown>
): Suite => ({
  run: (test, ctx, env) => {
    const program = contract[test]
    return program === undefined ? Effect.die(`no test named ${test}`) : Effect.provide(program, layer(ctx, env))
  }
})

/** Keys name the layer. `contracts.worker.test.ts` names the same ones with their contracts. */
const suites: Record<string, Suite> = {}

/** Stands in for the product's session object: same class name, so that the configuration needs no second truth. */
export class AgentSession extends DurableObject<Env> {
  /** Answers what went wrong, or null. */
  async run(name: string, test: string): Promise<string | null> {
    const exit = await Effect.runPromiseExit(suites[name]!.run(test, this.ctx, this.env))
    return Exit.isSuccess(exit) ? null : Cause.pretty(exit.cause)
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [name, test] = (await request.json()) as [string, string]
    return Response.json(await env.SESSIONS.getByName(`${name}/${test}`).run(name, test))
  }
}

// `suite` is used by the entries of `suites`.
void suite
