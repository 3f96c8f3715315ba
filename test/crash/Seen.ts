import type { ServerResponse } from "node:http"
import type { SessionEvent } from "../../src/domain/Event.ts"

/** What the world outside of the Worker knows of one session, whatever happens to the Worker. */
export class Seen {
  /** Events that were told as durable, in their order. */
  readonly logged: Array<SessionEvent> = []
  /** How often they were told, which is how many appends there were. */
  appends = 0
  /** What the model was asked for, each time it was. */
  readonly asked: Array<string> = []
  /** The system prompt that it was last asked with. */
  system = ""
  /** The requests that the counter counted. */
  readonly counted: Array<{ readonly label: string; readonly key: string }> = []
  /** The points that the session came to, each under a name of its own. */
  readonly points: Array<string> = []

  readonly #times = new Map<string, number>()
  #trap: string | undefined
  readonly #caught = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  #next = Promise.withResolvers<void>()

  /** Settles when something is next heard of the session. */
  get next(): Promise<void> {
    return this.#next.promise
  }

  hear(): void {
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  /** The session will stop at this point. Settles once it is there, and once the process that it ran in is gone. */
  trap(point: string): { readonly caught: Promise<void>; readonly gone: Promise<void> } {
    this.#trap = point
    return { caught: this.#caught.promise, gone: this.#gone.promise }
  }

  /** Whether the session goes on from a point that it came to. Where it does not, what it waits for never comes. */
  pass(point: string, response: ServerResponse): boolean {
    const times = (this.#times.get(point) ?? 0) + 1
    this.#times.set(point, times)
    const name = times === 1 ? point : `${point}, time ${times}`
    this.points.push(name)
    if (name !== this.#trap) return true
    response.once("close", () => this.#gone.resolve())
    this.#caught.resolve()
    return false
  }

  /** Settles once a message with this text is in the log. */
  async holds(text: string): Promise<void> {
    const isThere = () => this.logged.some((event) => event.type === "user.message" && event.content[0].text === text)
    while (!isThere()) await this.next
  }
}
