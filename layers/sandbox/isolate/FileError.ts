/** What the codes mean. */
export const meanings = {
  EAGAIN: "not loaded; read it with fs.promises",
  EBUSY: "resource busy or locked",
  EEXIST: "file already exists",
  EFBIG: "file too large",
  EINVAL: "invalid argument",
  EISDIR: "illegal operation on a directory",
  ELOOP: "too many symbolic links encountered",
  ENAMETOOLONG: "name too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted"
} as const

export type Code = keyof typeof meanings

/** As Node words it, which is what just-bash and programs look for. */
export class FileError extends Error {
  readonly code: Code
  readonly syscall: string
  readonly path: string

  constructor(code: Code, syscall: string, path: string) {
    super(`${code}: ${meanings[code]}, ${syscall} '${path}'`)
    this.code = code
    this.syscall = syscall
    this.path = path
  }
}
