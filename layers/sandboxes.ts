import * as Layer from "effect/Layer"
import type { Backend } from "../src/domain/Environment.ts"
import type { EventId } from "../src/domain/Ids.ts"
import type { SessionRecord } from "../src/domain/Session.ts"
import * as SessionCredentials from "../src/SessionCredentials.ts"
import type { Bindings } from "./cloudflare/Bindings.ts"
import * as Isolate from "./sandbox/Isolate.ts"
import type { Machine } from "./sandbox/microvm/Protocol.ts"
import * as MicroVm from "./sandbox/MicroVm.ts"

/** What an environment may ask for. */
export const backends = (env: Bindings): ReadonlySet<Backend> =>
  new Set(env.MICROVMS === undefined ? ["isolate"] : ["isolate", "microvm"])

/** The sandbox that the session's environment asks for, and no other; `outbound` is its only way out. */
export const layer = (
  env: Bindings,
  { id, agent, environment, environment_id, vault_ids }: SessionRecord,
  outbound: (toolUse: EventId | null) => Fetcher
) => {
  const owner = {
    sessionId: id,
    environmentId: environment_id,
    agentId: agent.id,
    policyIds: agent.policy_ids ?? [],
    vaultIds: vault_ids
  }
  const sandbox =
    environment.backend === "isolate"
      ? Isolate.layer({ loader: env.LOADER, outbound, sessionId: id })
      : MicroVm.layer({ machine: env.MICROVMS?.getByName(id) as Machine | undefined, owner }) // An RPC stub of it.
  return Layer.provide(sandbox, SessionCredentials.layer(owner))
}
