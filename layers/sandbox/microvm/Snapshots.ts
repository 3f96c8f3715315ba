import { timestamp } from "../../../src/domain/Common.ts"
import type { SessionId, SnapshotId } from "../../../src/domain/Ids.ts"
import type { WorkspaceSnapshot } from "../../../src/domain/WorkspaceSnapshot.ts"
import { snapshotKey } from "../../../src/Snapshots.ts"

type Exec = (
  command: string
) => Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>

/** Saves and restores the workspace of a machine. What travels between the machine and the bucket is asked for here alone. */
export class Snapshots {
  private readonly session: SessionId
  private readonly bucket: R2Bucket
  private readonly exec: Exec
  /** Archives that are on their way. */
  private readonly transfers = new Map<string, "PUT" | "GET">()

  constructor(session: SessionId, bucket: R2Bucket, exec: Exec) {
    this.session = session
    this.bucket = bucket
    this.exec = exec
  }

  /** What may be done now with the archive of a snapshot. */
  transfer(id: string): "PUT" | "GET" | null {
    return this.transfers.get(id) ?? null
  }

  /** Answers the latest one where nothing has changed since. */
  async save(id: SnapshotId, latest: WorkspaceSnapshot | null, includeIgnored: boolean): Promise<WorkspaceSnapshot> {
    const known = latest !== null && (await this.isStored(latest)) ? latest.sha256 : "-"
    const command = `/opt/ownloop/save ${id} ${includeIgnored ? "with" : "without"} ${known}`
    const { exitCode, stdout, stderr } = await this.transferring(id, "PUT", command)
    if (exitCode !== 0) throw new Error(stderr.trim())
    const [sha256 = "", bytes, entries] = stdout.trim().split(" ")
    if (latest !== null && sha256 === known) return latest
    const created_at = timestamp(Date.now())
    const snapshot = { id, size_bytes: Number(bytes), entries: Number(entries), sha256, created_at }
    if (!(await this.isStored(snapshot))) throw new Error("its archive did not arrive whole")
    return snapshot
  }

  /** Seconds that it may take; null begins with an empty workspace. */
  async restore(snapshot: WorkspaceSnapshot | null, seconds: number): Promise<void> {
    try {
      if (snapshot === null) {
        await this.exec("touch /run/ownloop/ready")
        return
      }
      if (!(await this.isStored(snapshot))) throw new Error("its archive is gone")
      const command = `timeout ${seconds} /opt/ownloop/restore ${snapshot.id} ${snapshot.sha256}`
      const { exitCode, stderr } = await this.transferring(snapshot.id, "GET", command)
      if (exitCode === 124) throw new Error(`it took longer than ${seconds} seconds`)
      if (exitCode !== 0) throw new Error(stderr.trim())
    } catch (error) {
      const from = snapshot === null ? "" : ` from ${snapshot.id} of ${snapshot.created_at}`
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`the workspace could not be restored${from}, so nothing was done: ${why}`, { cause: error })
    }
  }

  async keepOnly(snapshots: ReadonlyArray<SnapshotId>): Promise<void> {
    const kept = new Set(snapshots.map((id) => snapshotKey(this.session, id)))
    // There are hardly more than are kept.
    const { objects } = await this.bucket.list({ prefix: snapshotKey(this.session, "" as SnapshotId) })
    await this.bucket.delete(objects.map(({ key }) => key).filter((key) => !kept.has(key)))
  }

  private async isStored({ id, size_bytes }: WorkspaceSnapshot): Promise<boolean> {
    return (await this.bucket.head(snapshotKey(this.session, id)))?.size === size_bytes
  }

  private async transferring(id: SnapshotId, method: "PUT" | "GET", command: string) {
    this.transfers.set(id, method)
    try {
      return await this.exec(command)
    } finally {
      this.transfers.delete(id)
    }
  }
}
