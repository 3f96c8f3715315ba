import { assert } from "@effect/vitest"
import type { Mail, RefusalReason } from "../../src/domain/Mail.ts"
import { ownHeader } from "../../src/mail/automatic.ts"
import { domain, proven, type Written } from "../support/mail.ts"

/**
 * Mail of the kinds that come: as mail programs write it, as it breaks on its way, and as those write it who mean harm. Each with what is to
 * become of it.
 */
export interface Case extends Omit<Written, "to"> {
  readonly name: string
  readonly to?: string
  readonly envelopeFrom?: string
  /** The local stand-in of the platform does not hand it over: it reads mail itself, and less well. */
  readonly isKeptBack?: true
  /** In place of everything else. */
  readonly raw?: (to: string) => string | Uint8Array
  readonly refused?: RefusalReason
  readonly text?: string | RegExp
  readonly quoted?: RegExp
  readonly signature?: RegExp
  readonly shownSubject?: string
  /** Names of files and, where given, what is in them. */
  readonly files?: ReadonlyArray<readonly [name: string, content?: string]>
}

const b64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64")
const plain = { "Content-Type": "text/plain; charset=utf-8" }

const part = (headers: string, body: string) => `${headers}\n\n${body}`
const multipart = (type: string, parts: ReadonlyArray<string>, boundary = "bb") => ({
  headers: { "Content-Type": `multipart/${type}; boundary="${boundary}"` },
  body: `${parts.map((part) => `--${boundary}\n${part}\n`).join("")}--${boundary}--`
})
const text = (body: string) => part("Content-Type: text/plain; charset=utf-8", body)
const file = (name: string, content: string, type = "application/octet-stream") =>
  part(
    `Content-Type: ${type}\nContent-Disposition: attachment; filename="${name}"\nContent-Transfer-Encoding: base64`,
    b64(content)
  )
const encoded = (charset: string, bytes: ReadonlyArray<number>, encoding = "base64") => ({
  headers: { "Content-Type": `text/plain; charset=${charset}`, "Content-Transfer-Encoding": encoding },
  body: b64(Uint8Array.from(bytes))
})
const nested = (depth: number): string =>
  depth === 0
    ? text("at the bottom")
    : `Content-Type: multipart/mixed; boundary="n${depth}"\n\n--n${depth}\n${nested(depth - 1)}\n--n${depth}--`

