import type { SessionId, SnapshotId } from "../../../src/domain/Ids.ts"
import { snapshotKey } from "../../../src/Snapshots.ts"
import type { Machine } from "./Protocol.ts"

/** The host under which a machine reaches the archives of its own session, and says that it is about to be stopped. */
export const host = "workspace.ownloop.internal"

const answer = (status: number, text: string) => new Response(text, { status })

/** Answers a machine's request to that host: what is not under way by the word of the machine's own object is refused. */
export const handle = async (
  request: Request,
  session: SessionId,
  machine: Pick<Machine, "transfer" | "replaced">,
  bucket: R2Bucket
): Promise<Response> => {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === "/stopping" && request.method === "POST") {
    await machine.replaced()
    return new Response(null, { status: 204 })
  }
  const id = pathname.slice(1)
  if ((await machine.transfer(id)) !== request.method) return answer(403, "nobody asked for this")
  const key = snapshotKey(session, id as SnapshotId) // One that the machine's object has made.
  if (request.method === "GET") {
    const archive = await bucket.get(key)
    return archive === null ? answer(404, "there is no such archive") : new Response(archive.body)
  }
  const { readable, writable } = new FixedLengthStream(Number(searchParams.get("bytes")))
  const [stored] = await Promise.all([
    bucket.put(key, readable, { sha256: searchParams.get("sha256") ?? "", onlyIf: { etagDoesNotMatch: "*" } }),
    request.body?.pipeTo(writable)
  ])
  return stored === null ? answer(412, "there is such an archive already") : new Response(null, { status: 204 })
}
