import * as Schema from "effect/Schema"
import { parsePattern } from "../egress/pattern.ts"
import { isForwardable } from "../egress/headers.ts"
import { minSecretLength } from "../egress/scrub.ts"
import { nullable } from "./Fields.ts"

/** The fields that the types of credentials share. */

const printable = /^[\t\x20-\x7e]*$/

/** A value that is never answered, logged or shown. Shorter ones could not be told from other text where a response repeats them. */
export const Secret = Schema.RedactedFromValue(
  Schema.String.check(
    Schema.isMinLength(minSecretLength),
    Schema.isMaxLength(16_384),
    Schema.makeFilter((value) => value.trim() === value || "begins or ends with white space")
  )
)

/** One that goes out in a header. */
export const HeaderSecret = Schema.RedactedFromValue(
  Schema.String.check(
    Schema.isMinLength(minSecretLength),
    Schema.isMaxLength(16_384),
    Schema.makeFilter((value) => (value.trim() === value && printable.test(value)) || "holds what no header may hold")
  )
)

export const isHeaderValue = (value: string): boolean => printable.test(value)

/** `https`, since credentials go out over nothing else. */
export const HttpsUrl = Schema.String.check(
  Schema.isMaxLength(2_048),
  Schema.makeFilter((text) => {
    const url = URL.parse(text)
    if (url === null || url.protocol !== "https:") return "expected an https URL"
    return url.username === "" && url.password === "" ? true : "holds a user name or password"
  })
)

const Host = Schema.String.check(
  Schema.makeFilter((entry) => {
    const key = parsePattern(entry)?.key
    if (key === "*") return "names every host: list those that the credential is for"
    return key === undefined ? "is not a host: write example.com, *.example.com or example.com:8443" : true
  })
)

export const Limited = Schema.Struct({
  type: Schema.Literal("limited"),
  allowed_hosts: Schema.Array(Host).check(Schema.isMinLength(1), Schema.isMaxLength(16))
})

export const Networking = Schema.Union([Schema.Struct({ type: Schema.Literal("unrestricted") }), Limited]).annotate({
  message: "expected the type unrestricted, or limited with allowed_hosts"
})

const Path = Schema.String.check(
  Schema.isMaxLength(1_024),
  Schema.makeFilter((path) =>
    /^\/[^*?#\\\s]*\*?$/.test(path) && (!path.endsWith("*") || path.endsWith("/*"))
      ? true
      : "is not a path: write /v1/items, or /v1/items/* for all below it"
  )
)

const Method = Schema.String.check(Schema.isPattern(/^[A-Z]{1,20}$/))

const list = <S extends Schema.Constraint>(item: S) =>
  nullable(Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(32)))

/** Null lifts the limit. */
export const scope = { methods: list(Method), paths: list(Path) }

export const VariableName = Schema.String.check(
  Schema.isMaxLength(255),
  Schema.makeFilter((name) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return "is not the name of a variable"
    if (name === "ANTHROPIC_API_KEY") return "is refused: Ownloop runs on open models"
    return ["HOME", "USER", "PATH", "PWD", "OLDPWD", "IFS"].includes(name) ? "is a variable of the shell itself" : true
  })
)

export const HeaderName = Schema.String.check(
  Schema.isMaxLength(255),
  Schema.makeFilter((name) =>
    /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) && isForwardable(name.toLowerCase())
      ? true
      : "is not a header that can be attached"
  )
)
