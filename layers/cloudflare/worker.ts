import { customTools } from "../../src/tools/custom-tools.ts"
import { makeWorker } from "./makeWorker.ts"

export { ContainerProxy, MicroVm } from "./MicroVm.ts"

const ownloop = makeWorker({ tools: customTools })

export class AgentSession extends ownloop.AgentSession {}
export class Gateway extends ownloop.Gateway {}

export default {
  fetch: ownloop.fetch,
  queue: ownloop.queue,
  scheduled: ownloop.scheduled
} satisfies ExportedHandler<Env>
