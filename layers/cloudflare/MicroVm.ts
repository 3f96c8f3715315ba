import { exports as own } from "cloudflare:workers"
import * as Machine from "../sandbox/microvm/Machine.ts"
import type { Machine as Stub, Owner } from "../sandbox/microvm/Protocol.ts"
import type { Bindings } from "./Bindings.ts"
import { Sandbox } from "./sandbox.mjs"

export { ContainerProxy } from "./sandbox.mjs"

/** What a main module with machines exports, less what is not used here. */
const exports = own as unknown as {
  readonly MicroVm: { getByName(name: string): Stub }
  Gateway(options: { readonly props: object }): Fetcher
}

/** The container of one session, named by the session's id. The gateway decides about everything that leaves it. */
export const MicroVm: Machine.MachineClass<Bindings> = Machine.make(Sandbox<Bindings>, async (owner: Owner) => {
  const machine = exports.MicroVm.getByName(owner.sessionId)
  return exports.Gateway({ props: { ...owner, toolUseId: await machine.toolUse() } })
})
export type MicroVm = InstanceType<typeof MicroVm>