const asWritten: ReadonlyArray<Case> = [
  { name: "plain text", body: "Hello there", text: "Hello there" },
  { name: "UTF-8 as it is", headers: plain, body: "Grüße, 東京 🚀", text: "Grüße, 東京 🚀" },
  {
    name: "quoted-printable",
    headers: { ...plain, "Content-Transfer-Encoding": "quoted-printable" },
    body: "caf=C3=A9 is =\nopen =3D yes",
    text: "café is open = yes"
  },
  { name: "base64", headers: { ...plain, "Content-Transfer-Encoding": "base64" }, body: b64("ünï"), text: "ünï" },
  { name: "ISO-8859-1", ...encoded("iso-8859-1", [0xe4, 0xf6, 0xfc]), text: "äöü" },
  { name: "windows-1252", ...encoded("windows-1252", [0x80, 0x20, 0x93, 0x94]), text: "€ “”" },
  { name: "Shift_JIS", ...encoded("shift_jis", [0x93, 0x8c, 0x8b, 0x9e]), text: "東京" },
  { name: "GB18030", ...encoded("gb18030", [0xc4, 0xe3, 0xba, 0xc3]), text: "你好" },
  { name: "KOI8-R", ...encoded("koi8-r", [0xd0, 0xd2, 0xc9]), text: "при" },
  { name: "EUC-KR", ...encoded("euc-kr", [0xb0, 0xa1]), text: "가" },
  {
    name: "format=flowed",
    headers: { "Content-Type": "text/plain; format=flowed; delsp=no" },
    body: "one \ntwo\nthree",
    text: "one two\nthree"
  },
  {
    name: "subject in encoded words",
    subject: "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?B?8J+agA==?=",
    shownSubject: "Grüße🚀"
  },
  { name: "subject in two charsets", subject: "=?iso-8859-1?Q?=E4?= and =?utf-8?Q?=C3=B6?=", shownSubject: "ä and ö" },
  { name: "folded subject", subject: "a long\r\n one", shownSubject: "a long one" },
  { name: "no subject", headers: { Subject: null }, shownSubject: "" },
  { name: "sender's name with a comma", headers: { From: '"Lovelace, Ada" <ada@example.com>' }, text: "Hello" },
  {
    name: "sender's name in an encoded word",
    headers: { From: "=?utf-8?B?w4RkYQ==?= <ada@example.com>" },
    text: "Hello"
  },
  { name: "sender without a name", headers: { From: "ADA@Example.com" }, text: "Hello" },
  {
    name: "HTML alone",
    headers: { "Content-Type": "text/html" },
    body: "<p>Hi <b>you</b></p><p>Bye</p>",
    text: "Hi you\n\nBye"
  },
  {
    name: "HTML with a script and a comment",
    headers: { "Content-Type": "text/html" },
    body: "<style>p{}</style><script>alert(1)</script><!-- no --><div>seen</div>",
    text: "seen"
  },
  {
    name: "text and HTML",
    ...multipart("alternative", [text("the text"), part("Content-Type: text/html", "<p>the html</p>")]),
    text: "the text"
  },
  {
    name: "one file",
    ...multipart("mixed", [text("see it"), file("a.txt", "content")]),
    text: "see it",
    files: [["a.txt", "content"]]
  },
  { name: "a file and no text", ...multipart("mixed", [file("only.bin", "x")]), text: "", files: [["only.bin", "x"]] },
  {
    name: "a file's name as RFC 2231 writes it",
    ...multipart("mixed", [
      text("t"),
      part("Content-Type: text/plain\nContent-Disposition: attachment; filename*=utf-8''%E2%82%AC%20rates.txt", "1")
    ]),
    files: [["€ rates.txt"]]
  },
  {
    name: "a file's name in pieces",
    ...multipart("mixed", [
      text("t"),
      part('Content-Type: text/plain\nContent-Disposition: attachment; filename*0="long"; filename*1="name.txt"', "1")
    ]),
    files: [["longname.txt"]]
  },
  {
    name: "a file's name in an encoded word",
    ...multipart("mixed", [text("t"), file("=?utf-8?Q?r=C3=A9sum=C3=A9.pdf?=", "1")]),
    files: [["résumé.pdf"]]
  },
  {
    name: "two files of one name",
    ...multipart("mixed", [text("t"), file("a", "1"), file("a", "2")]),
    files: [
      ["a", "1"],
      ["2-a", "2"]
    ]
  },
  {
    name: "an image within HTML",
    ...multipart("related", [
      part("Content-Type: text/html", '<p>look</p><img src="cid:i@x">'),
      part(
        "Content-Type: image/png\nContent-ID: <i@x>\nContent-Disposition: inline; filename=i.png\nContent-Transfer-Encoding: base64",
        b64("png")
      )
    ]),
    text: "look",
    files: [["i.png", "png"]]
  },
  {
    name: "parts in parts",
    headers: { "Content-Type": 'multipart/mixed; boundary="n3"' },
    body: nested(3).split("\n\n").slice(1).join("\n\n"),
    text: "at the bottom"
  },
  {
    name: "a mail within a mail",
    ...multipart("mixed", [
      text("forwarded to you"),
      part(
        "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=old.eml",
        "From: x@y.z\nSubject: old\n\nold text"
      )
    ]),
    text: "forwarded to you",
    files: [["old.eml"]]
  },
  {
    name: "a meeting",
    ...multipart("alternative", [
      text("come"),
      part("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nEND:VCALENDAR")
    ]),
    text: "come",
    files: [["attachment-1"]]
  },
  { name: "a signature", body: "Do it\n\n-- \nAda\nHead of engines", text: "Do it", signature: /Head of engines/ },
  { name: "a telephone's signature", body: "Do it\n\nSent from my iPhone", text: "Do it", signature: /iPhone/ },
  {
    name: "an answer above what Gmail quotes",
    body: "Yes please\n\nOn Tue, Nov 24, 2026 at 12:00 Bot <bot@agents.example.com> wrote:\n\n> Shall I?\n> Say so.",
    text: "Yes please",
    quoted: /Shall I/
  },
  {
    name: "an answer above what Gmail quotes on two lines",
    body: "Yes\n\nOn Tue, Nov 24, 2026 at 12:00 Somebody with a long name\n<bot@agents.example.com> wrote:\n\n> Shall I?",
    text: "Yes",
    quoted: /Shall I/
  },
  {
    name: "an answer above what Outlook quotes",
    body: "Ja\n\n________________________________\nVon: Bot <bot@agents.example.com>\nGesendet: Dienstag, 24. November 2026\nAn: Ada\nBetreff: Frage\n\nSoll ich?",
    text: "Ja",
    quoted: /Soll ich/
  },
  {
    name: "an answer above an original message",
    body: "Oui\n\n-----Original Message-----\nFrom: Bot\n\nDois-je?",
    text: "Oui",
    quoted: /Dois-je/
  },
  {
    name: "an answer in French",
    body: "Oui\n\nLe 24 nov. 2026 à 12:00, Bot <b@x.y> a écrit :\n> Dois-je?",
    text: "Oui",
    quoted: /Dois-je/
  },
  { name: "bare quotes below", body: "My words\n\n> yours", text: "My words", quoted: /yours/ },
  {
    name: "an answer between quotes stays whole",
    body: "On 24 Nov 2026 Bot <b@x.y> wrote:\n> one?\nyes\n> two?\nno",
    text: /one\?\nyes\n> two\?\nno/
  },
  {
    name: "a sentence that ends like a quote's head",
    body: "Bob wrote 3 things:\n- a\n- b",
    text: "Bob wrote 3 things:\n- a\n- b"
  },
  {
    name: "mail of a domain without DMARC, signed",
    headers: {
      "Authentication-Results":
        "mx.cloudflare.net; dkim=pass header.d=example.com; dmarc=none header.from=example.com; spf=none"
    },
    text: "Hello"
  },
  {
    name: "mail of a domain without DMARC, by SPF",
    headers: { "Authentication-Results": "mx.cloudflare.net; dkim=none; spf=pass smtp.mailfrom=ada@example.com" },
    text: "Hello"
  }
]

