import assert from "node:assert/strict"
import { Effect } from "effect"
import { limits, SandboxBackend } from "../src/SandboxBackend.ts"
import { exec, read, reason, sh, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

const glob = (pattern: string, path?: string) =>
  SandboxBackend.use((sandbox) =>
    Effect.map(sandbox.glob(pattern, path), (found) => found.map((file) => file.path.replace("/workspace/", "")).sort())
  )

const grep = (pattern: string, path?: string) =>
  SandboxBackend.use((sandbox) =>
    Effect.map(sandbox.grep(pattern, path), (found) =>
      found.map((match) => `${match.path}:${match.line}:${match.text}`)
    )
  )

/** The files that glob and grep search. */
const tree = Effect.forEach(
  ["a.ts", "b.js", "src/c.ts", "src/deep/d.ts", "src/deep/e.js", "src/.hidden.ts", "[x].ts", "src/{y}.ts"],
  (path) => write(path, `first\nfile ${path}\n`)
)

export const files: Contract<SandboxBackend> = {
  "a file written can be read, by name and from the shell": Effect.gen(function* () {
    yield* write("/workspace/notes/a.txt", "zwölf\n")
    assert.equal(yield* read("/workspace/notes/a.txt"), "zwölf\n")
    assert.equal(yield* read("notes/./x/../a.txt"), "zwölf\n")
    assert.equal(yield* sh("cat notes/a.txt"), "zwölf\n")
  }),

  "what the shell changes can be read": Effect.gen(function* () {
    yield* write("gone.txt", "x")
    yield* write("changed.txt", "x")
    yield* sh("mkdir -p d/e; echo new > d/e/new.txt; rm gone.txt; echo y >> changed.txt; mv changed.txt d/moved.txt")
    assert.equal(yield* read("d/e/new.txt"), "new\n")
    assert.equal(yield* read("d/moved.txt"), "xy\n")
    assert.equal((yield* reason(read("gone.txt")))._tag, "FileNotFound")
    assert.equal((yield* reason(read("changed.txt")))._tag, "FileNotFound")
  }),

  "a file that changes between two commands is read anew": Effect.gen(function* () {
    yield* write("a.txt", "one")
    assert.equal(yield* sh("cat a.txt"), "one")
    yield* write("a.txt", "two")
    assert.equal(yield* sh("cat a.txt"), "two")
    yield* sh("printf three > a.txt")
    assert.equal(yield* read("a.txt"), "three")
    assert.equal(yield* sh("cat a.txt"), "three")
  }),

  "a file keeps its mode and its time": Effect.gen(function* () {
    yield* sh("echo 1 > a; chmod 755 a; touch -d 2001-02-03T04:05:06Z a")
    assert.equal(yield* sh("stat -c %a a"), "755\n")
    const [file] = yield* SandboxBackend.use((sandbox) => sandbox.list("/workspace"))
    assert.equal(file?.modifiedAt, Date.UTC(2001, 1, 3, 4, 5, 6))
  }),

  "binary content stays as it is": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    const content = Uint8Array.from({ length: 256 }, (_, index) => index)
    yield* sandbox.writeFile("in.bin", content)
    yield* sh("cat in.bin > out.bin; cat in.bin | node -e 'process.stdin.pipe(process.stdout)' > piped.bin")
    assert.deepEqual(Array.from(yield* sandbox.readFile("out.bin")), Array.from(content))
    assert.deepEqual(Array.from(yield* sandbox.readFile("piped.bin")), Array.from(content))
    assert.match(yield* sh("sha256sum in.bin"), /^40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880 /)
  }),

  "symlinks are kept and followed": Effect.gen(function* () {
    yield* write("real/a.txt", "here")
    yield* sh("ln -s real/a.txt link; ln -s real folder; ln -s nowhere broken; ln -s loop loop")
    assert.equal(yield* sh("readlink link; cat folder/a.txt"), "real/a.txt\nhere")
    assert.equal(yield* read("link"), "here")
    assert.equal(yield* read("folder/a.txt"), "here")
    yield* write("link", "changed")
    assert.equal(yield* read("real/a.txt"), "changed")
    assert.equal((yield* reason(read("broken")))._tag, "FileNotFound")
    assert.equal((yield* reason(read("loop")))._tag, "InvalidPath")
  }),

  "a folder is listed by name": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    yield* sh("mkdir d; printf 12345 > d/b; mkdir d/a; ln -s b d/c")
    const entries = yield* sandbox.list("d")
    assert.deepEqual(
      entries.map(({ path, kind, size }) => [path, kind, size]),
      [
        ["/workspace/d/a", "directory", 0],
        ["/workspace/d/b", "file", 5],
        ["/workspace/d/c", "symlink", 0]
      ]
    )
    assert.deepEqual(yield* sandbox.list("d/a"), [])
  }),

  "what cannot be read or written says why": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    yield* write("d/a.txt", "x")
    assert.deepEqual(yield* reason(read("nope")), { _tag: "FileNotFound", path: "nope" })
    assert.equal((yield* reason(read("d")))._tag, "NotAFile")
    assert.equal((yield* reason(write("d", "x")))._tag, "NotAFile")
    assert.equal((yield* reason(write("d/a.txt/b", "x")))._tag, "InvalidPath")
    assert.equal((yield* reason(sandbox.list("nope")))._tag, "FileNotFound")
    assert.equal((yield* reason(sandbox.list("d/a.txt")))._tag, "InvalidPath")
    for (const path of ["/etc/passwd", "../x", "/workspace/../../x", "/workspacex", "a\0b"]) {
      assert.equal((yield* reason(write(path, "x")))._tag, "InvalidPath", path)
    }
  }),

  "only the workspace outlives the shell's files elsewhere": Effect.gen(function* () {
    yield* sh("echo 1 > /tmp/t; echo 2 > /workspace/w")
    assert.equal(yield* sh("cat /tmp/t w"), "1\n2\n")
    const [file, ...others] = yield* SandboxBackend.use((sandbox) => sandbox.list("/workspace"))
    assert.equal(file?.path, "/workspace/w")
    assert.deepEqual(others, [])
  }),

  "a file that is too large is refused": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    const tooLarge = yield* reason(sandbox.writeFile("big", new Uint8Array(limits.file + 1)))
    assert.deepEqual(tooLarge, { _tag: "FileTooLarge", path: "big", bytes: limits.file + 1, limit: limits.file })
    yield* sandbox.writeFile("big", new Uint8Array(limits.file))
    assert.equal((yield* sandbox.readFile("big")).length, limits.file)
  }),

  "glob knows folders, braces and sets": Effect.gen(function* () {
    yield* tree
    assert.deepEqual(yield* glob("*.ts"), ["[x].ts", "a.ts"])
    assert.deepEqual(yield* glob("**/*.ts"), ["[x].ts", "a.ts", "src/c.ts", "src/deep/d.ts", "src/{y}.ts"])
    assert.deepEqual(yield* glob("src/*.ts"), ["src/c.ts", "src/{y}.ts"])
    assert.deepEqual(yield* glob("src/**/*.{ts,js}"), ["src/c.ts", "src/deep/d.ts", "src/deep/e.js", "src/{y}.ts"])
    assert.deepEqual(yield* glob("?.{t,j}s"), ["a.ts", "b.js"])
    assert.deepEqual(yield* glob("[!a].*"), ["b.js"])
    assert.deepEqual(yield* glob("\\[x\\].ts"), ["[x].ts"])
    assert.deepEqual(yield* glob("src/.*.ts"), ["src/.hidden.ts"])
    assert.deepEqual(yield* glob("*.ts", "src/deep"), ["src/deep/d.ts"])
    assert.deepEqual(yield* glob("/workspace/src/deep/*"), ["src/deep/d.ts", "src/deep/e.js"])
    assert.deepEqual(yield* glob("nothing*"), [])
    assert.equal((yield* reason(glob("*", "nope")))._tag, "FileNotFound")
  }),

  "glob answers the newest first, and not too many": Effect.gen(function* () {
    yield* sh("for i in $(seq 1 210); do echo > f$i; done; touch -d 2001-01-01 f7; touch -d 2101-01-01 f9")
    const found = yield* SandboxBackend.use((sandbox) => sandbox.glob("f*"))
    assert.equal(found.length, limits.globMatches)
    assert.equal(found[0]?.path, "/workspace/f9")
    assert.equal(
      found.some(({ path }) => path === "/workspace/f7"),
      false
    )
  }),

  "a hostile glob ends": Effect.gen(function* () {
    yield* write(`${"a".repeat(200)}/${"a".repeat(200)}`, "")
    assert.deepEqual(yield* glob(`${"**/*a".repeat(50)}b`), [])
    assert.deepEqual(yield* glob(`**/${"*a".repeat(100)}b`), [])
    assert.equal((yield* reason(glob("{a,b}".repeat(20))))._tag, "InvalidPattern")
  }),

  "grep answers lines of a folder or a file": Effect.gen(function* () {
    yield* tree
    assert.deepEqual(yield* grep("file [ab]\\."), ["/workspace/a.ts:2:file a.ts", "/workspace/b.js:2:file b.js"])
    assert.deepEqual(yield* grep("^file", "src/deep"), [
      "/workspace/src/deep/d.ts:2:file src/deep/d.ts",
      "/workspace/src/deep/e.js:2:file src/deep/e.js"
    ])
    assert.deepEqual(yield* grep("irs", "a.ts"), ["/workspace/a.ts:1:first"])
    assert.deepEqual(yield* grep("hidden"), ["/workspace/src/.hidden.ts:2:file src/.hidden.ts"])
    assert.deepEqual(yield* grep("zzz"), [])
    assert.equal((yield* reason(grep("x", "nope")))._tag, "FileNotFound")
    assert.equal((yield* reason(grep("(")))._tag, "InvalidPattern")
  }),

  "grep takes a pattern and a path as they are": Effect.gen(function* () {
    yield* write("-x", "--help\n")
    yield* write("it's $(a) b", "`$HOME`\n")
    assert.deepEqual(yield* grep("--help"), ["/workspace/-x:1:--help"])
    assert.deepEqual(yield* grep("`\\$HOME`", "it's $(a) b"), ["/workspace/it's $(a) b:1:`$HOME`"])
  }),

  "a hostile grep ends, and answers not too many": Effect.gen(function* () {
    yield* write("a", `${"a".repeat(5_000)}!\n`)
    assert.deepEqual(yield* grep("(a+)+$"), [])
    yield* sh("seq 1 1500 > many")
    assert.equal((yield* grep(".", "many")).length, limits.grepMatches)
  })
}

export const isolated: Contract<SandboxBackend> = {
  "a link out of the workspace leads nowhere": Effect.gen(function* () {
    yield* sh("ln -s /etc/passwd out")
    assert.equal((yield* reason(read("out")))._tag, "FileNotFound")
  }),

  "a command cannot make a file too large": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    yield* sandbox.writeFile("big", new Uint8Array(limits.file))
    const result = yield* exec("echo more >> big")
    assert.notEqual(result.exitCode, 0)
    assert.match(result.stderr, /too large/)
    assert.equal((yield* sandbox.readFile("big")).length, limits.file)
  })
}
