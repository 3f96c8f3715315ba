import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ApprovalLink } from "../../src/domain/ApprovalLink.ts"
import { Mail, Mailbox } from "../../src/domain/Mail.ts"
import { ApprovalLinks } from "../../src/ApprovalLinks.ts"
import { Mailboxes } from "../../src/Mailboxes.ts"
import * as D1 from "./D1.ts"
import { before, changed, given, json, method, notArchived } from "./D1.ts"

const mailboxJson = json(Mailbox)
const mailJson = json(Mail)
const linkJson = json(ApprovalLink)

/** Ids of messages that are looked for: a statement takes at most 100 values. */
const maxMessageIds = 50

const mailboxes = (db: D1Database): Mailboxes["Service"] => {
  const { run, select, write } = D1.make(db)

  const mails = (sql: string, ...values: ReadonlyArray<string>) => {
    const statement = db.prepare(sql).bind(...values)
    return Effect.flatMap(
      Effect.tryPromise(() => statement.all<{ body: string }>()),
      ({ results }) => mailJson.decode(results.map(({ body }) => body))
    )
  }

  const first = (sql: string, ...values: ReadonlyArray<string>) => Effect.map(mails(sql, ...values), Array.head)

  return Mailboxes.of({
    add: method("Mailboxes.add", (mailbox) =>
      Effect.map(
        write(
          "INSERT INTO mailboxes (body, id) VALUES (?, ?) ON CONFLICT (address) DO NOTHING",
          mailboxJson,
          mailbox,
          mailbox.id
        ),
        changed
      )
    ),
    put: method("Mailboxes.put", (mailbox) =>
      Effect.asVoid(write("UPDATE mailboxes SET body = ? WHERE id = ?", mailboxJson, mailbox, mailbox.id))
    ),
    mailbox: method("Mailboxes.mailbox", (id) =>
      Effect.map(select("mailboxes", mailboxJson, [["id = ?", id]], 1), Array.head)
    ),
    mailboxAt: method("Mailboxes.mailboxAt", (address) =>
      Effect.map(select("mailboxes", mailboxJson, [["address = ?", address]], 1), Array.head)
    ),
    mailboxes: method("Mailboxes.mailboxes", (page) =>
      select("mailboxes", mailboxJson, [...before(page), ...notArchived(page.includeArchived)], page.limit)
    ),

    addMail: method("Mailboxes.addMail", (mail) =>
      Effect.andThen(
        write("INSERT INTO mails (body, id) VALUES (?, ?) ON CONFLICT DO NOTHING", mailJson, mail, mail.id),
        mail.status !== "accepted" || mail.mailbox_id === null
          ? Effect.succeed(mail)
          : Effect.map(
              first(
                "SELECT body FROM mails WHERE mailbox_id = ? AND message_id = ? AND status = 'accepted'",
                mail.mailbox_id,
                mail.message_id
              ),
              Option.getOrElse(() => mail)
            )
      )
    ),
    putMail: method("Mailboxes.putMail", (mail) =>
      Effect.asVoid(write("UPDATE mails SET body = ? WHERE id = ?", mailJson, mail, mail.id))
    ),
    mail: method("Mailboxes.mail", (id) => Effect.map(select("mails", mailJson, [["id = ?", id]], 1), Array.head)),
    mails: method("Mailboxes.mails", (page) =>
      select(
        "(SELECT id, json_remove(body, '$.text', '$.quoted', '$.signature') AS body, mailbox_id, session_id, status FROM mails)",
        mailJson,
        [
          ...before(page),
          ...given(page.mailboxId, (id) => ["mailbox_id = ?", id]),
          ...given(page.sessionId, (id) => ["session_id = ?", id]),
          ...given(page.status, (status) => ["status = ?", status])
        ],
        page.limit
      )
    ),
    byMessage: method("Mailboxes.byMessage", (mailbox, messageIds) =>
      Effect.gen(function* () {
        const wanted = messageIds.slice(-maxMessageIds)
        if (wanted.length === 0) return Option.none()
        const found = yield* mails(
          `SELECT body FROM mails
          WHERE mailbox_id = ? AND message_id IN (${wanted.map(() => "?").join(", ")}) AND status <> 'refused'`,
          mailbox,
          ...wanted
        )
        return Array.last(wanted.flatMap((id) => found.filter(({ message_id }) => message_id === id)))
      })
    ),
    latestOf: method("Mailboxes.latestOf", (thread) =>
      first("SELECT body FROM mails WHERE thread = ? AND status <> 'refused' ORDER BY id DESC LIMIT 1", thread)
    ),
    acceptedSince: method("Mailboxes.acceptedSince", (mailbox, time) =>
      Effect.map(
        Effect.tryPromise(() =>
          db
            .prepare(
              "SELECT count(*) AS count FROM mails WHERE mailbox_id = ? AND status = 'accepted' AND created_at >= ?"
            )
            .bind(mailbox, time)
            .first<{ count: number }>()
        ),
        (row) => row?.count ?? 0
      )
    ),
    deleteRefusedBefore: method("Mailboxes.deleteRefusedBefore", (time) =>
      Effect.asVoid(run("DELETE FROM mails WHERE status = 'refused' AND created_at < ?", time))
    )
  })
}

const approvalLinks = (db: D1Database): ApprovalLinks["Service"] => {
  const { run, select, write } = D1.make(db)
  return ApprovalLinks.of({
    add: method("ApprovalLinks.add", (link) =>
      Effect.asVoid(
        write("INSERT INTO approval_links (body, id) VALUES (?, ?) ON CONFLICT DO NOTHING", linkJson, link, link.id)
      )
    ),
    link: method("ApprovalLinks.link", (id) =>
      Effect.map(select("approval_links", linkJson, [["id = ?", id]], 1), Array.head)
    ),
    answer: method("ApprovalLinks.answer", (id, answer) =>
      Effect.map(
        run(
          "UPDATE approval_links SET body = json_set(body, '$.answer', json(?)) WHERE id = ? AND body ->> '$.answer' IS NULL",
          JSON.stringify(answer),
          id
        ),
        changed
      )
    ),
    deleteBefore: method("ApprovalLinks.deleteBefore", (time) =>
      Effect.asVoid(run("DELETE FROM approval_links WHERE expires_at < ?", time))
    )
  })
}

/** Mailboxes, their mail and the links of approvals in D1 (`migrations/`). Each is stored whole, as JSON. */
export const layer = (db: D1Database): Layer.Layer<Mailboxes | ApprovalLinks> =>
  Layer.sync(Mailboxes, () => mailboxes(db)).pipe(Layer.merge(Layer.sync(ApprovalLinks, () => approvalLinks(db))))
