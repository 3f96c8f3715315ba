import type { Attachment } from "../domain/Event.ts"
import type { MailAddress } from "../domain/Mail.ts"
import type { Outcome } from "../domain/Task.ts"
import { workspaceRoot } from "../SandboxBackend.ts"

/** What people and agents read of each other in mail. */

/** What a task came to, as its mail is answered. */
export const outcomeText = ({ error, status, structured_output, text }: Outcome): string => {
  const said = text ?? (structured_output === null ? null : JSON.stringify(structured_output, null, 2))
  if (status === "succeeded") return said ?? "The work is done. There was no answer in words."
  const why =
    error === null ? `The work ended: it is ${status}.` : `The work ended without an answer: ${error.message}.`
  return said === null ? why : `${said}\n\n${why}`
}

const fileLine = ({ media_type, path, size }: Attachment) => `- ${workspaceRoot}/${path} (${media_type}, ${size} bytes)`

/** A mail as the agent reads it: what it quotes is told apart from what its sender wrote. */
export const agentText = (mail: {
  readonly from: MailAddress
  readonly subject: string
  readonly text: string
  /** Empty where the session knows it. */
  readonly quoted: string
  readonly attachments: ReadonlyArray<Attachment>
}): string => {
  const { address, name } = mail.from
  const heads = [`From: ${name === "" ? address : `${name} <${address}>`}`, `Subject: ${mail.subject}`]
  const files = mail.attachments.map(fileLine)
  return [
    heads.join("\n"),
    mail.text === "" ? "(The mail has no text of its own.)" : mail.text,
    ...(files.length === 0 ? [] : [`Attached files:\n${files.join("\n")}`]),
    ...(mail.quoted === "" ? [] : [`The mail quotes this, which its sender need not have written:\n${mail.quoted}`])
  ].join("\n\n")
}
