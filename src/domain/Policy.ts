import * as Schema from "effect/Schema"
import { Metadata, Name, Timestamp } from "./Common.ts"
import { PolicyId } from "./Ids.ts"

/** What a rule does with a request that it matches. `ask` blocks it until a person has allowed it. */
export const PolicyEffect = Schema.Literals(["allow", "deny", "ask"])
export type PolicyEffect = typeof PolicyEffect.Type

/**
 * Where a request goes instead of to its host. `proxy`: the module `code`, whose default export is `(request) => Request | Response | null`,
 * or a promise of it: a request to the same origin goes on in place of the first, a response is the answer, null drops the request. It runs
 * without network, bindings and credentials. `binding`: a service or Workers VPC binding of this Worker.
 */
export const Via = Schema.Union([
  Schema.Struct({ type: Schema.Literal("proxy"), code: Schema.NonEmptyString.check(Schema.isMaxLength(100_000)) }),
  Schema.Struct({ type: Schema.Literal("binding"), binding: Schema.NonEmptyString })
]).annotate({ message: "expected the type proxy, with its code, or the type binding, with its name" })
export type Via = typeof Via.Type

/**
 * One rule. `host` is `example.com`, `*.example.com` (not `example.com` itself) or `*`; only the first names an address that is not on the
 * public internet. What is absent matches everything, but for `port`: the port of the request's own scheme.
 */
export const PolicyRule = Schema.Struct({
  effect: PolicyEffect,
  host: Schema.NonEmptyString,
  scheme: Schema.optionalKey(Schema.Literals(["http", "https"])),
  port: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("any")])),
  methods: Schema.optionalKey(Schema.Array(Schema.NonEmptyString)),
  /** `/one/path`, or `/all/below/*`. */
  path: Schema.optionalKey(Schema.String),
  via: Schema.optionalKey(Via)
})
export type PolicyRule = typeof PolicyRule.Type

const limit = Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0)))

/** Of one request; of several policies the smallest counts, and where none says anything `defaultLimits`. */
export const PolicyLimits = Schema.Struct({
  request_body_bytes: limit,
  response_body_bytes: limit,
  /** Of the request (with its URL), and of the answer. */
  header_bytes: limit,
  /** Milliseconds until the answer begins, and until it is over. */
  first_byte_ms: limit,
  total_ms: limit
})
export type PolicyLimits = typeof PolicyLimits.Type

export const defaultLimits: Required<PolicyLimits> = {
  request_body_bytes: 100 * 1024 * 1024,
  response_body_bytes: 1024 * 1024 * 1024,
  header_bytes: 64 * 1024,
  first_byte_ms: 120_000,
  total_ms: 15 * 60_000
}

/** Something that its author should know of a policy, which is valid all the same. `rules` are places in its list. */
export const PolicyWarning = Schema.Struct({
  type: Schema.Literals(["unreachable", "overlap"]),
  rules: Schema.Array(Schema.Int),
  message: Schema.String
})
export type PolicyWarning = typeof PolicyWarning.Type

/** One version of a policy. A version never changes; saving another content makes the next one. */
export const Policy = Schema.Struct({
  type: Schema.Literal("policy"),
  id: PolicyId,
  /** SHA-256 over the rules and limits: what it lets through, whatever it is called. */
  version: Schema.String,
  /** Counts the saves, from 1. */
  revision: Schema.Int,
  name: Name,
  description: Schema.NullOr(Schema.String),
  /** Who saved this version. */
  author: Name,
  rules: Schema.Array(PolicyRule),
  limits: PolicyLimits,
  warnings: Schema.Array(PolicyWarning),
  metadata: Metadata,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Policy = typeof Policy.Type
