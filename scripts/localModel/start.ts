import { fork } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { StartError } from "../brain.ts"
import { find } from "./llama.ts"
import type { Report } from "./main.ts"

export interface LocalModel {
  /** What a person would have set, had they started the server: it is the provider local. */
  readonly settings: { readonly OPENAI_BASE_URL: string; readonly OWNLOOP_CONTEXT_WINDOW: string }
  /** One line for the person who started it. */
  readonly found: string
  readonly stop: () => Promise<void>
}

/** Starts a model file in a process of its own, which ends with this one, and answers once it serves. */
export const startLocalModel = async (path: string, env: NodeJS.ProcessEnv = process.env): Promise<LocalModel> => {
  const file = resolve(path)
  if (!existsSync(file)) throw new StartError(`--local-model ${path}: there is no such file`)
  if (env["OPENAI_BASE_URL"]) {
    throw new StartError("--local-model and OPENAI_BASE_URL are both the provider local: unset OPENAI_BASE_URL")
  }
  find()
  const child = fork(join(import.meta.dirname, "main.ts"), [file], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const exited = once(child, "exit") as Promise<[code: number | null, signal: string | null]>
  const report = await Promise.race([once(child, "message").then(([message]) => message as Report), exited])
  if (!("type" in report)) throw new StartError(`the process of ${path} ${ending(report)} while it loaded the model`)
  if (report.type === "failed") throw new StartError(report.message)

  let stopping = false
  void exited.then((end) => {
    if (!stopping) {
      console.error(
        `the local model's process ${ending(end)}: requests to local/${report.name} fail until you start again`
      )
    }
  })
  const { contextSize, url } = report
  return {
    settings: {
      OPENAI_BASE_URL: url,
      OWNLOOP_CONTEXT_WINDOW: env["OWNLOOP_CONTEXT_WINDOW"] || String(contextSize)
    },
    found: `${path}: served at ${url} by process ${child.pid}; it holds ${contextSize} tokens`,
    stop: async () => {
      stopping = true
      child.kill()
      await exited
    }
  }
}

const ending = ([code, signal]: readonly [number | null, string | null]) =>
  signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
