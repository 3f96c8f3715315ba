import * as git from "isomorphic-git"
import type { Args } from "./Args.ts"
import { GitFailure, type Repository } from "./Repository.ts"

/** The commands that say how a repository stands. */

export const status = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const rows = (await git.statusMatrix(here)).map(([path, head, workdir, index]) => ({
    path,
    staged: index === head ? " " : head === 0 ? "A" : index === 0 ? "D" : index === 1 ? " " : "M",
    changed: index === 0 ? " " : workdir === 0 ? "D" : workdir === index ? " " : "M",
    untracked: index === 0 && workdir !== 0
  }))
  const staged = rows.filter(({ staged }) => staged !== " ")
  const changed = rows.filter(({ changed }) => changed !== " ")
  const untracked = rows.filter(({ untracked }) => untracked)
  if (args.has("-s", "--short", "--porcelain")) {
    const tracked = rows.filter(({ changed, staged }) => changed !== " " || staged !== " ")
    const lines = [
      ...tracked.map(({ changed, path, staged }) => `${staged}${changed} ${path}\n`),
      ...untracked.map(({ path }) => `?? ${path}\n`)
    ]
    return lines.join("")
  }
  const words: Readonly<Record<string, string>> = { A: "new file:   ", D: "deleted:    ", M: "modified:   " }
  const list = (title: string, lines: ReadonlyArray<string>) =>
    lines.length === 0 ? "" : `\n${title}:\n${lines.map((line) => `\t${line}\n`).join("")}`
  const branch = await git.currentBranch(here)
  return [
    branch ? `On branch ${branch}\n` : "HEAD detached\n",
    list(
      "Changes to be committed",
      staged.map(({ path, staged }) => `${words[staged]}${path}`)
    ),
    list(
      "Changes not staged for commit",
      changed.map(({ changed, path }) => `${words[changed]}${path}`)
    ),
    list(
      "Untracked files",
      untracked.map(({ path }) => path)
    ),
    staged.length + changed.length + untracked.length === 0 ? "nothing to commit, working tree clean\n" : ""
  ].join("")
}

export const log = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const [first, ...others] = args.rest
  const isPath =
    first !== undefined &&
    (await repository.commit(first).then(
      () => false,
      () => true
    ))
  const paths = [...(isPath ? [first] : []), ...others, ...args.paths]
  const count = args.value("-n", "--max-count")
  if (count !== undefined && !/^\d+$/.test(count)) throw new GitFailure(`'${count}': not an integer`)
  const commits = await git.log({
    ...here,
    ref: await repository.commit(isPath || first === undefined ? "HEAD" : first),
    ...(count === undefined ? {} : { depth: Number(count) }),
    ...(paths[0] === undefined ? {} : { filepath: await repository.inTree(paths[0]), force: true })
  })
  return commits
    .map(({ commit, oid }) => {
      const [subject = ""] = commit.message.split("\n")
      if (args.has("--oneline")) return `${oid.slice(0, 7)} ${subject}\n`
      const { email, name, timestamp, timezoneOffset } = commit.author
      const body = commit.message.trimEnd().replace(/^(?=.)/gm, "    ")
      return `commit ${oid}\nAuthor: ${name} <${email}>\nDate:   ${dateOf(timestamp, timezoneOffset)}\n\n${body}\n`
    })
    .join(args.has("--oneline") ? "" : "\n")
}

/** As git writes one: `Tue Nov 24 16:16:16 2026 +0100`. */
const dateOf = (seconds: number, offset: number): string => {
  const [day, date, month, year, time] = new Date((seconds - offset * 60) * 1000).toUTCString().split(/,? /)
  const minutes = Math.abs(offset)
  const zone = [minutes / 60, minutes % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join("")
  return `${day} ${month} ${Number(date)} ${time} ${year} ${offset > 0 ? "-" : "+"}${zone}`
}

export const branch = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const current = (await git.currentBranch(here)) ?? ""
  if (args.has("--show-current")) return current === "" ? "" : `${current}\n`
  const [name, start] = args.rest
  if (args.has("-d", "-D", "--delete")) {
    for (const ref of args.rest) {
      if (ref === current) throw new GitFailure(`cannot delete branch '${ref}' used by worktree at '${here.dir}'`, 1)
      await git.deleteBranch({ ...here, ref })
    }
    return args.rest.map((ref) => `Deleted branch ${ref}.\n`).join("")
  }
  if (args.has("-m", "-M", "--move")) {
    const [oldref, ref] = start === undefined ? [current, name] : [name, start]
    if (ref === undefined || !oldref) throw new GitFailure("branch name required", 129)
    await git.renameBranch({ ...here, oldref, ref, checkout: oldref === current })
    return ""
  }
  if (name !== undefined) {
    const object = await repository.commit(start ?? "HEAD")
    await git.branch({ ...here, ref: name, object, force: args.has("-f", "--force") })
    return ""
  }
  const local = (await git.listBranches(here)).map((name) => `${name === current ? "*" : " "} ${name}\n`)
  if (!args.has("-a", "--all", "-r", "--remotes")) return local.join("")
  const remotes = await git.listRemotes(here)
  const remote = await Promise.all(
    remotes.map(async ({ remote }) =>
      (await git.listBranches({ ...here, remote })).map((name) => `  remotes/${remote}/${name}\n`)
    )
  )
  return [...(args.has("-r", "--remotes") ? [] : local), ...remote.flat()].join("")
}

export const remote = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const [action, name = "", url = ""] = args.rest
  switch (action) {
    case undefined: {
      const all = await git.listRemotes(here)
      return all.map(({ remote, url }) => `${remote}\t${url}\n`).join("")
    }
    case "add":
      await git.addRemote({ ...here, remote: name, url })
      return ""
    case "set-url":
      await git.addRemote({ ...here, remote: name, url, force: true })
      return ""
    case "remove":
      await git.deleteRemote({ ...here, remote: name })
      return ""
    case "get-url":
      return `${(await repository.config(`remote.${name}.url`)) ?? ""}\n`
    default:
      throw new GitFailure(`remote: there is no ${action} here`, 129)
  }
}

export const revParse = async (repository: Repository, args: Args): Promise<string> => {
  if (args.has("--show-toplevel")) return `${await repository.root()}\n`
  if (args.has("--is-inside-work-tree")) return `${(await repository.root()) !== ""}\n`
  const names = args.rest.length === 0 ? ["HEAD"] : args.rest
  if (args.has("--abbrev-ref")) return `${(await git.currentBranch(await repository.here())) ?? "HEAD"}\n`
  const oids = await Promise.all(names.map((name) => repository.commit(name)))
  return oids.map((oid) => `${args.has("--short") ? oid.slice(0, 7) : oid}\n`).join("")
}
