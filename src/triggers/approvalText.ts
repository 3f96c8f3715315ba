import type { ApprovalLink } from "../domain/ApprovalLink.ts"
import type { SessionEvent } from "../domain/Event.ts"
import { urlOf } from "../egress/target.ts"

/** One thing that a session asks a person, in words. */
export interface Question {
  readonly title: string
  /** What the call would be run with; empty where there is nothing more to say. */
  readonly detail: string
}

/** Characters of a call's input that are shown. */
const maxDetail = 4_000

export const questionOf = (event: Extract<SessionEvent, { readonly type: "agent.tool_use" }>): Question => {
  if (event.egress !== undefined) return { title: `Send ${event.egress.method} ${urlOf(event.egress)}`, detail: "" }
  const detail = JSON.stringify(event.input, null, 2)
  return {
    title: `Run the tool ${event.name}`,
    detail: detail.length > maxDetail ? `${detail.slice(0, maxDetail)}\n[cut off: the session has the whole]` : detail
  }
}

/** The mail that asks a person. What a call would be run with is said only where the link leads: mail is read by many. */
export const approvalText = (
  { expires_at, session_id }: ApprovalLink,
  titles: ReadonlyArray<string>,
  url: string
): { readonly subject: string; readonly text: string } => ({
  subject: `A session waits for your answer: ${titles[0] ?? "a tool call"}`,
  text: [
    `The session ${session_id} asks:`,
    titles.map((title) => `- ${title}`).join("\n"),
    `See what it is about, and allow or deny it:\n${url}`,
    `The link works once, until ${expires_at}. Opening it answers nothing yet.`
  ].join("\n\n")
})
