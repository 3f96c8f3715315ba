import * as git from "isomorphic-git"
import { resolve } from "../../Paths.ts"
import type { Args } from "./Args.ts"
import { GitFailure, type Repository } from "./Repository.ts"

/** The commands that talk to another repository. */

const httpOnly = (url: string): string => {
  if (/^https?:\/\//.test(url)) return url
  throw new GitFailure(`'${url}': only https and http are reached from this sandbox`)
}

export const clone = async (repository: Repository, args: Args): Promise<string> => {
  const [url, into] = args.rest
  if (url === undefined) throw new GitFailure("You must specify a repository to clone.", 129)
  const { cache, fs, host, http } = repository
  const name =
    into ??
    url
      .replace(/\/+$/, "")
      .replace(/\.git$/, "")
      .replace(/^.*\//, "")
  const dir = resolve(host.cwd, name)
  if (host.files.exists(dir) && host.files.readdir(dir).length > 0) {
    throw new GitFailure(`destination path '${name}' already exists and is not an empty directory.`)
  }
  const existed = host.files.exists(dir)
  if (!existed) host.files.mkdir(dir, { recursive: true })
  const ref = args.value("-b", "--branch")
  const depth = depthOf(args)
  try {
    await git.clone({
      fs,
      http,
      cache,
      dir,
      url: httpOnly(url),
      ...(ref === undefined ? {} : { ref }),
      ...(depth === undefined ? {} : { depth }),
      singleBranch: args.has("--single-branch") || depth !== undefined,
      noTags: args.has("--no-tags")
    })
  } catch (error) {
    host.files.remove(dir, { recursive: true, force: true })
    if (existed) host.files.mkdir(dir)
    throw error
  }
  return `Cloning into '${name}'...\n`
}

const depthOf = (args: Args): number | undefined => {
  const depth = args.value("--depth")
  if (depth === undefined) return undefined
  if (!/^[1-9]\d*$/.test(depth)) throw new GitFailure(`depth ${depth} is not a positive number`)
  return Number(depth)
}

/** Which remote and branch a command is about, where it does not say. */
const target = async (repository: Repository, [remote, branch]: ReadonlyArray<string>) => {
  const current = await repository.branch()
  const name = remote ?? (await repository.config(`branch.${current}.remote`)) ?? "origin"
  const url = await repository.config(`remote.${name}.url`)
  if (url === undefined) throw new GitFailure(`'${name}' does not appear to be a git repository`)
  return { current, remote: name, url: httpOnly(url), ref: branch }
}

export const fetch = async (repository: Repository, args: Args): Promise<string> => {
  const { ref, remote, url } = await target(repository, args.rest)
  const depth = depthOf(args)
  await git.fetch({
    ...(await repository.network()),
    remote,
    prune: args.has("-p", "--prune"),
    tags: args.has("-t", "--tags"),
    ...(depth === undefined ? {} : { depth }),
    ...(ref === undefined ? {} : { ref, singleBranch: true })
  })
  return `From ${url}\n`
}

export const pull = async (repository: Repository, args: Args): Promise<string> => {
  const { current, ref, remote, url } = await target(repository, args.rest)
  const network = await repository.network()
  const before = await repository.commit("HEAD")
  const fastForwardOnly = args.has("--ff-only")
  await git.pull({
    ...network,
    remote,
    ref: current,
    ...(ref === undefined ? {} : { remoteRef: ref }),
    fastForwardOnly,
    // Whoever only moves forward writes no commit, and needs no name.
    author: await repository.identity().catch((error: unknown) => {
      if (fastForwardOnly) return { name: "git", email: "git@localhost" }
      throw error
    })
  })
  const after = await repository.commit("HEAD")
  const moved = before === after ? "Already up to date." : `Updating ${before.slice(0, 7)}..${after.slice(0, 7)}`
  return `From ${url}\n${moved}\n`
}

export const push = async (repository: Repository, args: Args): Promise<string> => {
  const [remoteName, spec] = args.rest
  const forced = spec?.startsWith("+") === true
  const [source, destination] = (forced ? spec.slice(1) : (spec ?? "")).split(":")
  const { current, remote, url } = await target(repository, remoteName === undefined ? [] : [remoteName])
  const ref = source === undefined || source === "" || source === "HEAD" ? current : source
  const remoteRef = destination ?? ref
  const isDeletion = args.has("-d", "--delete")
  const network = await repository.network()
  const result = await git.push({
    ...network,
    remote,
    ref,
    remoteRef,
    force: forced || args.has("-f", "--force"),
    delete: isDeletion
  })
  const refused = Object.values(result.refs).find(({ ok }) => !ok)
  if (!result.ok || refused !== undefined) throw new GitFailure(refused?.error ?? result.error ?? "the push failed", 1)
  if (args.has("-u", "--set-upstream")) {
    await git.setConfig({ ...network, path: `branch.${ref}.remote`, value: remote })
    await git.setConfig({ ...network, path: `branch.${ref}.merge`, value: `refs/heads/${remoteRef}` })
  }
  return `To ${url}\n   ${isDeletion ? `[deleted] ${remoteRef}` : `${ref} -> ${remoteRef}`}\n`
}
