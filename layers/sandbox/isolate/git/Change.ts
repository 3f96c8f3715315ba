import * as git from "isomorphic-git"
import { resolve } from "../../Paths.ts"
import type { Args } from "./Args.ts"
import { GitFailure, type Repository } from "./Repository.ts"

/** The commands that change this repository. */

export const init = async ({ fs, host }: Repository, args: Args): Promise<string> => {
  const dir = resolve(host.cwd, args.rest[0] ?? ".")
  host.files.mkdir(dir, { recursive: true })
  await git.init({ fs, dir, defaultBranch: args.value("-b", "--initial-branch") ?? "main" })
  return `Initialized empty Git repository in ${dir}/.git/\n`
}

/** Files below the paths, with what became of each. */
const matrix = async (repository: Repository, paths: ReadonlyArray<string>) => {
  const filepaths = await Promise.all(paths.map((path) => repository.inTree(path)))
  return git.statusMatrix({ ...(await repository.here()), ...(filepaths.length === 0 ? {} : { filepaths }) })
}

/** Brings what is in the working tree into the index, deletions too. */
const stage = async (repository: Repository, rows: Awaited<ReturnType<typeof matrix>>) => {
  const here = await repository.here()
  for (const [filepath, , workdir, index] of rows) {
    if (workdir === 0 && index !== 0) await git.remove({ ...here, filepath })
    else if (workdir !== 0 && workdir !== index) await git.add({ ...here, filepath })
  }
}

export const add = async (repository: Repository, args: Args): Promise<string> => {
  const paths = [...args.rest, ...args.paths]
  const all = args.has("-A", "--all")
  const tracked = args.has("-u", "--update")
  if (paths.length === 0 && !all && !tracked) throw new GitFailure("Nothing specified, nothing added.", 0)
  const rows = await matrix(repository, paths)
  for (const path of paths) {
    const typed = await repository.inTree(path)
    const known = rows.some(([file]) => typed === "." || file === typed || file.startsWith(`${typed}/`))
    const isEmpty = repository.host.files.exists(resolve(repository.host.cwd, path))
    if (!known && !isEmpty) throw new GitFailure(`pathspec '${path}' did not match any files`)
  }
  await stage(
    repository,
    rows.filter(([, head, , index]) => !tracked || head !== 0 || index !== 0)
  )
  return ""
}

export const rm = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const lines: Array<string> = []
  for (const path of [...args.rest, ...args.paths]) {
    const typed = await repository.inTree(path)
    const files = (await git.listFiles(here)).filter((file) => file === typed || file.startsWith(`${typed}/`))
    if (files.length === 0) throw new GitFailure(`pathspec '${path}' did not match any files`)
    if (!files.includes(typed) && !args.has("-r")) throw new GitFailure(`not removing '${path}' recursively without -r`)
    for (const filepath of files) {
      await git.remove({ ...here, filepath })
      if (!args.has("--cached")) repository.host.files.remove(`${here.dir}/${filepath}`, { force: true })
      lines.push(`rm '${filepath}'\n`)
    }
  }
  return lines.join("")
}

export const commit = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const rows = await matrix(repository, [])
  if (args.has("-a", "--all"))
    await stage(
      repository,
      rows.filter(([, head, , index]) => head !== 0 || index !== 0)
    )
  const amend = args.has("--amend")
  const message = args.all("-m").concat(args.all("--message")).join("\n\n")
  if (message === "" && !amend) throw new GitFailure("Aborting commit due to empty commit message: give one with -m", 1)
  const staged = (await matrix(repository, [])).some(([, head, , index]) => (head === 0 ? index !== 0 : index !== 1))
  if (!staged && !amend && !args.has("--allow-empty")) {
    throw new GitFailure('nothing added to commit (use "git add" to track what you changed)', 1)
  }
  const author = await repository.identity()
  const oid = await git.commit({
    ...here,
    author,
    committer: await repository.identity("COMMITTER"),
    amend,
    ...(message === "" ? {} : { message })
  })
  const { commit } = await git.readCommit({ ...here, oid })
  const branch = (await git.currentBranch(here)) ?? "detached HEAD"
  return `[${branch} ${oid.slice(0, 7)}] ${commit.message.split("\n")[0]}\n`
}

export const checkout = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const created = args.value("-b", "-B", "-c", "-C")
  if (created !== undefined) {
    const [start] = args.rest
    const object = start === undefined ? undefined : await repository.commit(start)
    await git.branch({
      ...here,
      ref: created,
      force: args.has("-B", "-C"),
      ...(object === undefined ? {} : { object })
    })
    // Without a start the working tree stays as it is.
    await git.checkout({ ...here, ref: created, ...(start === undefined ? { noCheckout: true } : {}) })
    return `Switched to a new branch '${created}'\n`
  }
  const [ref, ...more] = args.rest
  const paths = [...more, ...args.paths]
  if (paths.length > 0 || (ref !== undefined && !(await isRevision(repository, ref)))) {
    const filepaths = await Promise.all((paths.length > 0 ? paths : [ref!]).map((path) => repository.inTree(path)))
    const files = await git.listFiles(here)
    const unknown = filepaths.find(
      (path) => path !== "." && !files.some((file) => file === path || file.startsWith(`${path}/`))
    )
    if (unknown !== undefined) throw new GitFailure(`pathspec '${unknown}' did not match any file(s) known to git`, 1)
    const from = paths.length > 0 && ref !== undefined ? await repository.commit(ref) : undefined
    await git.checkout({
      ...here,
      filepaths,
      force: true,
      noUpdateHead: true,
      ...(from === undefined ? {} : { ref: from })
    })
    return ""
  }
  if (ref === undefined) throw new GitFailure("a branch, a commit or a path is missing", 129)
  const branches = [...(await git.listBranches(here)), ...(await git.listBranches({ ...here, remote: "origin" }))]
  const isBranch = branches.includes(ref)
  await git.checkout({ ...here, ref: isBranch ? ref : await repository.commit(ref), force: args.has("-f", "--force") })
  return isBranch
    ? `Switched to branch '${ref}'\n`
    : `HEAD is now at ${(await repository.commit("HEAD")).slice(0, 7)}\n`
}

const isRevision = async (repository: Repository, name: string) => {
  const remote = await git.listBranches({ ...(await repository.here()), remote: "origin" })
  return (
    remote.includes(name) ||
    repository.commit(name).then(
      () => true,
      () => false
    )
  )
}

export const config = async (repository: Repository, args: Args): Promise<string> => {
  const [path, value] = args.rest
  if (path === undefined) throw new GitFailure("give the name of a setting", 129)
  const where = args.has("--global") ? repository.global : await repository.here()
  if (value !== undefined || args.has("--unset")) {
    // The file has no folder yet where nothing was set.
    if (args.has("--global")) repository.host.files.mkdir(repository.global.gitdir, { recursive: true })
    await git.setConfig({ ...where, path, value })
    return ""
  }
  const found = args.has("--global") ? await git.getConfig({ ...where, path }) : await repository.config(path)
  if (found === undefined) throw new GitFailure("", 1)
  return `${String(found)}\n`
}
