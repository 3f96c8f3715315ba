import { StartError } from "../brain.ts"
import { open } from "./engine.ts"
import { serve } from "./server.ts"

/** What the process says to the one that started it, once. */
export type Report =
  | { readonly type: "ready"; readonly url: string; readonly name: string; readonly contextSize: number }
  | { readonly type: "failed"; readonly message: string }

// The side process: one model file, until whoever started it is gone, however that came about.
const report = (message: Report) => new Promise((resolve) => process.send?.(message, resolve))

process.once("disconnect", () => process.exit(0))
// Ctrl-C reaches the whole group: it is the local start that ends this process.
process.on("SIGINT", () => {})

try {
  const engine = await open(process.argv[2]!)
  const { url } = await serve(engine)
  await report({ type: "ready", url, name: engine.name, contextSize: engine.contextSize })
} catch (error) {
  await report({ type: "failed", message: error instanceof StartError ? error.message : String(error) })
  process.exit(1)
}
