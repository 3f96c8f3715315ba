/** The start of a text that fits into `limit` bytes of UTF-8, without half a character at its end. */
export const cut = (text: string, limit: number): { readonly text: string; readonly truncated: boolean } => {
  const bytes = new Uint8Array(limit)
  const { read, written } = new TextEncoder().encodeInto(text, bytes)
  return read === text.length
    ? { text, truncated: false }
    : { text: new TextDecoder().decode(bytes.subarray(0, written)), truncated: true }
}
