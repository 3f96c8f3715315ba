import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { ApprovalLink } from "./domain/ApprovalLink.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { ApprovalLinkId } from "./domain/Ids.ts"
import type { StorageError } from "./Storage.ts"

/** The links that people were sent to answer with. */
export class ApprovalLinks extends Context.Service<
  ApprovalLinks,
  {
    /** Adds it where it is not there yet. */
    add(link: ApprovalLink): Effect.Effect<void, StorageError>
    link(id: ApprovalLinkId): Effect.Effect<Option.Option<ApprovalLink>, StorageError>
    /** Answers whether this is the link's first answer; of any other nothing is kept. */
    answer(id: ApprovalLinkId, answer: NonNullable<ApprovalLink["answer"]>): Effect.Effect<boolean, StorageError>
    /** Forgets links that had expired by then. */
    deleteBefore(time: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/ApprovalLinks") {}
