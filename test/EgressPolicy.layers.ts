import { ConfigProvider, Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import * as PolicyStore from "../layers/egress/PolicyStore.ts"
import { Catalog } from "../src/Catalog.ts"
import { EgressSession } from "../src/EgressPolicy.ts"
import { egressHeaders, networking, Recorded } from "./EgressPolicy.contract.ts"
import { agent, environment, session } from "./support/records.ts"

/** The live policy of a session over some catalog, which is given the environment that the contract speaks of. */
export const policyStore = <E, R>(catalog: Layer.Layer<Catalog, E, R>) => {
  const { id: environmentId } = environment("1")
  const { id: sessionId } = session("1")
  const seed = Layer.effectDiscard(
    Effect.flatMap(Catalog, (catalog) =>
      catalog.putEnvironment(environment("1", { config: { type: "cloud", backend: "isolate", networking } }))
    )
  )
  const recorded = Layer.effect(
    Recorded,
    Effect.map(Catalog, (catalog) =>
      Effect.map(catalog.decisions({ limit: 100, sessionId }), (decisions) => decisions.toReversed())
    )
  )
  return Layer.mergeAll(
    PolicyStore.layer({ sessionId, environmentId, agentId: agent("1").id, policyIds: [], toolUseId: null }),
    recorded,
    seed
  ).pipe(
    Layer.provide([
      catalog,
      EgressSession.layerNone,
      SecureRandom.layerWebCrypto,
      ConfigProvider.layer(ConfigProvider.fromUnknown({ EGRESS_HEADERS: egressHeaders }))
    ])
  )
}
