import { StartError } from "./brain.ts"

/** Ends the process with what a person must know; the stack only where the fault is ours. */
export const explain = (error: unknown): never => {
  console.error(error instanceof StartError || isWrongOption(error) ? error.message : error)
  process.exit(1)
}

const isWrongOption = (error: unknown): error is Error =>
  error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
