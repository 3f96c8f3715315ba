interface Env {
  readonly KEPT: KVNamespace
}

/** Somebody else's Worker: it takes the outcomes of its tasks from a queue of its own. */
export default {
  async queue(batch: MessageBatch, { KEPT }: Env): Promise<void> {
    for (const { id, body } of batch.messages) await KEPT.put(id, JSON.stringify(body))
  },
  async fetch(_: Request, { KEPT }: Env): Promise<Response> {
    const { keys } = await KEPT.list()
    return Response.json(await Promise.all(keys.map(({ name }) => KEPT.get(name, "json"))))
  }
}
