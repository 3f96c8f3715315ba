import assert from "node:assert/strict"
import { Effect } from "effect"
import { SandboxBackend } from "../src/SandboxBackend.ts"
import { exec, js, read, sh, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

const run = (code: string) => SandboxBackend.use((sandbox) => sandbox.runCode(code))

const escapes = [
  "eval('console.log(1)')",
  "new Function('console.log(1)')()",
  "(async () => {}).constructor('console.log(1)')()",
  "await import('data:text/javascript,console.log(1)')",
  "import { execSync } from 'node:child_process'; console.log(execSync('id'))",
  "import { connect } from 'node:net'; connect(80, '127.0.0.1'); console.log(1)",
  "import { connect } from 'cloudflare:sockets'; console.log(1)",
  "import { env } from 'cloudflare:workers'; console.log(env)",
  "import vm from 'node:vm'; vm.runInThisContext('console.log(1)')",
  "import { createRequire } from 'node:module'; console.log(createRequire(import.meta.url)('child_process'))",
  "console.log(process.getBuiltinModule('child_process').execSync('id'))"
]

export const javascript: Contract<SandboxBackend> = {
  "code is an ES module with top-level await": Effect.gen(function* () {
    const printed = yield* js(`
      import { join } from "node:path"
      const value = await new Promise((resolve) => setTimeout(() => resolve("later"), 5))
      console.log(join("a", "b"), value, this === undefined, typeof import.meta.url)
      console.log("%s is %d", "x", 5, { deep: [1, { a: 1 }] })`)
    assert.equal(printed, "a/b later true string\nx is 5 { deep: [ 1, { a: 1 } ] }\n")
  }),

  "code reads and writes the workspace": Effect.gen(function* () {
    yield* write("in.json", '{"n": 41}')
    yield* js(`
      import fs from "node:fs"
      import { readFile, writeFile } from "node:fs/promises"
      const { n } = JSON.parse(fs.readFileSync("in.json", "utf8"))
      fs.mkdirSync("out/deep", { recursive: true })
      fs.writeFileSync("out/deep/a.txt", String(n + 1))
      fs.appendFileSync("/workspace/out/deep/a.txt", "!")
      await writeFile("out/b.txt", await readFile("in.json"))
      fs.renameSync("out/b.txt", "out/c.txt")
      fs.unlinkSync("in.json")`)
    assert.equal(yield* read("out/deep/a.txt"), "42!")
    assert.equal(yield* read("out/c.txt"), '{"n": 41}')
    assert.equal(yield* sh("ls"), "out\n")
  }),

  "node:fs answers as Node does": Effect.gen(function* () {
    const printed = yield* js(`
      import fs from "node:fs"
      fs.mkdirSync("d/e", { recursive: true })
      fs.writeFileSync("d/f", new Uint8Array([104, 105]))
      console.log(fs.readdirSync("d").join(), fs.readdirSync("d", { withFileTypes: true }).map((one) => one.isDirectory()).join())
      console.log(fs.readdirSync(".", { recursive: true }).join())
      const stat = fs.statSync("d/f")
      console.log(stat.isFile(), stat.size, stat.mtime instanceof Date, fs.existsSync("d/f"), fs.existsSync("nope"))
      for (const fail of [() => fs.readFileSync("nope"), () => fs.readFileSync("d"), () => fs.mkdirSync("d"), () => fs.rmdirSync("d")]) {
        try { fail() } catch (error) { console.log(error.code, error.message.split(",")[0]) }
      }
      fs.rmSync("d", { recursive: true })
      fs.readFile("nope", (error) => console.log("callback", error.code))`)
    assert.deepEqual(printed.split("\n"), [
      "e,f true,false",
      "d,d/e,d/f",
      "true 2 true true false",
      "ENOENT ENOENT: no such file or directory",
      "EISDIR EISDIR: illegal operation on a directory",
      "EEXIST EEXIST: file already exists",
      "ENOTEMPTY ENOTEMPTY: directory not empty",
      "callback ENOENT",
      ""
    ])
  }),

  "modules import files, in both kinds": Effect.gen(function* () {
    yield* write(
      "lib/esm.mjs",
      "import { two } from './more.mjs'\nexport const three = two + 1\nexport default class Thing {}\nexport * from './more.mjs'"
    )
    yield* write("lib/more.mjs", "export let two = 2\nexport function set(n) { two = n }")
    yield* write(
      "lib/common.js",
      "const { data } = require('./data.json')\nundeclared = 1\nmodule.exports = { data, dir: __dirname, typed: typeof this }"
    )
    yield* write("lib/data.json", '{"data": "json"}')
    yield* write(
      "main.mjs",
      `
      import Thing, { three, two, set } from "./lib/esm.mjs"
      import common, { data } from "./lib/common.js"
      import json from "./lib/data.json" with { type: "json" }
      import * as all from "./lib/more.mjs"
      set(9)
      console.log(three, typeof two, all.two, new Thing().constructor === Thing, common.dir, data, json.data)
      const { set: again } = await import("./lib/" + "more.mjs")
      console.log(again === set, common.typed)`
    )
    assert.equal(yield* sh("node main.mjs"), "3 number 9 true /workspace/lib json json\ntrue object\n")
    yield* write(
      "main.js",
      "const fs = require('fs'); const lib = require('./lib/common'); console.log(lib.data, fs.existsSync('main.js'), require('./lib/common.js') === lib)"
    )
    assert.equal(yield* sh("node main"), "json true true\n")
  }),

  "modules may import in a circle": Effect.gen(function* () {
    yield* write("a.mjs", "import { b } from './b.mjs'\nexport function a() { return 'a' }\nconsole.log(b())")
    yield* write("b.mjs", "import * as other from './a.mjs'\nexport function b() { return 'b' + other.a() }")
    assert.equal(yield* sh("node a.mjs"), "ba\n")
    yield* write("c.cjs", "exports.early = 1; const d = require('./d.cjs'); console.log(d.seen)")
    yield* write("d.cjs", "exports.seen = require('./c.cjs').early")
    assert.equal(yield* sh("node c.cjs"), "1\n")
  }),

  "node takes a file, code or stdin, with arguments": Effect.gen(function* () {
    yield* write("d/a.js", "console.log(process.argv.slice(2).join(), process.env.NAME, process.cwd())")
    assert.equal(yield* sh("cd d && NAME=n node a.js 1 '2 3'"), "1,2 3 n /workspace/d\n")
    assert.equal(yield* sh("node -e 'console.log(process.argv[1])' x; node -p '1 + 1'"), "x\n2\n")
    assert.equal(yield* sh("echo 'console.log(7)' | node; node - x <<< 'console.log(process.argv.at(-1))'"), "7\nx\n")
    assert.equal(
      yield* sh("echo in | node -e 'process.stdin.on(\"data\", (data) => process.stdout.write(data))'"),
      "in\n"
    )
    assert.equal(
      yield* sh(
        'printf \'1\\n2\' | node -e \'console.log(require("fs").readFileSync(0, "utf8").split("\\n").length)\''
      ),
      "2\n"
    )
    assert.match(yield* sh("node --version"), /^v\d+\./)
    assert.equal((yield* exec("node nope.js")).exitCode, 1)
    assert.equal((yield* exec("node --nope")).exitCode, 9)
  }),

  "node is a part of pipelines": Effect.gen(function* () {
    assert.equal(yield* sh("node -e 'for (let i = 0; i < 3; i++) console.log(i)' | tail -1 > out; cat out"), "2\n")
    assert.equal(
      yield* sh('echo 1 > /tmp/t; node -e \'require("fs").appendFileSync("/tmp/t", "2")\'; cat /tmp/t'),
      "1\n2"
    )
    const result = yield* exec("node -e 'console.error(1); process.exit(3)'; echo $?")
    assert.deepEqual([result.stdout, result.stderr], ["3\n", "1\n"])
  }),

  "the program lasts as long as something is to come": Effect.gen(function* () {
    const printed = yield* js(`
      const main = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const response = await fetch("http://allowed.test/late")
        console.log(await response.text())
        let beats = 0
        const timer = setInterval(() => { if (++beats === 3) { clearInterval(timer); console.log("beats") } }, 2)
      }
      main()
      setTimeout(() => console.log("never"), 60_000).unref()
      process.on("exit", (code) => console.log("exit", code))`)
    assert.equal(printed, "GET /late \nbeats\nexit 0\n")
  }),

  "fetch reaches what the gateway lets through": Effect.gen(function* () {
    const printed = yield* js(`
      const post = await fetch("http://allowed.test/p", { method: "POST", body: "body" })
      console.log(await post.text())
      console.log(await (await fetch("http://allowed.test/moved")).text())
      const blocked = await fetch("http://elsewhere.test/")
      console.log(blocked.status, await blocked.text())`)
    assert.equal(printed, "POST /p body\nGET /there \n403 blocked by the policy\n")
  }),

  "lines of text can be read one by one": Effect.gen(function* () {
    yield* write("lines.txt", "one\ntwo\n\nfour")
    const printed = yield* js(`
      import fs from "node:fs"
      import readline from "node:readline"
      for await (const line of readline.createInterface({ input: fs.createReadStream("lines.txt") })) console.log(line.length)
      const out = fs.createWriteStream("out.txt")
      out.write("a"); out.end("b")
      out.on("finish", () => console.log(fs.readFileSync("out.txt", "utf8")))`)
    assert.equal(printed, "3\n3\n0\n4\nab\n")
  })
}

export const isolated: Contract<SandboxBackend> = {
  "a folder is not removed by mistake": Effect.gen(function* () {
    const code = `
      import fs from "node:fs"
      fs.mkdirSync("d")
      try { fs.rmSync("d") } catch (error) { console.log(error.code) }`
    assert.equal(yield* js(code), "EISDIR\n")
  }),

  ...Object.fromEntries(
    escapes.map((code) => [
      `there is no way around the sandbox: ${code}`,
      Effect.gen(function* () {
        const result = yield* run(code)
        assert.deepEqual([result.stdout, result.exitCode], ["", 1])
      })
    ])
  ),

  "a program sees no other files and no other variables": Effect.gen(function* () {
    const printed = yield* js(`
      import fs from "node:fs"
      console.log(fs.existsSync("/etc/passwd"), fs.existsSync("/bundle"), JSON.stringify(process.env))`)
    assert.equal(printed, 'false false {"HOME":"/workspace","USER":"user"}\n')
  }),

  "code that does not parse is an error of the code": Effect.gen(function* () {
    const result = yield* run("const a = 1\nconst = 2")
    assert.equal(result.exitCode, 1)
    assert.match(result.stderr, /SyntaxError: Unexpected token\n\/workspace\/\[eval\]:2\nconst = 2\n {6}\^/)
    yield* write("bad.mjs", "export const = 1")
    assert.match((yield* run("import './bad.mjs'")).stderr, /SyntaxError.*\n\/workspace\/bad\.mjs:1/)
    assert.match((yield* run("import './nope.mjs'")).stderr, /Cannot find module '\.\/nope\.mjs'/)
    assert.match((yield* run("import { nope } from 'node:path'")).stderr, /does not provide an export named 'nope'/)
  }),

  "an error that nothing caught tells where": Effect.gen(function* () {
    yield* write("a.mjs", "import './b.mjs'")
    yield* write("b.mjs", "\nfunction fail() {\n  throw new TypeError('wrong')\n}\nfail()")
    const result = yield* exec("node a.mjs")
    assert.equal(result.exitCode, 1)
    assert.match(result.stderr, /TypeError: wrong\n +at fail \(\/workspace\/b\.mjs:3:\d+\)\n.*\/workspace\/b\.mjs:5:/)
    const later = yield* run("setTimeout(() => { throw new Error('later') }, 1)")
    assert.deepEqual([later.exitCode, /Error: later/.test(later.stderr)], [1, true])
    const rejected = yield* run("Promise.reject(new Error('rejected'))")
    assert.deepEqual([rejected.exitCode, /Error: rejected/.test(rejected.stderr)], [1, true])
  }),

  "process.exit ends the program there": Effect.gen(function* () {
    const result = yield* run(
      "console.log(1); try { process.exit(4) } catch { for (;;) {} } finally { console.log(2) }"
    )
    assert.deepEqual([result.stdout, result.exitCode, result.timedOut], ["1\n", 4, false])
    assert.equal((yield* run("process.exitCode = 5")).exitCode, 5)
  })
}
