import { parse, type Args, type Options } from "./Args.ts"
import * as Change from "./Change.ts"
import * as Diff from "./Diff.ts"
import * as Inspect from "./Inspect.ts"
import * as Network from "./Network.ts"
import { GitFailure, type Host, Repository } from "./Repository.ts"
import { resolve } from "../../Paths.ts"

/** A module of its own, which the shell loads when `git` is first run. */

interface Command extends Options {
  readonly run: (repository: Repository, args: Args) => Promise<string>
}

const switching = { flags: ["-f", "--force"], values: ["-b", "-B", "-c", "-C"], run: Change.checkout }

const commands: Readonly<Record<string, Command>> = {
  add: { flags: ["-A", "--all", "-u", "--update"], run: Change.add },
  branch: {
    flags: [
      "-a",
      "--all",
      "-r",
      "--remotes",
      "-d",
      "-D",
      "--delete",
      "-m",
      "-M",
      "--move",
      "-f",
      "--force",
      "--show-current"
    ],
    run: Inspect.branch
  },
  checkout: switching,
  clone: {
    flags: ["--single-branch", "--no-tags"],
    values: ["-b", "--branch", "--depth"],
    run: Network.clone
  },
  commit: {
    flags: ["-a", "--all", "--amend", "--no-edit", "--allow-empty"],
    values: ["-m", "--message"],
    run: Change.commit
  },
  config: { flags: ["--global", "--local", "--get", "--unset"], run: Change.config },
  diff: { flags: ["--staged", "--cached", "--name-only"], run: Diff.diff },
  fetch: { flags: ["-p", "--prune", "-t", "--tags", "--all"], values: ["--depth"], run: Network.fetch },
  init: { values: ["-b", "--initial-branch"], run: Change.init },
  log: { flags: ["--oneline"], values: ["-n", "--max-count"], run: Inspect.log },
  pull: { flags: ["--ff-only"], run: Network.pull },
  push: { flags: ["-u", "--set-upstream", "-f", "--force", "-d", "--delete"], run: Network.push },
  remote: { run: Inspect.remote },
  "rev-parse": {
    flags: ["--show-toplevel", "--abbrev-ref", "--short", "--is-inside-work-tree", "--verify"],
    run: Inspect.revParse
  },
  rm: { flags: ["-r", "-f", "--cached"], run: Change.rm },
  show: { run: Diff.show },
  status: { flags: ["-s", "--short", "--porcelain"], run: Inspect.status },
  switch: switching
}

export interface Printed {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

/** `git` with these arguments. */
export const run = async (args: ReadonlyArray<string>, host: Host): Promise<Printed> => {
  try {
    return { stdout: await dispatch(args, host), stderr: "", exitCode: 0 }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const exitCode = error instanceof GitFailure ? error.exitCode : 128
    return {
      stdout: "",
      stderr: message === "" ? "" : `${exitCode === 128 ? "fatal" : "error"}: ${message}\n`,
      exitCode
    }
  }
}

const dispatch = async (args: ReadonlyArray<string>, host: Host): Promise<string> => {
  const [name, ...rest] = args
  if (name === "-C") return dispatch(rest.slice(1), { ...host, cwd: resolve(host.cwd, rest[0] ?? ".") })
  if (name === "--no-pager") return dispatch(rest, host)
  if (name === "--version" || name === "version") return "git version 2 (isomorphic-git)\n"
  const known = Object.keys(commands).join(", ")
  if (name === undefined || name === "--help" || name === "help") return `The git of this sandbox has: ${known}\n`
  if (!Object.hasOwn(commands, name)) {
    throw new GitFailure(`'${name}' is not a command of the git of this sandbox, which has: ${known}`, 1)
  }
  const command = commands[name]!
  // `git log -3` is `git log -n 3`.
  const counted = name === "log" ? rest.flatMap((arg) => (/^-\d+$/.test(arg) ? ["-n", arg.slice(1)] : [arg])) : rest
  return command.run(new Repository(host), parse(name, counted, command))
}
