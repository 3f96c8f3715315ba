import { Result } from "effect"
import { Base64 } from "effect/encoding"
import { holdsAnthropicKey } from "../domain/AnthropicKey.ts"

/** Whether what would leave carries an Anthropic key: plain, percent-encoded as in a URL, or inside a `Basic` credential. */
export const carriesAnthropicKey = (text: string): boolean =>
  holdsAnthropicKey(text) || holdsAnthropicKey(unescaped(text)) || holdsAnthropicKey(basic(text))

// Not `decodeURIComponent`, which throws on what is not UTF-8.
const unescaped = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

const basic = (text: string) => {
  const encoded = /^\s*basic\s+(\S+)/i.exec(text)?.[1]
  return encoded === undefined ? "" : Result.getOrElse(Base64.decodeString(encoded), () => "")
}
