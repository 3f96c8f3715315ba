import { Layer } from "effect"
import * as Sandbox from "../../layers/sandbox/Memory.ts"
import * as Storage from "../../layers/storage/Memory.ts"

/** A real shell over files in memory. */
export const sandbox = Sandbox.layer().pipe(Layer.provide(Storage.workspace))
