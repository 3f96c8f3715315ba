import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { edit } from "../../src/tools/builtin/edit.ts"
import { read } from "../../src/tools/builtin/read.ts"
import { write } from "../../src/tools/builtin/write.ts"
import { sandbox } from "./sandbox.ts"
import { call, noNetwork, registryOf } from "./support.ts"

const layer = registryOf([read, write, edit]).pipe(Layer.provideMerge([sandbox, noNetwork]))

const put = (path: string, content: string | Uint8Array) =>
  SandboxBackend.use((files) =>
    files.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content)
  )
const content = (path: string) =>
  SandboxBackend.use((files) =>
    Effect.map(files.readFile(path), (bytes) =>
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    )
  )

const ok = (text: string) => ({ text, isError: false })
const error = (text: string) => ({ text, isError: true })

const lines = (...view_range: ReadonlyArray<number>) => call("read", { file_path: "a.txt", view_range })

describe("read", () => {
  it.effect("answers a file, or a range of its lines", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "one\ntwo\nthree\n")
      assert.deepStrictEqual(yield* call("read", { file_path: "a.txt" }), ok("one\ntwo\nthree\n"))
      assert.deepStrictEqual(yield* call("read", { file_path: "/workspace/a.txt" }), ok("one\ntwo\nthree\n"))
      assert.deepStrictEqual(yield* lines(2, 2), ok("two"))
      assert.deepStrictEqual(yield* lines(2, -1), ok("two\nthree"))
      assert.deepStrictEqual(yield* lines(1, 99), ok("one\ntwo\nthree"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("says what is wrong with a range", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "one\ntwo\nthree\n")
      assert.deepStrictEqual(yield* lines(4, 9), error("a.txt has 3 lines; view_range starts at line 4"))
      for (const range of [
        [0, 2],
        [3, 2],
        [-1, -1]
      ] as const) {
        const result = yield* lines(...range)
        assert.isTrue(result.isError)
        assert.include(result.text, `view_range [${range.join(", ")}]`)
      }
      const short = yield* lines(1)
      assert.isTrue(short.isError)
      assert.include(short.text, "view_range: expected a value with a length of 2, got an array of 1")
    }).pipe(Effect.provide(layer))
  )

  it.effect("answers 256 KiB at most, and of a larger file a range that fits", () =>
    Effect.gen(function* () {
      const line = "x".repeat(1023)
      yield* put("fits.txt", `${line}\n`.repeat(256))
      assert.isFalse((yield* call("read", { file_path: "fits.txt" })).isError)
      yield* put("large.txt", `${line}\n`.repeat(257))
      const whole = yield* call("read", { file_path: "large.txt" })
      assert.isTrue(whole.isError)
      assert.match(whole.text, /^large.txt: 263168 bytes are more than the limit of 262144; .*view_range/)
      assert.deepStrictEqual(yield* call("read", { file_path: "large.txt", view_range: [257, 257] }), ok(line))
      const range = yield* call("read", { file_path: "large.txt", view_range: [1, 257] })
      assert.isTrue(range.isError)
      assert.include(range.text, "lines 1 to 257 of large.txt are more than the limit")
    }).pipe(Effect.provide(layer))
  )

  it.effect("says why there is nothing to show", () =>
    Effect.gen(function* () {
      yield* put("dir/empty.txt", "")
      yield* put("image.png", new Uint8Array([0x89, 0x50, 0x4e, 0x47]))
      yield* put("nul.bin", "text\0text")
      assert.deepStrictEqual(yield* call("read", { file_path: "dir/empty.txt" }), ok("(empty)"))
      assert.deepStrictEqual(
        yield* call("read", { file_path: "image.png" }),
        error("image.png: a binary file of 4 bytes, not UTF-8 text")
      )
      assert.deepStrictEqual(
        yield* call("read", { file_path: "nul.bin" }),
        error("nul.bin: a binary file of 9 bytes, not UTF-8 text")
      )
      const missing = yield* call("read", { file_path: "no.txt" })
      assert.isTrue(missing.isError)
      assert.match(missing.text, /no\.txt: no such file or directory/)
      const folder = yield* call("read", { file_path: "dir" })
      assert.isTrue(folder.isError)
      assert.match(folder.text, /dir: is a directory/)
    }).pipe(Effect.provide(layer))
  )
})

describe("write", () => {
  it.effect("makes the folders on the way and replaces what is there", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* call("write", { file_path: "new/dir/a.txt", content: "grün" }),
        ok("Wrote 5 bytes to new/dir/a.txt.")
      )
      yield* call("write", { file_path: "new/dir/a.txt", content: "" })
      assert.strictEqual(yield* content("/workspace/new/dir/a.txt"), "")
    }).pipe(Effect.provide(layer))
  )
})

