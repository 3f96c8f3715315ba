import { Effect, Layer, Redacted } from "effect"
import * as Recording from "../layers/egress/Recording.ts"
import * as Memory from "../layers/storage/Memory.ts"
import { decodeInjections } from "../src/egress/injection.ts"
import { contract, egressHeaders, networking, Recorded } from "./EgressPolicy.contract.ts"
import { policyStore } from "./EgressPolicy.layers.ts"
import { contractInNode } from "./support/inNode.ts"

const recording = Layer.unwrap(
  Effect.map(decodeInjections(Redacted.make(egressHeaders)), (injections) => Recording.layer(networking, injections))
)

contractInNode(
  "EgressPolicy in memory",
  contract,
  Layer.effect(Recorded, Recording.Decisions).pipe(Layer.provideMerge(recording))
)
contractInNode("EgressPolicy of a session", contract, policyStore(Memory.catalog))
