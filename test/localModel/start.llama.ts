import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { parrot } from "./parrot.ts"
import { writeTinyModel } from "./tinyGguf.ts"

/** `npm start -- --local-model`: the real Worker, the real loop and a real model file, which calls a tool in its text. */

let home: string
let start: ChildProcess | undefined
let output = ""

const freePort = async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const printed = async (text: string) => {
  while (!output.includes(text)) {
    assert.isNull(start!.exitCode, output)
    await Promise.race([once(start!.stdout!, "data"), once(start!.stderr!, "data"), once(start!, "exit")])
  }
}

const answers = (url: string) =>
  fetch(`${url}/models`).then(
    ({ ok }) => ok,
    () => false
  )

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "ownloop-home-"))
  writeTinyModel(join(home, "parrot.gguf"), { ...parrot, contextLength: 32_768 })
})

afterAll(async () => {
  if (start?.exitCode === null && start.signalCode === null) {
    start.kill("SIGTERM")
    await once(start, "exit")
  }
  rmSync(home, { recursive: true, force: true })
})

const begin = async () => {
  output = ""
  const child = spawn("node", ["scripts/start.ts", "--local-model", join(home, "parrot.gguf")], {
    env: {
      ...process.env,
      OWNLOOP_HOME: home,
      OWNLOOP_PORT: String(await freePort()),
      OPENAI_BASE_URL: "",
      OWNLOOP_MODEL: ""
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  start = child
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()))
  await printed("Still serving")
  const [, url, pid] = /served at (\S+) by process (\d+)/.exec(output)!
  return { url: url!, pid: Number(pid) }
}

describe("npm start -- --local-model", () => {
  it("runs the sample task on it, and ends the model's process with its own", async () => {
    const { url } = await begin()
    assert.include(output, "it holds 32768 tokens")
    assert.include(output, "model local/parrot")
    assert.include(output, `write {"file_path":"said.txt","content":"pieces of eight"}`)
    assert.include(output, "Wrote 15 bytes to said.txt.")
    assert.include(output, "I wrote it")
    assert.isTrue(await answers(url))
    start!.kill("SIGTERM")
    await once(start!, "exit")
    assert.isFalse(await answers(url))
  })

  it("says that the model's process has ended, where it did by itself", async () => {
    const { pid } = await begin()
    process.kill(pid, "SIGKILL")
    await printed("the local model's process was ended by SIGKILL: requests to local/parrot fail")
    start!.kill("SIGTERM")
    assert.deepStrictEqual(await once(start!, "exit"), [0, null])
  })
})
