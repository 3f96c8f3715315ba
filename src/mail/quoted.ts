/** A mail's text in its parts. */
export interface Parts {
  /** What its sender wrote. */
  readonly text: string
  /** What it quotes at its end; empty where it quotes nothing there. */
  readonly quoted: string
  readonly signature: string
}

/** Characters of a line that are looked at. */
const maxLine = 400

/** Lines that say who wrote what is quoted below, in the languages of common mail programs. */
const wrote =
  /\b(wrote|schrieb|escribió|escreveu|scritto|schreef|skrev|kirjoitti|napisał(\(a\))?|пишет|написал)\b|a écrit|写道|のメッセージ|작성/i

const separator =
  /^-{2,12} ?(original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|message transféré|mensaje original|messaggio originale|oprindelig besked|oorspronkelijk bericht) ?-{2,12}$/i

const head = /^\*?(from|von|de|da|van|från|fra|od|lähettäjä|от)\s?:/i
const heads =
  /^\*?(sent|date|gesendet|datum|envoyé|enviado|inviato|verzonden|skickat|sendt|to|an|à|para|a|aan|till|til|cc|subject|betreff|objet|asunto|oggetto|onderwerp|ämne|emne)\s?:/i

const device =
  /^(sent from my |sent with |get outlook for |von meinem .{1,40} gesendet|gesendet von |envoyé de mon |enviado desde mi |inviato da )/i

/** Lines of a signature at most. */
const longestSignature = 12

const isBlank = (line: string | undefined) => line === undefined || line.trim() === ""
const isQuote = (line: string) => line.startsWith(">")

const next = (lines: ReadonlyArray<string>, from: number) => {
  let at = from
  while (at < lines.length && isBlank(lines[at])) at++
  return at
}

/** What a line and perhaps the two after it say up to a colon, where that is who wrote what follows; and where that begins. */
const attribution = (lines: ReadonlyArray<string>, start: number) => {
  for (let end = start; end < Math.min(start + 3, lines.length) && !isBlank(lines[end]); end++) {
    if (!lines[end]!.trimEnd().endsWith(":")) continue
    const said = lines.slice(start, end + 1).join(" ")
    return wrote.test(said) && /[\d@]/.test(said) ? { said, end: end + 1 } : undefined
  }
  return undefined
}

const isHeadBlock = (lines: ReadonlyArray<string>, at: number) =>
  head.test(lines[at]!) && lines.slice(at + 1, at + 6).filter((line) => heads.test(line)).length >= 2

/** An answer that is written between quotes is left whole. */
const quoteStart = (lines: ReadonlyArray<string>): number => {
  const last = lines.findLastIndex((line) => !isBlank(line) && !isQuote(line))
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (isBlank(line) || isQuote(line)) continue
    if (separator.test(line.trim())) return at
    if (isHeadBlock(lines, at)) return /^_{10,}$/.test(lines[at - 1]?.trim() ?? "") ? at - 1 : at
    const found = attribution(lines, at)
    if (found === undefined) continue
    const below = lines[next(lines, found.end)]
    // Without marks of a quote it may be a sentence like any other.
    if (below !== undefined && (isQuote(below) ? found.end > last : /<[^<>\s]+@[^<>\s]+>/.test(found.said))) return at
  }
  return lines.slice(last + 1).some(isQuote) ? last + 1 : lines.length
}

const signatureStart = (lines: ReadonlyArray<string>): number => {
  const last = lines.findLastIndex((line) => !isBlank(line))
  const marker = lines.findLastIndex((line) => /^--\s?$/.test(line))
  if (marker !== -1 && last - marker <= longestSignature) return marker
  return last !== -1 && device.test(lines[last]!) ? last : lines.length
}

const joined = (lines: ReadonlyArray<string>) => lines.join("\n").trim()

/** Takes linear time. What is not plainly a quote or a signature is text. */
export const split = (mail: string): Parts => {
  const whole = mail.replace(/\r\n?/g, "\n").split("\n")
  const start = quoteStart(whole.map((line) => line.slice(0, maxLine)))
  const own = whole.slice(0, start)
  const end = signatureStart(own)
  const text = joined(own.slice(0, end))
  return { text, signature: joined(own.slice(end)), quoted: joined(whole.slice(start)) }
}
