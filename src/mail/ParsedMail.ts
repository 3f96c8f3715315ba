import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { MailAddress } from "../domain/Mail.ts"

export interface MailHeader {
  /** In lower case. */
  readonly name: string
  readonly value: string
}

export interface MailFile {
  /** As the mail names it; null where it does not. */
  readonly name: string | null
  readonly mediaType: string
  readonly content: Uint8Array
}

/** A mail as its MIME says it; nothing in it is checked. */
export interface ParsedMail {
  /** In the order of the mail: what the last server added comes first. */
  readonly headers: ReadonlyArray<MailHeader>
  /** Everybody that any `From` header names. */
  readonly from: ReadonlyArray<MailAddress>
  readonly subject: string
  /** The plain text, made of the HTML where there is none. */
  readonly text: string
  readonly files: ReadonlyArray<MailFile>
}

/** It is no mail, or one that is built to cost too much. */
export class MailUnreadable extends Schema.TaggedError<MailUnreadable>()("MailUnreadable", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** Reads RFC 5322 messages. */
export class MailReader extends Context.Service<
  MailReader,
  { read(raw: Uint8Array): Effect.Effect<ParsedMail, MailUnreadable> }
>()("ownloop/mail/MailReader") {}

export const headersOf = ({ headers }: Pick<ParsedMail, "headers">, name: string): ReadonlyArray<string> =>
  headers.filter((header) => header.name === name).map(({ value }) => value)