const broken: ReadonlyArray<Case> = [
  {
    name: "no blank line before the body",
    isKeptBack: true,
    raw: (to) => `Authentication-Results: ${proven("ada@example.com")}\r\nFrom: ada@example.com\r\nTo: ${to}\r\n`,
    text: ""
  },
  {
    name: "line feeds alone",
    isKeptBack: true,
    raw: (to) => `Authentication-Results: ${proven("ada@example.com")}\nFrom: ada@example.com\nTo: ${to}\n\nunix`,
    text: "unix"
  },
  {
    name: "a boundary that never ends",
    headers: { "Content-Type": "multipart/mixed; boundary=bb" },
    body: `--bb\n${text("first")}`,
    text: "first"
  },
  {
    name: "a boundary that is not there",
    headers: { "Content-Type": "multipart/mixed; boundary=bb" },
    body: "no parts",
    text: ""
  },
  {
    name: "a multipart without a boundary",
    headers: { "Content-Type": "multipart/mixed" },
    body: "just text",
    text: /just text|^$/
  },
  {
    name: "a charset that does not exist",
    isKeptBack: true,
    headers: { "Content-Type": "text/plain; charset=klingon" },
    body: "Qapla",
    text: "Qapla"
  },
  {
    name: "an encoding that does not exist",
    headers: { "Content-Transfer-Encoding": "rot13" },
    body: "as it is",
    text: "as it is"
  },
  {
    name: "base64 that is cut off",
    headers: { ...plain, "Content-Transfer-Encoding": "base64" },
    body: b64("hello").slice(0, 5),
    text: /^hel/
  },
  {
    name: "quoted-printable with wrong codes",
    headers: { ...plain, "Content-Transfer-Encoding": "quoted-printable" },
    body: "100=ZZ% =",
    text: /^100/
  },
  { name: "an encoded word that is none", subject: "=?utf-8?Q?unfinished", shownSubject: "=?utf-8?Q?unfinished" },
  {
    name: "raw bytes in a header",
    isKeptBack: true,
    raw: (to) =>
      Buffer.from(
        `Authentication-Results: ${proven("ada@example.com")}\r\nFrom: ada@example.com\r\nTo: ${to}\r\nSubject: \xe4\xf6\r\n\r\nx`,
        "latin1"
      ),
    text: "x"
  },
  { name: "zero bytes", body: "a\0b", text: /^a.?b$/su },
  { name: "a line of a megabyte", body: "x".repeat(1_000_000), text: /^x{60000}$/ },
  { name: "no id of its own", isKeptBack: true, headers: { "Message-ID": null }, text: "Hello" },
  { name: "an id that is none", headers: { "Message-ID": "none at all" }, text: "Hello" },
  { name: "no body", body: "", text: "" },
  { name: "nothing at all", isKeptBack: true, raw: () => "", refused: "unreadable" },
  { name: "no sender", isKeptBack: true, headers: { From: null }, refused: "unreadable" },
  { name: "an empty group as its sender", headers: { From: "undisclosed-recipients:;" }, refused: "unreadable" },
  { name: "no mail", isKeptBack: true, raw: () => "GET / HTTP/1.1\r\n\r\n", refused: "unreadable" }
]

