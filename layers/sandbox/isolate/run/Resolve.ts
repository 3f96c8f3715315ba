import { dirname, resolve } from "../../Paths.ts"

const suffixes = ["", ".js", ".mjs", ".cjs", ".json", "/index.js", "/index.mjs", "/index.cjs"]

/** The file that `from` means by a specifier, if there is one. Packages are not looked for: there are none. */
export const resolveModule = (
  specifier: string,
  from: string,
  isFile: (path: string) => boolean
): string | undefined => {
  const path = specifier.startsWith("file://") ? decodeURIComponent(specifier.slice("file://".length)) : specifier
  if (!/^(\/|\.\.?(\/|$))/.test(path)) return undefined
  const base = resolve(dirname(from), path)
  const suffix = suffixes.find((one) => isFile(base + one))
  return suffix === undefined ? undefined : base + suffix
}
