import type { Sandbox } from "@cloudflare/sandbox"
import type { EventId, SessionId, SnapshotId } from "../../../src/domain/Ids.ts"
import type { WorkspaceSnapshot } from "../../../src/domain/WorkspaceSnapshot.ts"
import * as Archives from "./Archives.ts"
import type { Machine, Owner, PathProblem, Ran, Reply, Run, Use } from "./Protocol.ts"
import { quote } from "./quote.ts"
import { ended, exported } from "./runner.ts"
import { Snapshots } from "./Snapshots.ts"

/** Variables of the Worker that a machine reads. */
export interface MachineEnv {
  /** How the SDK speaks with the server in the machine. `rpc` where absent; the stand-in image of the tests speaks `http` only. */
  readonly OWNLOOP_SANDBOX_TRANSPORT?: string
  /** How long a machine that nobody uses stays, as the SDK writes it: `10m`, `90s`. */
  readonly OWNLOOP_SANDBOX_SLEEP_AFTER?: string
  /** Seconds that a machine may take to restore its workspace; 300 where absent. */
  readonly OWNLOOP_SANDBOX_RESTORE_TIMEOUT?: string
  /** Where snapshots are kept. */
  readonly BLOBS: R2Bucket
}

/** What a machine needs from outside. */
export interface Outside {
  /** Where it sends what leaves it. */
  readonly gateway: (owner: Owner) => Promise<Fetcher>
  /** Its own object, as the handler of what leaves it reaches that. */
  readonly machine: (session: SessionId) => Machine
  /** Tells its session that it is about to be stopped. Answers whether what was in it is saved. */
  readonly stopping: (session: SessionId, reason: "idle" | "replaced") => Promise<boolean>
}

/** What leaves for this host is answered here: it proves at boot that the gateway is reached and its certificate trusted. */
const selfTestHost = "self-test.ownloop.internal"

/** The SDK's name for "in no session": a process of its own for every command. */
const sessionless = "__DISABLE_SESSION__"

/** Bytes of one argument of a process; Linux takes 128 KiB. */
const longestArgument = 100_000

/** Times in a row that a machine that nobody uses could not be saved, until it ends nevertheless. */
const longestVigil = 6

/** Milliseconds between the attempts to start a machine. */
const pauses = [500, 2_000]

/**
 * Makes the class of the Durable Object that owns a session's container. `gateway` is the only way out: a named outbound handler that is
 * given the owner, whatever a request says. Port 80 and 443 lead there, and everything else is closed.
 */
