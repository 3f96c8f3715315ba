import { spawnSync } from "node:child_process"

/** Whether sessions on this machine can have a Linux machine of their own. */
export interface Machines {
  readonly areThere: boolean
  /** One line for the person who started it. */
  readonly found: string
}

const answers = (docker: string) => spawnSync(docker, ["info"], { stdio: "ignore", timeout: 10_000 }).status === 0

/** Asked for with `OWNLOOP_MICROVM=1`, since the first start then builds an image of a few hundred megabytes. */
export const findMachines = (env: NodeJS.ProcessEnv): Machines => {
  if (env["OWNLOOP_MICROVM"] !== "1") {
    return {
      areThere: false,
      found: "sandbox isolate; with a container engine and OWNLOOP_MICROVM=1 environments may also ask for microvm"
    }
  }
  if (answers(env["WRANGLER_DOCKER_BIN"] ?? "docker")) {
    return { areThere: true, found: "sandbox isolate, or microvm where an environment asks for it" }
  }
  return {
    areThere: false,
    found:
      "sandbox isolate only: OWNLOOP_MICROVM is set, but no container engine answers (`docker info`). A session that asks for microvm is refused"
  }
}
