import { exports } from "cloudflare:workers"
import * as Machine from "../sandbox/microvm/Machine.ts"
import { Sandbox } from "./sandbox.mjs"

export { ContainerProxy } from "./sandbox.mjs"

/** The container of one session, named by the session's id. The gateway decides about everything that leaves it. */
export const MicroVm = Machine.make(Sandbox<Env>, (props) => exports.Gateway({ props }))
export type MicroVm = InstanceType<typeof MicroVm>
