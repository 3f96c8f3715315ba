import { Layer } from "effect"
import * as Sandbox from "../layers/sandbox/Memory.ts"
import * as Storage from "../layers/storage/Memory.ts"
import { contract, isolated } from "./SandboxBackend.contract.ts"
import { network } from "./SandboxBackend.support.ts"
import { almostFull, full, restarts } from "./SandboxBackend.workspace.ts"
import { contractInNode } from "./support/inNode.ts"

const memory = Sandbox.layer({ fetch: network })

contractInNode("Memory", { ...contract, ...isolated }, memory.pipe(Layer.provide(Storage.workspace)))
contractInNode("Memory, one after the other", restarts(memory), Storage.workspace)
contractInNode("Memory, full", full, memory.pipe(Layer.provide(almostFull)))
