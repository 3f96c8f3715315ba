/** What a Worker is made with. */
export type { Bindings, WorkerEnv } from "./Bindings.ts"
export type { Layers, SessionScope } from "./Layers.ts"
export { makeWorker, type OwnloopWorker, type WorkerOptions } from "./makeWorker.ts"
export { ContainerProxy, MicroVm } from "./MicroVm.ts"
