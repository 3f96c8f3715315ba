import { domainOf } from "./address.ts"
import { headersOf, type ParsedMail } from "./ParsedMail.ts"

/**
 * What the server that took a mail in found out about its sender (RFC 8601). Whoever sends a mail can write such a header too, and texts of
 * their own into a true one: so only the topmost is read, only if it is of the trusted server, and by its grammar.
 */

interface Result {
  readonly method: string
  readonly result: string
  readonly properties: ReadonlyMap<string, string>
}

/** Without comments, in the parts that semicolons divide; a quoted string is one word. Undefined where it is not well formed. */
const parts = (header: string): ReadonlyArray<ReadonlyArray<string>> | undefined => {
  const all: Array<Array<string>> = [[]]
  let word = ""
  let depth = 0
  let isQuoted = false
  const end = () => {
    if (word !== "") all.at(-1)!.push(word)
    word = ""
  }
  for (let at = 0; at < header.length; at++) {
    const character = header.charAt(at)
    if (character === "\\" && (depth > 0 || isQuoted)) {
      at++
      if (isQuoted) word += header.charAt(at)
    } else if (isQuoted) {
      if (character === '"') isQuoted = false
      else word += character
    } else if (character === "(") depth++
    else if (character === ")") {
      if (depth-- === 0) return undefined
    } else if (depth > 0) continue
    else if (character === '"') isQuoted = true
    else if (character === ";") {
      end()
      all.push([])
    } else if (/\s/.test(character)) end()
    else word += character
  }
  if (depth > 0 || isQuoted) return undefined
  end()
  return all
}

const pair = (word: string): readonly [string, string] => {
  const at = word.indexOf("=")
  return at === -1 ? [word, ""] : [word.slice(0, at).toLowerCase(), word.slice(at + 1).toLowerCase()]
}

const resultOf = ([first = "", ...rest]: ReadonlyArray<string>): Result => {
  const [method, result] = pair(first)
  // The first of a name counts: what a sender may write comes last.
  return { method: method.split("/")[0]!, result, properties: new Map(rest.map(pair).toReversed()) }
}

/** One domain is, or is below, the other: no public suffix signs or sends mail. */
const isAligned = (domain: string, of: string) => domain !== "" && (of === domain || of.endsWith(`.${domain}`))

/** Why it is not proven that a mail comes from this address; null where it is. */
export const unproven = (mail: Pick<ParsedMail, "headers">, from: string, server: string): string | null => {
  const [header] = headersOf(mail, "authentication-results")
  if (header === undefined) return "the mail server did not say whether the sender is proven"
  const [[id = ""] = [], ...found] = parts(header.slice(0, 10_000)) ?? []
  if (id.toLowerCase() !== server) return `what is said about the sender is not said by ${server}`
  const results = found.filter((words) => words.length > 0).map(resultOf)
  const domain = domainOf(from)

  const dmarc = results.filter(({ method }) => method === "dmarc")
  const isOf = ({ properties }: Result) => properties.get("header.from") === domain
  if (dmarc.length > 0 && dmarc.every((result) => result.result === "pass" && isOf(result))) return null
  const failed = dmarc.find(({ result }) => result !== "none")
  if (failed !== undefined) {
    return failed.result === "pass" ? "DMARC passed for another domain" : `DMARC says ${failed.result || "nothing"}`
  }
  // A domain without a DMARC policy: what DMARC would have asked for.
  const isProven = results.some(({ method, result, properties }) => {
    if (result !== "pass") return false
    if (method === "dkim") return isAligned(properties.get("header.d") ?? "", domain)
    return method === "spf" && domainOf(properties.get("smtp.mailfrom") ?? "") === domain
  })
  return isProven ? null : `neither DKIM nor SPF passed for ${domain}`
}
