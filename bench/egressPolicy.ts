import { PolicyId } from "../src/domain/Ids.ts"
import type { Policy } from "../src/domain/Policy.ts"

/** 100 rules, half of them for one host, of which the last one allows `/data/99/x` there. */
export const policyOf = (port: number): Policy => ({
  type: "policy",
  id: PolicyId.make(`pol_${port}`),
  version: "bench",
  revision: 1,
  name: "bench",
  description: null,
  author: "bench",
  rules: Array.from({ length: 100 }, (_, index) =>
    index % 2 === 0
      ? { effect: "allow", host: `host-${index}.example.com`, methods: ["GET"], path: `/data/${index}/*` }
      : { effect: "allow", host: "127.0.0.1", port, methods: ["GET", "POST"], path: `/data/${index}/*` }
  ),
  limits: {},
  warnings: [],
  metadata: {},
  created_at: "2026-11-22T16:42:00.000Z",
  updated_at: "2026-11-22T16:42:00.000Z",
  archived_at: null
})
