import { Buffer } from "node:buffer"
import { Readable, Writable } from "node:stream"
import { resolve } from "../../Paths.ts"
import { FileError } from "../FileError.ts"
import type { Files } from "../Files.ts"
import type { Life } from "./Life.ts"
import { Dirent, Stats } from "./NodeStats.ts"

type PathLike = string | number | Uint8Array | { readonly pathname: string }
type Options = BufferEncoding | null | undefined | { readonly [name: string]: unknown }
type Operation = (...values: ReadonlyArray<never>) => unknown

/** Operations that need the content of their first path. */
const reading = new Set(["appendFile", "copyFile", "cp", "readFile", "truncate"])

const devices = ["/dev/stdin", "/dev/stdout", "/dev/stderr"]

/** `node:fs` over `Files`: what scripts use of it, with callbacks, promises and without waiting. Descriptors are not offered. */
export const makeNodeFs = (
  files: Files,
  life: Life,
  cwd: () => string,
  print: (device: string, data: Uint8Array) => void
) => {
  const at = (path: PathLike): string => {
    if (typeof path === "number") return devices[path] ?? `/dev/fd/${path}`
    if (path instanceof Uint8Array) return resolve(cwd(), Buffer.from(path).toString())
    return resolve(cwd(), typeof path === "string" ? path : decodeURIComponent(path.pathname))
  }
  const write = (path: PathLike, data: unknown, options: Options, append: boolean): void => {
    const target = at(path)
    const flag = option(options, "flag") ?? option(options, "flags")
    const bytes = bytesOf(data, options)
    if (target === "/dev/null") return
    if (devices.includes(target)) return print(target, bytes)
    if (typeof flag === "string" && flag.includes("x") && files.exists(target))
      throw new FileError("EEXIST", "open", target)
    const mode = option(options, "mode")
    const change = append || (typeof flag === "string" && flag.startsWith("a")) ? "appendFile" : "writeFile"
    files[change](target, bytes, typeof mode === "number" ? mode : undefined)
  }
  const list = (path: PathLike, options: Options, below: string): ReadonlyArray<Dirent> =>
    files.readdir(at(path)).flatMap(([name, node]) => {
      const inner = node.kind === "directory" && option(options, "recursive") === true
      const rest = inner ? list(`${at(path)}/${name}`, options, `${below}${name}/`) : []
      return [new Dirent(name, at(path), `${below}${name}`, node.kind), ...rest]
    })

  const operations = {
    readFile: (path: PathLike, options?: Options) => {
      const content = Buffer.from(files.readFile(at(path)))
      const encoding = encodingOf(options)
      return encoding === undefined ? content : content.toString(encoding)
    },
    writeFile: (path: PathLike, data: unknown, options?: Options) => write(path, data, options, false),
    appendFile: (path: PathLike, data: unknown, options?: Options) => write(path, data, options, true),
    access: (path: PathLike) => void files.stat(at(path)),
    readdir: (path: PathLike, options?: Options) => {
      const entries = list(path, options, "")
      return option(options, "withFileTypes") === true ? entries : entries.map((entry) => entry.below)
    },
    mkdir: (path: PathLike, options?: Options | number) =>
      files.mkdir(at(path), { recursive: typeof options === "object" && option(options, "recursive") === true }),
    mkdtemp: (prefix: string) => {
      const path = `${at(prefix)}${Math.random().toString(36).slice(2, 8).padEnd(6, "0")}`
      files.mkdir(path)
      return path
    },
    stat: (path: PathLike, options?: Options) => stat(path, true, options),
    lstat: (path: PathLike, options?: Options) => stat(path, false, options),
    rm: (path: PathLike, options?: Options) => {
      const recursive = option(options, "recursive") === true
      if (!recursive && files.exists(at(path)) && files.stat(at(path), false).kind === "directory") {
        throw new FileError("EISDIR", "rm", at(path))
      }
      files.remove(at(path), { recursive, force: option(options, "force") === true })
    },
    rmdir: (path: PathLike, options?: Options) => {
      if (files.stat(at(path), false).kind !== "directory") throw new FileError("ENOTDIR", "rmdir", at(path))
      files.remove(at(path), { recursive: option(options, "recursive") === true })
    },
    unlink: (path: PathLike) => {
      if (files.stat(at(path), false).kind === "directory") throw new FileError("EISDIR", "unlink", at(path))
      files.remove(at(path))
    },
    rename: (from: PathLike, to: PathLike) => files.rename(at(from), at(to)),
    copyFile: (from: PathLike, to: PathLike) => files.writeFile(at(to), files.readFile(at(from))),
    cp: (from: PathLike, to: PathLike, options?: Options) =>
      files.copy(at(from), at(to), { recursive: option(options, "recursive") === true }),
    symlink: (target: string, path: PathLike) => files.symlink(target, at(path)),
    link: (existing: PathLike, path: PathLike) => files.link(at(existing), at(path)),
    readlink: (path: PathLike) => files.readlink(at(path)),
    realpath: (path: PathLike) => files.realpath(at(path)),
    chmod: (path: PathLike, mode: number) => files.chmod(at(path), mode),
    utimes: (path: PathLike, _accessed: unknown, modified: number | Date) =>
      files.utimes(at(path), modified instanceof Date ? modified.getTime() : modified * 1000),
    truncate: (path: PathLike, length = 0) => {
      const content = new Uint8Array(length)
      content.set(files.readFile(at(path)).subarray(0, length))
      files.writeFile(at(path), content)
    }
  }
  const stat = (path: PathLike, follow: boolean, options: Options): Stats | undefined => {
    if (option(options, "throwIfNoEntry") === false && !files.exists(at(path))) return undefined
    return new Stats(files.stat(at(path), follow))
  }

  /** Loads what the operation reads, then runs it. */
  const later =
    (name: string, operation: Operation) =>
    (...values: ReadonlyArray<never>) =>
      life.while(
        (async () => {
          // The functions are kept by name, so their parameters are not in their common type.
          const path = reading.has(name) ? at(values[0] as unknown as PathLike) : undefined
          if (path !== undefined && files.exists(path)) await files.load(path)
          return operation(...values)
        })()
      )
  const promises: Record<string, Operation> = {}
  const fs: Record<string, unknown> = { promises }
  for (const [name, operation] of Object.entries(operations) as ReadonlyArray<readonly [string, Operation]>) {
    fs[`${name}Sync`] = operation
    promises[name] = later(name, operation)
    fs[name] = (...values: ReadonlyArray<never>) => {
      // The last argument of the callback form, by its contract.
      const callback = values.at(-1) as unknown as (error: unknown, value?: unknown) => void
      later(
        name,
        operation
      )(...values.slice(0, -1)).then(
        (value) => life.call(callback, null, value),
        (error) => life.call(callback, error)
      )
    }
  }
  const constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, COPYFILE_EXCL: 1 }
  promises["constants"] = constants as never // The one member that is no function.
  return Object.assign(fs, {
    constants,
    Dirent,
    Stats,
    existsSync: (path: PathLike) => files.exists(at(path)),
    writeSync: (descriptor: number, data: unknown) => write(descriptor, data, undefined, true),
    createReadStream: (path: PathLike, options?: Options) => {
      const read = async function* () {
        await life.while(files.load(at(path)))
        const start = Number(option(options, "start") ?? 0)
        yield Buffer.from(files.readFile(at(path)).subarray(start, Number(option(options, "end") ?? Infinity) + 1))
      }
      const encoding = encodingOf(options)
      return Readable.from(read(), { objectMode: false, ...(encoding === undefined ? {} : { encoding }) })
    },
    createWriteStream: (path: PathLike, options?: Options) => {
      write(path, "", options, false)
      return new Writable({
        write: (data, encoding, done) => {
          try {
            write(path, data, Buffer.isEncoding(encoding) ? encoding : undefined, true)
            done()
          } catch (error) {
            done(error as Error)
          }
        }
      })
    }
    // Built up by name: the compiler cannot follow.
  }) as unknown as Record<string, unknown> & { readonly promises: object }
}

const option = (options: Options, name: string): unknown =>
  typeof options === "object" && options !== null ? options[name] : undefined

const encodingOf = (options: Options): BufferEncoding | undefined => {
  const encoding = typeof options === "string" ? options : option(options, "encoding")
  if (encoding === undefined || encoding === null) return undefined
  // isEncoding does not narrow the type.
  if (typeof encoding === "string" && Buffer.isEncoding(encoding)) return encoding as BufferEncoding
  throw new TypeError(`The argument 'encoding' is invalid: ${JSON.stringify(encoding)}`)
}

/** A copy: the program may go on to change what it wrote. */
const bytesOf = (data: unknown, options: Options): Uint8Array => {
  if (typeof data === "string") return Buffer.from(data, encodingOf(options) ?? "utf8")
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  throw new TypeError("The data must be a string, a Buffer, a TypedArray or a DataView")
}
