import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions } from "miniflare"

// Serves a Worker in a process of its own, which can so be killed with all below it.

export interface Serve {
  readonly worker: V4MiniflareOptions
  /** Where all is kept that outlives the process. */
  readonly folder: string
  /** Run first, by the name of the database's binding. */
  readonly statements: Readonly<Record<string, ReadonlyArray<string>>>
}

/** What a runtime that serves is told to do: to put messages on a queue, or that it is time. */
export type Order = { readonly queue: string; readonly messages: ReadonlyArray<unknown> } | { readonly cron: string }

const obey = async (miniflare: Miniflare, order: Order) => {
  if ("cron" in order) await (await miniflare.getWorker()).scheduled({ cron: order.cron })
  else {
    const queue = await miniflare.getQueueProducer(order.queue)
    for (const message of order.messages) await queue.send(message)
  }
}

const serve = async ({ worker, folder, statements }: Serve) => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ ...worker, host: "127.0.0.1", port: 0, cf: false, resourcePersistencePath: folder })
  )
  const url = await miniflare.ready
  for (const [binding, some] of Object.entries(statements)) {
    const database = await miniflare.getD1Database(binding)
    await database.batch(some.map((statement) => database.prepare(statement)))
  }
  process.on("message", (order: Order) => void obey(miniflare, order))
  process.once("disconnect", () => void miniflare.dispose().then(() => process.exit()))
  process.send!({ url: url.origin })
}

process.once("message", (message: Serve) => void serve(message))
