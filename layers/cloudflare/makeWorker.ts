import { type DurableObject, env } from "cloudflare:workers"
import * as Cloudflare from "../cloudflare.ts"
import type { GatewayClass } from "../egress/Gateway.ts"
import type { SessionRpc } from "../sessions/rpc.ts"
import type { Tool } from "../../src/tools/defineTool.ts"
import { AgentSession } from "./AgentSession.ts"
import type { WorkerEnv } from "./Bindings.ts"
import { defaults, type Layers } from "./Layers.ts"

/** What a Worker is made of, beside its bindings. */
export interface WorkerOptions {
  /** Offered to agents beside the built-in tools. */
  readonly tools?: ReadonlyArray<Tool>
  /** What takes the place of the layers that are there by default. */
  readonly layers?: Partial<Layers>
}

/** Handlers and classes, for a Worker's main module to export. */
export interface OwnloopWorker {
  /** Answers the wire API (`/v1/...`, `/openapi.json`, `/health`); 404 for any other path. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Takes a batch of the queue of tasks or, where the queue's name ends with `-dead`, of its dead letters. */
  readonly queue: (batch: MessageBatch) => Promise<void>
  /** Takes the two crons of Ownloop (`* * * * *` and `17 3 * * *`), and does nothing for any other. */
  readonly scheduled: (controller: ScheduledController) => Promise<void>
  /** The object of a session. Exported as `AgentSession`. */
  readonly AgentSession: new (ctx: DurableObjectState, env: WorkerEnv) => DurableObject<WorkerEnv> & SessionRpc
  /** The entrypoint that decides about everything sessions send. Exported as `Gateway`. */
  readonly Gateway: GatewayClass<WorkerEnv>
}

/**
 * Makes a Worker. Throws where two tools have one name. What else is wrong, such as a binding that is missing, is answered to every request
 * as a 503 that says what to do, and logged.
 */
export const makeWorker = (options: WorkerOptions = {}): OwnloopWorker => {
  const layers: Layers = { ...defaults(options.tools ?? []), ...options.layers }
  const worker = env as WorkerEnv // What is not bound is found when the first request comes.
  return {
    fetch: Cloudflare.api(worker, layers),
    queue: (batch) => Cloudflare.queue(batch, worker),
    scheduled: (controller) => Cloudflare.scheduled(controller, worker),
    AgentSession: class extends AgentSession {
      protected override readonly layers = layers
    },
    Gateway: Cloudflare.gateway(layers)
  }
}
