import { Buffer } from "node:buffer"
import { createTwoFilesPatch } from "diff"
import * as git from "isomorphic-git"
import type { Args } from "./Args.ts"
import type { Repository } from "./Repository.ts"

/** A file that differs between two sides; null where there is none. */
interface Change {
  readonly path: string
  readonly before: Uint8Array | null
  readonly after: Uint8Array | null
}

export const diff = async (repository: Repository, args: Args): Promise<string> => {
  const { isPath, names } = await split(repository, args.rest)
  const paths = await Promise.all([...isPath, ...args.paths].map((path) => repository.inTree(path)))
  const staged = args.has("--staged", "--cached")
  const oids = await Promise.all(names.map((name) => repository.commit(name)))
  const [from, to] = oids
  const trees = [
    from === undefined ? (staged ? git.TREE({ ref: "HEAD" }) : git.STAGE()) : git.TREE({ ref: from }),
    to === undefined ? (staged ? git.STAGE() : git.WORKDIR()) : git.TREE({ ref: to })
  ]
  const changes = await between(repository, trees, paths)
  if (args.has("--name-only")) return changes.map(({ path }) => `${path}\n`).join("")
  return changes.map(patchOf).join("")
}

/** `git show`: a commit, and what it changed. */
export const show = async (repository: Repository, args: Args): Promise<string> => {
  const here = await repository.here()
  const oid = await repository.commit(args.rest[0] ?? "HEAD")
  const { commit } = await git.readCommit({ ...here, oid })
  const [parent] = commit.parent
  const trees = [...(parent === undefined ? [] : [git.TREE({ ref: parent })]), git.TREE({ ref: oid })]
  const changes = await between(repository, parent === undefined ? [nothing, ...trees] : trees, [])
  const head = `commit ${oid}\nAuthor: ${commit.author.name} <${commit.author.email}>\n\n`
  return `${head}${commit.message.trimEnd().replace(/^(?=.)/gm, "    ")}\n\n${changes.map(patchOf).join("")}`
}

/** Stands for the parent that a first commit does not have. */
const nothing = undefined

/** `a..b` names two commits; what names none is a path. */
const split = async (repository: Repository, rest: ReadonlyArray<string>) => {
  const names: Array<string> = []
  const isPath: Array<string> = []
  for (const name of rest.flatMap((one) => one.split(/\.{2,3}/))) {
    const known =
      isPath.length === 0 &&
      (await repository.commit(name || "HEAD").then(
        () => true,
        () => false
      ))
    if (known) names.push(name || "HEAD")
    else isPath.push(name)
  }
  return { names, isPath }
}

const between = async (
  repository: Repository,
  trees: ReadonlyArray<ReturnType<typeof git.TREE> | undefined>,
  paths: ReadonlyArray<string>
): Promise<ReadonlyArray<Change>> => {
  const here = await repository.here()
  const tracked = new Set(await git.listFiles(here))
  const isWanted = (path: string) =>
    paths.length === 0 || paths.some((one) => one === "." || `${path}/`.startsWith(`${one}/`))
  const read = async (entry: git.WalkerEntry | null | undefined): Promise<Uint8Array | null> => {
    if (!entry) return null
    const oid = await entry.oid()
    // The index holds names of contents, and no contents.
    return (await entry.content()) ?? (oid === undefined ? null : (await git.readBlob({ ...here, oid })).blob)
  }
  const map = async (
    path: string,
    entries: ReadonlyArray<git.WalkerEntry | null>
  ): Promise<Change | null | undefined> => {
    if (path === ".") return undefined
    const [before, after] = trees[0] === undefined ? [null, entries[0]] : entries
    const types = await Promise.all([before?.type(), after?.type()])
    if (types.includes("tree")) {
      // Folders that nothing is tracked in are not looked into.
      const inside = [...tracked].some((file) => file.startsWith(`${path}/`))
      return before || inside ? undefined : null
    }
    if (!isWanted(path) || (!before && !tracked.has(path))) return undefined
    if ((await before?.oid()) === (await after?.oid())) return undefined
    return { path, before: await read(before), after: await read(after) }
  }
  const found = (await git.walk({ ...here, trees: trees.filter((tree) => tree !== undefined), map })) as
    | ReadonlyArray<unknown>
    | undefined
  return ((found ?? []).flat(Infinity) as ReadonlyArray<Change | undefined>).filter((change) => change !== undefined)
}

const patchOf = ({ after, before, path }: Change): string => {
  const head = `diff --git a/${path} b/${path}\n${before === null ? "new file\n" : after === null ? "deleted file\n" : ""}`
  const [old, now] = [Buffer.from(before ?? []), Buffer.from(after ?? [])]
  const names = [before === null ? "/dev/null" : `a/${path}`, after === null ? "/dev/null" : `b/${path}`] as const
  if (old.includes(0) || now.includes(0)) return `${head}Binary files ${names[0]} and ${names[1]} differ\n`
  const patch = createTwoFilesPatch(...names, old.toString(), now.toString(), undefined, undefined, { context: 3 })
  return head + patch.slice(patch.indexOf("--- "))
}
