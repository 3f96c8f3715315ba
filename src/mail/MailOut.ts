import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { MailAddress } from "../domain/Mail.ts"

export interface OutgoingFile {
  readonly name: string
  readonly mediaType: string
  readonly content: Uint8Array
}

export interface OutgoingMail {
  readonly from: MailAddress
  readonly to: string
  readonly subject: string
  readonly text: string
  /** Beside those that the platform writes: date, message id, and what the fields above say. */
  readonly headers: Readonly<Record<string, string>>
  readonly files: ReadonlyArray<OutgoingFile>
}

export class MailNotSent extends Schema.TaggedError<MailNotSent>()("MailNotSent", {
  detail: Schema.String,
  /** The same mail would be refused again. */
  isFinal: Schema.Boolean
}) {
  override get message(): string {
    return this.detail
  }
}

/** Sends mail. */
export class MailOut extends Context.Service<
  MailOut,
  {
    /** Answers the id that the mail was given, with its angle brackets. */
    send(mail: OutgoingMail): Effect.Effect<string, MailNotSent>
  }
>()("ownloop/mail/MailOut") {}
