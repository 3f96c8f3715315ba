import { randomBytes } from "node:crypto"
import type { Mail, Mailbox } from "../../src/domain/Mail.ts"
import { startTasks } from "./tasks.ts"

export const domain = "agents.example.com"
export const publicUrl = "https://ownloop.example.com"

/** What the mail server of the platform says of a sender whom it has proven. */
export const proven = (from: string) => {
  const of = from.slice(from.lastIndexOf("@") + 1)
  return `mx.cloudflare.net; dkim=pass header.d=${of} header.s=sel; dmarc=pass header.from=${of} policy.dmarc=reject; spf=pass smtp.mailfrom=${from}`
}

export interface Written {
  readonly from?: string
  readonly to: string
  readonly subject?: string
  readonly id?: string
  /** Beside or in place of those that every mail has; null leaves one out. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: string
}

let count = 0

/** A mail as it comes over the wire. */
export const write = ({
  body = "Hello",
  from = "ada@example.com",
  headers = {},
  id,
  subject = "A question",
  to
}: Written) => {
  const all: Record<string, string | null> = {
    "Authentication-Results": proven(from),
    From: `Ada <${from}>`,
    To: to,
    Subject: subject,
    Date: "Tue, 24 Nov 2026 12:00:00 +0000",
    "Message-ID": id ?? `<${++count}.${randomBytes(6).toString("hex")}@example.com>`,
    "MIME-Version": "1.0",
    ...headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  return `${lines.join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}\r\n`
}

/** A mail that the Worker sent, as the platform's stand-in kept it. */
export interface SentMail {
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly subject: string
  readonly text: string
  readonly messageId: string
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: ReadonlyArray<{ readonly filename: string; readonly size: number }>
}

/** The Worker with a mailbox of the agent that answers by rules. */
export const startMail = async (vars: Record<string, string> = {}) => {
  const tasks = await startTasks({
    OWNLOOP_MAIL_DOMAIN: domain,
    OWNLOOP_URL: publicUrl,
    OWNLOOP_ROOT_KEY: `k1:${randomBytes(32).toString("base64")}`,
    ...vars
  })
  const mailbox = async (name: string, fields: object = {}) =>
    (
      await tasks.call<Mailbox>("POST", "/v1/mailboxes", {
        name,
        agent: tasks.agent,
        environment_id: tasks.environment,
        allowed_senders: ["*@example.com"],
        ...fields
      })
    ).body
  const deliver = (raw: string | Uint8Array, to: string, from = "ada@example.com") =>
    tasks.worker.email({ from, to, raw: typeof raw === "string" ? raw : new Blob([Buffer.from(raw)]).stream() })
  const local = `${tasks.client.baseURL}/cdn-cgi/local/explorer/api/local/email/sending`
  return {
    ...tasks,
    mailbox,
    deliver,
    /** All that was sent, as its receivers get it; a page holds so many. */
    sent: async (): Promise<ReadonlyArray<SentMail>> =>
      ((await (await fetch(`${local}?per_page=100`)).json()) as { readonly result: ReadonlyArray<SentMail> }).result,
    /** What is in R2 under a key. */
    stored: async (key: string) => {
      const { BLOBS } = (await tasks.worker.getEnv()) as unknown as { readonly BLOBS: R2Bucket }
      return (await BLOBS.get(key))?.text()
    },
    post: (mail: Written, envelopeFrom?: string) => deliver(write(mail), mail.to, envelopeFrom ?? mail.from),
    mails: (query: string) => tasks.list<Mail>(`/v1/mails?limit=100&${query}`),
    mail: (id: string) => tasks.get<Mail>(`/v1/mails/${id}`)
  }
}
