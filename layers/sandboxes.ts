import * as Layer from "effect/Layer"
import type { Backend } from "../src/domain/Environment.ts"
import type { EventId } from "../src/domain/Ids.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import * as SessionCredentials from "../src/SessionCredentials.ts"
import * as Isolate from "./sandbox/Isolate.ts"
import * as NoSnapshots from "./sandbox/NoSnapshots.ts"
import type { Machine } from "./sandbox/microvm/Protocol.ts"
import * as MicroVm from "./sandbox/MicroVm.ts"
import * as MicroVmSnapshots from "./sandbox/MicroVmSnapshots.ts"

/** Absent where the deployment has no containers. */
const machines = (env: Env): Env["MICROVMS"] | undefined => env.MICROVMS

/** What an environment may ask for. */
export const backends = (env: Env): ReadonlySet<Backend> =>
  new Set(machines(env) === undefined ? ["isolate"] : ["isolate", "microvm"])

/** The sandbox that the session's environment asks for, and no other; `outbound` is its only way out. What is in a machine is saved. */
export const layer = (
  env: Env,
  { id, agent, environment, environment_id, vault_ids }: SessionRecord,
  outbound: (toolUse: EventId | null, isClosed?: boolean) => Fetcher
) => {
  const owner = {
    sessionId: id,
    environmentId: environment_id,
    agentId: agent.id,
    policyIds: agent.policy_ids ?? [],
    vaultIds: vault_ids
  }
  if (environment.backend === "isolate") {
    const isolate = Isolate.layer({ loader: env.LOADER, outbound, sessionId: id })
    return Layer.merge(Layer.provide(isolate, SessionCredentials.layerVariables(owner)), NoSnapshots.layer)
  }
  const namespace = machines(env)
  const machine = namespace && (() => namespace.getByName(id) as Machine) // An RPC stub of it.
  return Layer.merge(
    Layer.provide(MicroVm.layer({ machine, owner }), SessionCredentials.layerVariables(owner)),
    machine ? MicroVmSnapshots.layer(machine, environment.snapshots?.include_ignored ?? true) : NoSnapshots.layer
  )
}
