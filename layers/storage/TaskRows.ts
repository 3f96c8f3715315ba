import { openStatuses, placedStatuses, Task } from "../../src/domain/Task.ts"
import { json } from "./D1.ts"

/** What the statements about tasks have in common. */

export const taskJson = json(Task)

export const list = (statuses: ReadonlyArray<string>) => statuses.map((status) => `'${status}'`).join(", ")
export const open = list(openStatuses)
export const placed = list(placedStatuses)
export const started = list(openStatuses.slice(1))

/** A task moves with what it was told of, all in one statement. `transition` is the placeholder of the transition as JSON. */
export const moved = (sets: string, transition = "?") =>
  `json_insert(json_set(body, ${sets}), '$.transitions[#]', json(${transition}))`
