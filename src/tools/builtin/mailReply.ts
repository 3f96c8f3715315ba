import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SessionId } from "../../domain/Ids.ts"
import { type Tool, ToolFailure, defineTool } from "../defineTool.ts"

interface Reply {
  readonly session: SessionId
  readonly key: string
  readonly text: string
  readonly files: ReadonlyArray<{ readonly name: string; readonly content: Uint8Array }>
}

export const mailReplyName = "mail_reply"

/** Bytes of all files of one mail. */
const maxFiles = 3.5 * 1024 * 1024

/** For sessions that a mail began: whom the answer goes to, and in which thread, is not the model's to say. */
export const mailReply = (reply: (reply: Reply) => Effect.Effect<string, { readonly message: string }>): Tool =>
  defineTool({
    name: mailReplyName,
    description:
      "Answers the person whose mail you work on, in the same thread. Call it once, when you have the answer: without it your last message is sent.",
    input: Schema.Struct({
      text: Schema.NonEmptyString.check(Schema.isMaxLength(50_000)).annotate({ description: "Plain text" }),
      attachments: Schema.optionalKey(
        Schema.Array(Schema.NonEmptyString)
          .check(Schema.isMaxLength(20))
          .annotate({ description: "Paths of files in the workspace" })
      )
    }),
    replay: "safe",
    run: Effect.fnUntraced(function* ({ attachments = [], text }, { idempotencyKey, sessionId, workspace }) {
      const files = yield* Effect.forEach(attachments, (path) =>
        Effect.map(workspace.readFile(path), (content) => ({ name: path.slice(path.lastIndexOf("/") + 1), content }))
      )
      const names = new Set(files.map(({ name }) => name))
      if (names.size < files.length) return yield* new ToolFailure({ message: "attachments: two have the same name" })
      const size = files.reduce((sum, { content }) => sum + content.length, 0)
      if (size > maxFiles) {
        return yield* new ToolFailure({ message: `attachments: they have ${size} bytes, of at most ${maxFiles}` })
      }
      return yield* reply({ session: sessionId, key: idempotencyKey, text, files })
    })
  })
