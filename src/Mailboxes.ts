import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PageQuery } from "./Catalog.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { MailboxId, MailId, SessionId } from "./domain/Ids.ts"
import type { Mail, Mailbox } from "./domain/Mail.ts"
import type { StorageError } from "./Storage.ts"

/** The mailboxes of this deployment, and the mail that came to them and left them. */
export class Mailboxes extends Context.Service<
  Mailboxes,
  {
    /** Adds the mailbox; false, and nothing written, where another one has its address. */
    add(mailbox: Mailbox): Effect.Effect<boolean, StorageError>
    /** Replaces a mailbox. Its address stays. */
    put(mailbox: Mailbox): Effect.Effect<void, StorageError>
    mailbox(id: MailboxId): Effect.Effect<Option.Option<Mailbox>, StorageError>
    mailboxAt(address: string): Effect.Effect<Option.Option<Mailbox>, StorageError>
    /** Newest first. */
    mailboxes(
      page: PageQuery & { readonly includeArchived: boolean }
    ): Effect.Effect<ReadonlyArray<Mailbox>, StorageError>

    /** Adds the mail; where it is accepted and was so before, under the same id of its message, answers that one. */
    addMail(mail: Mail): Effect.Effect<Mail, StorageError>
    /** Replaces a mail. */
    putMail(mail: Mail): Effect.Effect<void, StorageError>
    mail(id: MailId): Effect.Effect<Option.Option<Mail>, StorageError>
    /** Newest first, without their texts. */
    mails(
      page: PageQuery & {
        readonly mailboxId?: MailboxId
        readonly sessionId?: SessionId
        readonly status?: Mail["status"]
      }
    ): Effect.Effect<ReadonlyArray<Mail>, StorageError>
    /** The mail of a mailbox, accepted or sent, that has one of these message ids: of several that of the last id. */
    byMessage(mailbox: MailboxId, messageIds: ReadonlyArray<string>): Effect.Effect<Option.Option<Mail>, StorageError>
    /** The latest mail of a thread that was not refused. */
    latestOf(thread: string): Effect.Effect<Option.Option<Mail>, StorageError>
    /** Mails that a mailbox accepted since then. */
    acceptedSince(mailbox: MailboxId, time: Timestamp): Effect.Effect<number, StorageError>
    /** Forgets mail that was refused before this time. */
    deleteRefusedBefore(time: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/Mailboxes") {}
