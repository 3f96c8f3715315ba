/** Whether a text holds the distinctive end of a secret, as it is, in hex, or anywhere inside something in base64. */
export const holds = (text: string, secret: string) => {
  const end = secret.slice(-16)
  const isHeld = (text: string) => text.includes(end) || text.includes(encodeURIComponent(end))
  const encoded = text.match(/[\w+/-]{16,}/g) ?? []
  const decoded = encoded.flatMap((run) =>
    [0, 1, 2, 3].map((at) => Buffer.from(run.slice(at), "base64").toString("latin1"))
  )
  return isHeld(text) || text.toLowerCase().includes(Buffer.from(end).toString("hex")) || decoded.some(isHeld)
}
