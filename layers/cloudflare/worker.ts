import { env } from "cloudflare:workers"
import * as Cloudflare from "../cloudflare.ts"

export { AgentSession } from "./AgentSession.ts"

export { ContainerProxy, MicroVm } from "./MicroVm.ts"

export { Gateway } from "../cloudflare.ts"

const api = Cloudflare.api(env)

export default {
  fetch: api,
  /** Once a day: the egress audit is kept for 30 days. */
  scheduled: (event) => Cloudflare.expire(env, event.scheduledTime)
} satisfies ExportedHandler<Env>
