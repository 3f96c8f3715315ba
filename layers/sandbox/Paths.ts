/** POSIX paths, as the host and the isolate both read them. */

/** An absolute path without `.`, `..`, doubled or trailing slashes; relative ones start at `base`. */
export const resolve = (base: string, path: string): string => {
  const names: Array<string> = []
  for (const name of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

export const dirname = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf("/")))

export const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Whether `path` is `root` or lies below it; both absolute. */
export const within = (root: string, path: string): boolean =>
  root === "/" || path === root || path.startsWith(`${root}/`)
