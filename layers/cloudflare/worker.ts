import { env } from "cloudflare:workers"
import * as Cloudflare from "../cloudflare.ts"

export { AgentSession } from "./AgentSession.ts"

export { ContainerProxy, MicroVm } from "./MicroVm.ts"

export { Gateway } from "../cloudflare.ts"

const api = Cloudflare.api(env)

export default {
  fetch: api,
  email: Cloudflare.email,
  queue: Cloudflare.queue,
  scheduled: Cloudflare.scheduled
} satisfies ExportedHandler<Env>
