import type { ExecResult } from "../../../src/SandboxBackend.ts"
import type { Ended } from "./Protocol.ts"

/** A result of which each output keeps `limit` bytes. */
export const resultOf = (limit: number, { stdout, stderr, exitCode, timedOut }: Ended): ExecResult => {
  const out = cut(stdout, limit)
  const err = cut(stderr, limit)
  return { stdout: decode(out), stderr: decode(err), exitCode, timedOut, truncated: out !== stdout || err !== stderr }
}

/** Without half a character at its end. */
const cut = (bytes: Uint8Array, limit: number): Uint8Array => {
  if (bytes.length <= limit) return bytes
  let end = limit
  while (end > 0 && (bytes[end]! & 0b1100_0000) === 0b1000_0000) end--
  return bytes.subarray(0, end)
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
