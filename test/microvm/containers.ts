import { setTimeout } from "node:timers/promises"
import { execFileSync, spawnSync } from "node:child_process"

const program = process.env["WRANGLER_DOCKER_BIN"] ?? "docker"

export const docker = (...input: ReadonlyArray<string>) => execFileSync(program, input, { encoding: "utf8" })

/** Whether a command in a container succeeds, while there is such a container. */
export const succeeds = (container: string, ...command: ReadonlyArray<string>): boolean =>
  spawnSync(program, ["exec", container, ...command], { stdio: "ignore" }).status === 0

/** Ids of the containers of sessions, without what the runtime puts beside each. */
export const containers = (): ReadonlyArray<string> =>
  docker("ps", "--format", "{{.ID}} {{.Names}}")
    .split("\n")
    .filter((line) => line.includes(" workerd-") && line.includes("MicroVm") && !line.endsWith("-proxy"))
    .map((line) => line.slice(0, line.indexOf(" ")))

/** Waits for what happens in other processes, and leaves them the processor. */
export const until = async (isTrue: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isTrue())) await setTimeout(50)
}
