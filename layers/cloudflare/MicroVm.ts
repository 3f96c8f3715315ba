import { exports } from "cloudflare:workers"
import * as Machine from "../sandbox/microvm/Machine.ts"
import type { Machine as Stub } from "../sandbox/microvm/Protocol.ts"
import { Sandbox } from "./sandbox.mjs"

export { ContainerProxy } from "./sandbox.mjs"

/** The container of one session, named by the session's id. The gateway decides about everything that leaves it. */
export const MicroVm = Machine.make(Sandbox<Env>, async (owner) => {
  const machine = exports.MicroVm.getByName(owner.sessionId) as unknown as Stub // Its generated type would be that of this constant.
  return exports.Gateway({ props: { ...owner, toolUseId: await machine.toolUse() } })
})
export type MicroVm = InstanceType<typeof MicroVm>