export const make = (Base: typeof Sandbox<Env>, outside: Outside) => {
  class MicroVm extends Base implements Machine {
    override enableInternet = false
    override interceptHttps = true
    override sleepAfter: string
    /** The one boot that all callers wait for; undefined where the container must be looked after first. */
    #ready: Promise<{ readonly isAnew: boolean }> | undefined
    #isUp = false
    /** Starts of the container that this object has seen. */
    #starts = 0
    readonly #cancelled = new Set<string>()
    #toolUse: EventId | null = null
    /** Calls that came, and those that go on. */
    #calls = 0
    #open = 0
    #vigils = 0
    #replaced: Promise<void> | undefined
    readonly #snapshots: Snapshots
    readonly #restoreTimeout: number

    constructor(ctx: DurableObjectState<{}>, env: Env & MachineEnv) {
      super(ctx, Object.assign({}, env, { SANDBOX_TRANSPORT: env.OWNLOOP_SANDBOX_TRANSPORT ?? "rpc" }))
      this.sleepAfter = env.OWNLOOP_SANDBOX_SLEEP_AFTER ?? "10m"
      this.#snapshots = new Snapshots(this.#session, env.BLOBS, (command) => this.#exec(command))
      this.#restoreTimeout = Number(env.OWNLOOP_SANDBOX_RESTORE_TIMEOUT ?? 300)
    }

    run(use: Use, { id, toolUseId, command, variables, timeout, output }: Run): Promise<Reply<Ran>> {
      return this.#using(use, async () => {
        this.#toolUse = toolUseId
        const script = await this.#scriptOf(id, command)
        if (this.#cancelled.delete(id))
          return { stdout: "", stderr: "", exitCode: 137, timedOut: false, truncated: false }
        const { stdout, stderr } = await this.#exec(
          `/opt/ownloop/run ${id} ${timeout / 1_000} ${output} ${quote(script)}`,
          { OWNLOOP_VARIABLES: exported(variables, quote) }
        )
        this.#cancelled.delete(id)
        return ended(stdout, stderr)
      }).finally(() => (this.#toolUse = null))
    }

    toolUse() {
      return Promise.resolve(this.#toolUse)
    }

    async cancel(id: string): Promise<void> {
      this.#cancelled.add(id)
      if (this.ctx.container?.running !== true) return
      // The mark is for a runner that has not yet said its process id.
      const at = `/run/ownloop/${id}`
      await this.#exec(`mkdir -p /run/ownloop; touch ${at}.cancel; [ -s ${at}.pid ] && kill -TERM $(cat ${at}.pid)`)
    }

    query(use: Use, command: string) {
      return this.#using(use, async () => {
        const { stdout, stderr, exitCode } = await this.#exec(command)
        return { stdout, stderr, exitCode }
      })
    }

    readBytes(use: Use, path: string): Promise<Reply<Uint8Array>> {
      return this.#using(
        use,
        async () => {
          const { content } = await this.readFile(path, { encoding: "base64", sessionId: sessionless })
          return new Uint8Array(Buffer.from(content, "base64"))
        },
        path
      )
    }

    writeBytes(use: Use, path: string, content: Uint8Array): Promise<Reply<void>> {
      return this.#using(
        use,
        async () => {
          const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("base64")
          await this.writeFile(path, text, { encoding: "base64", sessionId: sessionless })
        },
        path
      )
    }

    async save(id: SnapshotId, latest: WorkspaceSnapshot | null, includeIgnored: boolean) {
      if (this.ctx.container?.running !== true) return { failed: "its machine does not run any more" }
      try {
        return { value: await this.#snapshots.save(id, latest, includeIgnored) }
      } catch (error) {
        return { failed: messageOf(error) }
      }
    }

    /** The session's log has them. One that is to be replaced ends here, before anything else is done in it. */
    async keepOnly(snapshots: ReadonlyArray<SnapshotId>) {
      await this.#snapshots.keepOnly(snapshots)
      if (this.#replaced !== undefined) await this.release()
    }

    transfer(snapshot: string) {
      return Promise.resolve(this.#snapshots.transfer(snapshot))
    }

    /** Whatever in the machine says so: it is asked once. */
    replaced(): Promise<void> {
      return (this.#replaced ??= outside.stopping(this.#session, "replaced").then(() => {}))
    }

    async release(): Promise<void> {
      this.#forget()
      await this.destroy()
    }

    override async onStart() {
      this.#starts++
      this.#replaced = undefined
      await super.onStart()
    }

    override async onStop(params?: Parameters<Sandbox["onStop"]>[0]) {
      // While it starts, whoever starts it sees that it stopped.
      if (this.#isUp) this.#forget()
      await super.onStop(params)
    }

    /** One that nobody uses sleeps, but not before its workspace is saved. */
    override async onActivityExpired() {
      if (this.#open > 0) return
      const calls = this.#calls
      const isSaved = await outside.stopping(this.#session, "idle").catch(() => false)
      if (this.#calls !== calls) return
      if (isSaved || ++this.#vigils >= longestVigil) await this.release()
    }

    /** Who made this object named it so. */
    get #session(): SessionId {
      return this.ctx.id.name as SessionId
    }

    /** Starts the machine where it does not run; all who come meanwhile wait for the same start. */
    #boot(use: Use): Promise<{ readonly isAnew: boolean }> {
      if (this.#isUp && this.ctx.container?.running !== true) this.#forget()
      if (this.#isUp) return Promise.resolve({ isAnew: false })
      return (this.#ready ??= this.#start(use).then(
        (started) => {
          this.#isUp = true
          return started
        },
        (error: unknown) => {
          this.#forget()
          throw error
        }
      ))
    }

    #forget() {
      this.#isUp = false
      this.#ready = undefined
    }

    async #start({ owner, saved }: Use): Promise<{ readonly isAnew: boolean }> {
      await this.setOutboundHandler("gateway", owner)
      for (let attempt = 0; ; attempt++) {
        try {
          await this.startAndWaitForPorts({ ports: this.defaultPort })
          const { exitCode, stdout, stderr } = await this.#exec("/opt/ownloop/boot")
          if (exitCode !== 0) throw new Error(stderr.trim())
          if (stdout.trim() === "warm") return { isAnew: false }
          break
        } catch (error) {
          const pause = pauses[attempt]
          if (pause === undefined) throw new Error(`the machine did not start: ${messageOf(error)}`, { cause: error })
          await this.destroy().catch(() => {})
          await new Promise((resolve) => setTimeout(resolve, pause))
        }
      }
      try {
        await this.#snapshots.restore(saved.snapshot, this.#restoreTimeout)
        return { isAnew: true }
      } catch (error) {
        // A machine without its workspace is of no use to anybody.
        await this.destroy().catch(() => {})
        throw error
      }
    }

    /** What the shell is given: the command, or where that is too long for an argument, the name of a file that holds it. */
    async #scriptOf(id: string, command: string): Promise<string> {
      if (command.length < longestArgument / 4) return command
      const file = `/run/ownloop/${id}.command`
      await this.writeFile(file, command, { encoding: "utf-8", sessionId: sessionless })
      return `. ${file}`
    }

    #exec(command: string, env: Record<string, string> = {}) {
      return this.execWithSessionToken(command, sessionless, { origin: "internal", env })
    }

    /** What is done in the machine, once it holds the workspace. Where it refuses what is asked of a path, it is asked why. */
    async #using<A>(use: Use, act: () => Promise<A>, path?: string): Promise<Reply<A>> {
      this.#calls++
      this.#open++
      this.#vigils = 0
      try {
        return await this.#reply(async () => {
          const { isAnew } = await this.#boot(use)
          if (isAnew && use.saved.isBehind) throw new Lost(use.saved.snapshot?.created_at ?? null)
          const starts = this.#starts
          const value = await act()
          // A machine that something else started meanwhile has other files.
          if (this.#starts !== starts) throw new Error("the machine was started again meanwhile")
          return value
        }, path)
      } finally {
        this.#open--
      }
    }

    async #reply<A>(use: () => Promise<A>, path?: string): Promise<Reply<A>> {
      try {
        return { value: await use() }
      } catch (error) {
        if (error instanceof Lost) return { lostSince: error.savedAt }
        const problem = path === undefined || !isOfFiles(error) ? undefined : await this.#problemAt(path, error)
        return problem === undefined ? { unavailable: messageOf(error) } : { problem }
      }
    }

    async #problemAt(path: string, error: unknown): Promise<PathProblem | undefined> {
      if (/ENOSPC|no space left/i.test(messageOf(error))) return { kind: "full", detail: "no space left on device" }
      const at = quote(path)
      const { stdout, stderr } = await this.#exec(`export LC_ALL=C; [ -d ${at} ] && echo folder || stat -L -- ${at}`)
      if (stdout === "folder\n") return { kind: "folder", detail: "is a directory" }
      const detail = stderr.trim().split(": ").at(-1)?.toLowerCase() ?? ""
      if (detail === "no such file or directory") return { kind: "missing", detail }
      return detail === "" ? undefined : { kind: "invalid", detail }
    }
  }
  MicroVm.outboundHandlers = {
    gateway: async (request, env, { params }) => {
      const { hostname } = new URL(request.url)
      if (hostname === selfTestHost) return new Response(null, { status: 204 })
      // Without an owner nothing leaves.
      if (params === undefined) return new Response("this machine has no owner", { status: 403 })
      const owner = params as Owner // What #start set.
      if (hostname !== Archives.host) return (await outside.gateway(owner)).fetch(request)
      return Archives.handle(
        request,
        owner.sessionId,
        outside.machine(owner.sessionId),
        (env as Env & MachineEnv).BLOBS
      )
    }
  }
  return MicroVm
}

/** The machine began anew, without what was written since it was saved. */
class Lost extends Error {
  readonly savedAt: string | null
  constructor(savedAt: string | null) {
    super("the machine began anew")
    this.savedAt = savedAt
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Whether the server in the machine said it, about a file. */
const isOfFiles = (error: unknown): boolean => {
  const code = (error as { readonly code?: unknown } | null)?.code
  return (
    code === "FILE_NOT_FOUND" || code === "FILESYSTEM_ERROR" || code === "IS_DIRECTORY" || code === "FILE_TOO_LARGE"
  )
}