const replace = (old_string: string, new_string: string, more: { readonly replace_all?: boolean } = {}) =>
  call("edit", { file_path: "a.txt", old_string, new_string, ...more })

describe("edit", () => {
  it.effect("replaces text as it is written, replacement patterns included", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "\ufeffcost: 5\r\nrest")
      assert.deepStrictEqual(yield* replace("5", "$& $1 $$ \\1"), ok("Replaced 1 occurrence in a.txt."))
      assert.strictEqual(yield* content("a.txt"), "\ufeffcost: $& $1 $$ \\1\r\nrest")
    }).pipe(Effect.provide(layer))
  )

  it.effect("replaces one occurrence, or all of them where asked to", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "a.a.a")
      const ambiguous = yield* replace("a", "b")
      assert.isTrue(ambiguous.isError)
      assert.include(ambiguous.text, "old_string occurs 3 times in a.txt")
      assert.strictEqual(yield* content("a.txt"), "a.a.a")
      assert.deepStrictEqual(yield* replace("a", "b", { replace_all: true }), ok("Replaced 3 occurrences in a.txt."))
      assert.strictEqual(yield* content("a.txt"), "b.b.b")
      assert.deepStrictEqual(yield* replace("b.b.b", ""), ok("Replaced 1 occurrence in a.txt."))
    }).pipe(Effect.provide(layer))
  )

  it.effect("says what was close where the text does not occur", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "if x:\r\n\tgo()\r\nend\r\n")
      assert.deepStrictEqual(
        yield* replace("  go()\nend", "stop()"),
        error(
          "old_string does not occur in a.txt, but lines 2 to 3 differ from it only in white space; read them and copy it exactly"
        )
      )
      assert.deepStrictEqual(
        yield* replace("elsewhere", ""),
        error("old_string does not occur in a.txt; read the file to see what it says")
      )
      assert.deepStrictEqual(yield* replace("end", "end"), error("old_string and new_string are the same"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("replaces text beside characters of several bytes", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "ä€😀ä€😀.")
      assert.deepStrictEqual(yield* replace("€", "ö😀", { replace_all: true }), ok("Replaced 2 occurrences in a.txt."))
      assert.strictEqual(yield* content("a.txt"), "äö😀😀äö😀😀.")
      const half = yield* replace("\ude00\ud83d", "", { replace_all: true })
      assert.deepStrictEqual(half, error("old_string does not occur in a.txt; read the file to see what it says"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("makes no file that is larger than a file may be", () =>
    Effect.gen(function* () {
      yield* put("a.txt", "a".repeat(1024 * 1024))
      assert.deepStrictEqual(
        yield* replace("a", "ä".repeat(200), { replace_all: true }),
        error("a.txt would have 419430400 bytes, which are more than the limit of 10485760")
      )
      assert.deepStrictEqual(
        yield* replace("a", "0123456789", { replace_all: true }),
        ok("Replaced 1048576 occurrences in a.txt.")
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not look for what was close in a file, or for a text, that is too long for it", () =>
    Effect.gen(function* () {
      const miss = error("old_string does not occur in a.txt; read the file to see what it says")
      yield* put("a.txt", "a\n".repeat(128 * 1024))
      assert.include((yield* replace(" a\na", "")).text, "lines 1 to 2")
      assert.include((yield* replace(" a\n".repeat(200), "")).text, "lines 1 to 200")
      assert.deepStrictEqual(yield* replace(" a\n".repeat(201), ""), miss)
      yield* put("a.txt", "a\n".repeat(128 * 1024 + 1))
      assert.deepStrictEqual(yield* replace(" a\na", ""), miss)
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves binary files alone", () =>
    Effect.gen(function* () {
      yield* put("a.txt", new Uint8Array([97, 0xff, 98]))
      assert.deepStrictEqual(yield* replace("a", "c"), error("a.txt: a binary file of 3 bytes, not UTF-8 text"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps every one of several changes that run side by side, in their order", () =>
    Effect.gen(function* () {
      yield* Effect.all(
        [
          call("write", { file_path: "a.txt", content: "1 2 3 4" }),
          ...["1", "2", "3", "4"].map((digit) => replace(digit, `<${digit}>`))
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* content("a.txt"), "<1> <2> <3> <4>")
      const [first] = yield* Effect.all([replace("1", "one"), call("write", { file_path: "a.txt", content: "last" })], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(first, ok("Replaced 1 occurrence in a.txt."))
      assert.strictEqual(yield* content("a.txt"), "last")
    }).pipe(Effect.provide(layer))
  )
})
