import { StartError } from "./brain.ts"

/** Ends the process with what a person must know; the stack only where the fault is ours. */
export const explain = (error: unknown): never => {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(1)
}
