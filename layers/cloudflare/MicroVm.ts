import { exports } from "cloudflare:workers"
import type { SessionId } from "../../src/domain/Ids.ts"
import * as Machine from "../sandbox/microvm/Machine.ts"
import type { Machine as Stub } from "../sandbox/microvm/Protocol.ts"
import type { SessionRpc } from "../sessions/rpc.ts"
import { Sandbox } from "./sandbox.mjs"

export { ContainerProxy } from "./sandbox.mjs"

/** Its generated type would be that of `MicroVm` itself. */
const machine = (session: SessionId) => exports.MicroVm.getByName(session) as unknown as Stub

/** The container of one session, named by the session's id. The gateway decides about everything that leaves it. */
export const MicroVm = Machine.make(Sandbox<Env>, {
  machine,
  gateway: async (owner) =>
    exports.Gateway({ props: { ...owner, toolUseId: await machine(owner.sessionId).toolUse() } }),
  stopping: async (session, reason) => {
    // The generated type of a stub is too deep for the compiler: the interface says the same.
    const reply = await (exports.AgentSession.getByName(session) as unknown as SessionRpc).machineStopping(reason)
    // Of a session that is gone there is nothing to save.
    return reply.ok ? reply.value : reply.error._tag === "SessionNotFound"
  }
})
export type MicroVm = InstanceType<typeof MicroVm>