const hostile: ReadonlyArray<Case> = [
  {
    name: "parts in parts without end",
    headers: { "Content-Type": 'multipart/mixed; boundary="n60"' },
    body: nested(60).split("\n\n").slice(1).join("\n\n"),
    refused: "unreadable"
  },
  { name: "headers without end", headers: { "X-Filler": "y".repeat(300_000) }, refused: "unreadable" },
  { name: "too much", body: "z\n".repeat(6 * 1024 * 1024), refused: "too_large" },
  { name: "two senders", headers: { From: "ada@example.com, eve@evil.example" }, refused: "unreadable" },
  { name: "two From headers", headers: { From: "ada@example.com\r\nFrom: eve@evil.example" }, refused: "unreadable" },
  {
    name: "another's address as a name",
    from: "eve@evil.example",
    headers: { From: '"ada@example.com" <eve@evil.example>' },
    refused: "sender_not_allowed"
  },
  { name: "a sender who is not listed", from: "eve@evil.example", refused: "sender_not_allowed" },
  { name: "a domain that ends like a listed one", from: "eve@notexample.com", refused: "sender_not_allowed" },
  { name: "a sender nobody proved", headers: { "Authentication-Results": null }, refused: "unauthenticated" },
  {
    name: "a sender whom another server proved",
    headers: { "Authentication-Results": "mx.evil.example; dmarc=pass header.from=example.com" },
    refused: "unauthenticated"
  },
  {
    name: "a proof of his own below the true one",
    headers: {
      "Authentication-Results": `mx.cloudflare.net; dmarc=fail header.from=example.com\r\nAuthentication-Results: ${proven("ada@example.com")}`
    },
    refused: "unauthenticated"
  },
  {
    name: "DMARC that failed",
    headers: {
      "Authentication-Results": "mx.cloudflare.net; dkim=pass header.d=example.com; dmarc=fail header.from=example.com"
    },
    refused: "unauthenticated"
  },
  {
    name: "DMARC that passed for another",
    headers: { "Authentication-Results": "mx.cloudflare.net; dmarc=pass header.from=evil.example" },
    refused: "unauthenticated"
  },
  {
    name: "DMARC in a comment",
    headers: {
      "Authentication-Results":
        "mx.cloudflare.net; spf=pass (dmarc=pass header.from=example.com; ) smtp.mailfrom=eve@evil.example"
    },
    refused: "unauthenticated"
  },
  {
    name: "DMARC in a quoted string",
    headers: {
      "Authentication-Results":
        'mx.cloudflare.net; spf=pass smtp.mailfrom="; dmarc=pass header.from=example.com ;"@evil.example'
    },
    refused: "unauthenticated"
  },
  {
    name: "a result in an address",
    headers: {
      "Authentication-Results": "mx.cloudflare.net; dmarc=none; spf=pass smtp.mailfrom=dmarc=pass@evil.example"
    },
    refused: "unauthenticated"
  },
  {
    name: "a result that is cut short",
    headers: { "Authentication-Results": "mx.cloudflare.net; (dmarc=pass header.from=example.com" },
    refused: "unauthenticated"
  },
  {
    name: "a signature of another domain",
    headers: { "Authentication-Results": "mx.cloudflare.net; dkim=pass header.d=evil.example; dmarc=none" },
    refused: "unauthenticated"
  },
  {
    name: "a signature of a domain below",
    headers: { "Authentication-Results": "mx.cloudflare.net; dkim=pass header.d=evil.example.com; dmarc=none" },
    refused: "unauthenticated"
  },
  {
    name: "SPF of another domain",
    headers: { "Authentication-Results": "mx.cloudflare.net; spf=pass smtp.mailfrom=eve@evil.example; dmarc=none" },
    refused: "unauthenticated"
  },
  {
    name: "ARC alone",
    headers: { "Authentication-Results": null, "ARC-Authentication-Results": `i=1; ${proven("ada@example.com")}` },
    refused: "unauthenticated"
  },
  {
    name: "headers in a subject",
    subject: "=?utf-8?Q?Hi=0D=0ABcc:_eve@evil.example?=",
    shownSubject: "Hi Bcc: eve@evil.example"
  },
  {
    name: "marks that turn a subject around",
    subject: "=?utf-8?Q?invoice=E2=80=AEfdp.exe?=",
    shownSubject: "invoice fdp.exe"
  },
  {
    name: "headers in a sender's name",
    headers: { From: "=?utf-8?Q?A=0D=0ABcc:_eve?= <ada@example.com>" },
    text: "Hello"
  },
  {
    name: "headers in references",
    headers: { References: "<a@b> <c@d\r\n Bcc: eve@evil.example> junk <e@f>" },
    text: "Hello"
  },
  {
    name: "a path as a file's name",
    ...multipart("mixed", [text("t"), file("../../etc/passwd", "x")]),
    files: [["passwd", "x"]]
  },
  {
    name: "a Windows path as a file's name",
    ...multipart("mixed", [text("t"), file("C:\\\\evil\\\\run.exe", "x")]),
    files: [["run.exe"]]
  },
  { name: "dots as a file's name", ...multipart("mixed", [text("t"), file("..", "x")]), files: [["attachment-1"]] },
  {
    name: "many files",
    ...multipart("mixed", [text("t"), ...Array.from({ length: 60 }, (_, at) => file(`${at}`, "x"))]),
    files: Array.from({ length: 50 }, (_, at) => [`${at}`] as const)
  },
  { name: "an absence notice", headers: { "Auto-Submitted": "auto-replied" }, refused: "auto_reply" },
  { name: "an absence notice of an old kind", headers: { "X-Autoreply": "yes" }, refused: "auto_reply" },
  { name: "mail to many", headers: { Precedence: "bulk" }, refused: "auto_reply" },
  { name: "mail of a person who says so", headers: { "Auto-Submitted": "no" }, text: "Hello" },
  { name: "a mailing list", headers: { "List-Id": "<talk.example.com>" }, refused: "mailing_list" },
  {
    name: "a bounce",
    envelopeFrom: "",
    isKeptBack: true,
    headers: { From: "Mail Delivery <mailer-daemon@example.com>" },
    refused: "bounce"
  },
  {
    name: "a report",
    headers: { "Content-Type": "multipart/report; report-type=delivery-status; boundary=bb" },
    body: "--bb--",
    refused: "bounce"
  },
  { name: "its own mail", headers: { [ownHeader]: "sesn_1" }, refused: "loop" },
  { name: "mail of its own domain", from: `other@${domain}`, refused: "loop" },
  {
    name: "mail that went in circles",
    headers: { Received: Array.from({ length: 40 }, (_, at) => `by mx${at}.example.com`).join("\r\nReceived: ") },
    refused: "loop"
  },
  { name: "a name that there is not", to: `nobody@${domain}`, refused: "unknown_address" },
  { name: "another domain", to: "support@elsewhere.example", refused: "unknown_address" },
  { name: "a thread that there is not", to: `support+${"a".repeat(26)}@${domain}`, refused: "unknown_thread" },
  { name: "a thread that cannot be", to: `support+1@${domain}`, refused: "unknown_thread" }
]

export const cases: ReadonlyArray<Case> = [...asWritten, ...broken, ...hostile]

/** Whether what was kept of a mail is what is to be. */
export const check = (expected: Case, mail: Mail): void => {
  assert.strictEqual(mail.refusal?.reason, expected.refused)
  if (expected.refused !== undefined) return assert.isUndefined(mail.text)
  const { files = [], quoted, shownSubject, signature, text } = expected
  if (typeof text === "string") assert.strictEqual(mail.text, text)
  if (text instanceof RegExp) assert.match(mail.text ?? "", text)
  if (signature !== undefined) assert.match(mail.signature ?? "", signature)
  if (shownSubject !== undefined) assert.strictEqual(mail.subject, shownSubject)
  if (quoted !== undefined) {
    assert.match(mail.quoted ?? "", quoted)
    assert.notMatch(mail.text ?? "", quoted)
  }
  const names = mail.attachments.map(({ path }) => path.slice(`mail/${mail.id}/`.length))
  assert.deepStrictEqual(
    names,
    files.map(([name]) => name)
  )
}
