import * as git from "isomorphic-git"
import { resolve } from "../../Paths.ts"
import type { Files } from "../Files.ts"
import { gitFiles } from "./GitFiles.ts"
import { gitHttp } from "./GitHttp.ts"

/** What a git command may use. */
export interface Host {
  readonly files: Files
  readonly fetch: typeof globalThis.fetch
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Aborted where nobody waits for the answer any more. */
  readonly stop: AbortSignal
}

/** What git itself says before it ends with this code. */
export class GitFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 128) {
    super(message)
    this.exitCode = exitCode
  }
}

const identityMissing = `Author identity unknown

*** Please tell me who you are. Run

  git config --global user.email "you@example.com"
  git config --global user.name "Your Name"`

/** Where a command runs, with what every one of them needs. Objects that were read stay in `cache` until it is over. */
export class Repository {
  readonly fs: ReturnType<typeof gitFiles>
  readonly http: ReturnType<typeof gitHttp>
  readonly cache = {}
  readonly host: Host

  constructor(host: Host) {
    this.host = host
    this.fs = gitFiles(host.files)
    this.http = gitHttp(host.fetch, host.stop)
  }

  /** The folder of the working tree around the current one. */
  async root(): Promise<string> {
    return git.findRoot({ fs: this.fs, filepath: this.host.cwd }).catch(() => {
      throw new GitFailure("not a git repository (or any of the parent directories): .git")
    })
  }

  /** What most calls of isomorphic-git begin with. */
  async here() {
    const { cache, fs } = this
    return { fs, cache, dir: await this.root() }
  }

  async network() {
    return { ...(await this.here()), http: this.http }
  }

  /** A path as typed, as git names it: from the root of the working tree, which is `.`. */
  async inTree(path: string): Promise<string> {
    const root = await this.root()
    const absolute = resolve(this.host.cwd, path)
    if (absolute === root) return "."
    if (!absolute.startsWith(`${root}/`)) throw new GitFailure(`${path}: is outside repository at '${root}'`)
    return absolute.slice(root.length + 1)
  }

  /** Where `git config --global` keeps its settings: as of git, a folder in the home of the user. */
  get global() {
    return { fs: this.fs, gitdir: `${this.host.env["HOME"] ?? "/workspace"}/.config/git` }
  }

  /** A setting, of the repository or else of the user. */
  async config(path: string): Promise<string | undefined> {
    const own = await git.getConfig({ ...(await this.here()), path })
    return (own ?? (await git.getConfig({ ...this.global, path }).catch(() => undefined))) as string | undefined
  }

  async identity(kind: "AUTHOR" | "COMMITTER" = "AUTHOR") {
    const { env } = this.host
    const name = env[`GIT_${kind}_NAME`] ?? (await this.config("user.name"))
    const email = env[`GIT_${kind}_EMAIL`] ?? (await this.config("user.email"))
    if (!name || !email) throw new GitFailure(identityMissing)
    return { name, email }
  }

  async branch(): Promise<string> {
    const branch = await git.currentBranch({ ...(await this.here()), test: false })
    if (!branch) throw new GitFailure("You are not currently on a branch.")
    return branch
  }

  /** A commit by its name: a branch, a tag, `HEAD`, `HEAD~2`, the beginning of a hash. */
  async commit(name: string): Promise<string> {
    const here = await this.here()
    const [, base = name, steps = ""] = /^(.+?)((?:~\d*|\^)*)$/.exec(name) ?? []
    const start = await git
      .resolveRef({ ...here, ref: base })
      .catch(() => git.expandOid({ ...here, oid: base }))
      .catch(() => {
        throw new GitFailure(`ambiguous argument '${name}': unknown revision or path not in the working tree.`)
      })
    let { commit, oid } = await git.readCommit({ ...here, oid: start })
    for (const [, digits] of steps.matchAll(/~(\d*)|\^/g)) {
      for (let left = digits === undefined || digits === "" ? 1 : Number(digits); left > 0; left--) {
        const [parent] = commit.parent
        if (parent === undefined) throw new GitFailure(`ambiguous argument '${name}': unknown revision`)
        ;({ commit, oid } = await git.readCommit({ ...here, oid: parent }))
      }
    }
    return oid
  }
}
