import type { Sandbox } from "@cloudflare/sandbox"
import type { EventId } from "../../../src/domain/Ids.ts"
import type { Machine, Owner, PathProblem, Ran, Reply, Run } from "./Protocol.ts"
import { quote } from "./quote.ts"

/** Variables of the Worker that a machine reads. */
export interface MachineEnv {
  /** How the SDK speaks with the server in the machine. `rpc` where absent; the stand-in image of the tests speaks `http` only. */
  readonly OWNLOOP_SANDBOX_TRANSPORT?: string
  /** How long a machine that nobody uses stays, as the SDK writes it: `10m`, `90s`. */
  readonly OWNLOOP_SANDBOX_SLEEP_AFTER?: string
}

/** What leaves for this host is answered here: it proves at boot that the gateway is reached and its certificate trusted. */
const selfTestHost = "self-test.ownloop.internal"

/** The SDK's name for "in no session": a process of its own for every command. */
const sessionless = "__DISABLE_SESSION__"

/** Bytes of one argument of a process; Linux takes 128 KiB. */
const longestArgument = 100_000

/** Milliseconds between the attempts to start a machine. */
const pauses = [500, 2_000]

/** The SDK's class, with what a session asks of its machine. */
export type MachineClass<Env> = Pick<typeof Sandbox, "outboundHandlers"> &
  (new (ctx: DurableObjectState<{}>, env: Env) => Sandbox<Env> & Machine)

/**
 * Makes the class of the Durable Object that owns a session's container. `gateway` is the only way out: a named outbound handler that is
 * given the owner, whatever a request says. Port 80 and 443 lead there, and everything else is closed.
 */
export const make = <Env extends object>(
  Base: typeof Sandbox<Env>,
  gateway: (owner: Owner) => Promise<Fetcher>
): MachineClass<Env> => {
  class MicroVm extends Base implements Machine {
    override enableInternet = false
    override interceptHttps = true
    override sleepAfter: string
    /** The one boot that all callers wait for; undefined where the container must be looked after first. */
    #ready: Promise<void> | undefined
    #isUp = false
    /** Starts of the container that this object has seen. */
    #starts = 0
    readonly #cancelled = new Set<string>()
    #toolUse: EventId | null = null

    constructor(ctx: DurableObjectState<{}>, env: Env & MachineEnv) {
      super(ctx, Object.assign({}, env, { SANDBOX_TRANSPORT: env.OWNLOOP_SANDBOX_TRANSPORT ?? "rpc" }))
      this.sleepAfter = env.OWNLOOP_SANDBOX_SLEEP_AFTER ?? "10m"
    }

    run(owner: Owner, { id, toolUseId, command, variables, timeout, output }: Run): Promise<Reply<Ran>> {
      return this.#reply(async () => {
        await this.#boot(owner)
        this.#toolUse = toolUseId
        const script = await this.#scriptOf(id, command)
        if (this.#cancelled.delete(id))
          return { stdout: "", stderr: "", exitCode: 137, timedOut: false, truncated: false }
        const { stdout, stderr } = await this.#exec(
          `/opt/ownloop/run ${id} ${timeout / 1_000} ${output} ${quote(script)}`,
          { OWNLOOP_VARIABLES: exported(variables) }
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

    query(owner: Owner, command: string) {
      return this.#reply(async () => {
        await this.#boot(owner)
        const { stdout, stderr, exitCode } = await this.#exec(command)
        return { stdout, stderr, exitCode }
      })
    }

    readBytes(owner: Owner, path: string): Promise<Reply<Uint8Array>> {
      return this.#atPath(owner, path, async () => {
        const { content } = await this.readFile(path, { encoding: "base64", sessionId: sessionless })
        return new Uint8Array(Buffer.from(content, "base64"))
      })
    }

    writeBytes(owner: Owner, path: string, content: Uint8Array): Promise<Reply<void>> {
      return this.#atPath(owner, path, async () => {
        const starts = this.#starts
        const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("base64")
        await this.writeFile(path, text, { encoding: "base64", sessionId: sessionless })
        // A machine that started meanwhile began with other files.
        if (this.#starts !== starts) throw new Error("the machine was started again while a file was written")
      })
    }

    async release(): Promise<void> {
      this.#forget()
      await this.destroy()
    }

    override async onStart() {
      this.#starts++
      await super.onStart()
    }

    override async onStop(params?: Parameters<Sandbox["onStop"]>[0]) {
      // While it starts, whoever starts it sees that it stopped.
      if (this.#isUp) this.#forget()
      await super.onStop(params)
    }

    /** Starts the machine where it does not run; all who come meanwhile wait for the same start. */
    #boot(owner: Owner): Promise<void> {
      if (this.#isUp && this.ctx.container?.running !== true) this.#forget()
      return (this.#ready ??= this.#start(owner).then(
        () => {
          this.#isUp = true
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

    async #start(owner: Owner): Promise<void> {
      await this.setOutboundHandler("gateway", owner)
      for (let attempt = 0; ; attempt++) {
        try {
          await this.startAndWaitForPorts({ ports: this.defaultPort })
          const { exitCode, stderr } = await this.#exec("/opt/ownloop/boot")
          if (exitCode !== 0) throw new Error(stderr.trim())
          return
        } catch (error) {
          const pause = pauses[attempt]
          if (pause === undefined) throw new Error(`the machine did not start: ${messageOf(error)}`, { cause: error })
          await this.destroy().catch(() => {})
          await new Promise((resolve) => setTimeout(resolve, pause))
        }
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

    /** Where the machine refuses, it is asked why. */
    #atPath<A>(owner: Owner, path: string, use: () => Promise<A>): Promise<Reply<A>> {
      return this.#reply(async () => {
        await this.#boot(owner)
        return use()
      }, path)
    }

    async #reply<A>(use: () => Promise<A>, path?: string): Promise<Reply<A>> {
      try {
        return { value: await use() }
      } catch (error) {
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
    gateway: async (request, _env, { params }) => {
      if (new URL(request.url).hostname === selfTestHost) return new Response(null, { status: 204 })
      // Without an owner nothing leaves.
      if (params === undefined) return new Response("this machine has no owner", { status: 403 })
      return (await gateway(params as Owner)).fetch(request) // What #start set.
    }
  }
  return MicroVm
}

/** A shell's words for these variables, which are given after what the last command left. */
const exported = (variables: Run["variables"]): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quote(value)}`)
    .join("\n")

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Whether the server in the machine said it, about a file. */
const isOfFiles = (error: unknown): boolean => {
  const code = (error as { readonly code?: unknown } | null)?.code
  return (
    code === "FILE_NOT_FOUND" || code === "FILESYSTEM_ERROR" || code === "IS_DIRECTORY" || code === "FILE_TOO_LARGE"
  )
}

/** What `image/run` says after its last record separator. */
const ended = (stdout: string, all: string): Ran => {
  const at = all.lastIndexOf("\x1e")
  if (at < 0) throw new Error(`the command's runner was ended from outside ${all.trim()}`.trim())
  const [exitCode, timedOut, truncated] = all.slice(at + 1).split(" ")
  return {
    stdout: withoutCut(stdout, truncated === "1"),
    stderr: withoutCut(all.slice(0, at), truncated === "1"),
    exitCode: Number(exitCode),
    timedOut: timedOut === "1",
    truncated: truncated === "1"
  }
}

/** Without the character that a cut went through. */
const withoutCut = (text: string, truncated: boolean): string => (truncated ? text.replace(/\ufffd$/, "") : text)
