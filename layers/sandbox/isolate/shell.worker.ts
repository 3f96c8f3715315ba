import { WorkerEntrypoint } from "cloudflare:workers"
import type {
  CodeRequest,
  ExecReply,
  ExecRequest,
  GrepReply,
  GrepRequest,
  Host,
  Request,
  Shell as Contract
} from "./Protocol.ts"
import { Shell } from "./Shell.ts"
import type { ExecResult } from "../../../src/SandboxBackend.ts"

/** Lasts as long as the isolate, which serves one session. */
let shell: Shell | undefined

/** A module of this isolate beside this one (see Isolate): by a name that the bundler does not follow. */
const gitModule: string = "~git.js"

const open = ({ settings }: Request): Shell =>
  (shell ??= new Shell(
    settings.root,
    (input, init) => fetch(input, init),
    () => import(gitModule) as Promise<typeof import("./git/Git.ts")>
  ))

export default class ShellWorker extends WorkerEntrypoint implements Contract {
  exec(request: ExecRequest, host: Host): Promise<ExecReply> {
    return open(request).exec(request, host)
  }

  runCode(request: CodeRequest, host: Host): Promise<ExecResult> {
    return open(request).runCode(request, host)
  }

  grep(request: GrepRequest, host: Host): Promise<GrepReply> {
    return open(request).grep(request, host)
  }
}
