// A stand-in for the server of Cloudflare's sandbox image, which cannot be pulled where these tests run. It answers the HTTP routes of the
// SDK (version 0.12.10) that the product uses, as that server does, and no others: no sessions, no RPC, no code interpreter.
import { spawn } from "node:child_process"
import { mkdir, readFile, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import { dirname } from "node:path"

class Refused extends Error {
  constructor(code, message, httpStatus = 500) {
    super(message)
    this.body = { code, message, context: {}, httpStatus, timestamp: new Date().toISOString() }
  }
}

const text = async (stream) => {
  const pieces = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces).toString("utf8")
}

/** A login shell of its own process group; it is over when the shell has ended and both outputs are closed. */
const execute = async ({ command, sessionId, env, cwd = "/workspace", timeoutMs }) => {
  if (sessionId !== "__DISABLE_SESSION__") throw new Refused("VALIDATION_FAILED", "the stand-in has no sessions", 400)
  const child = spawn("/bin/bash", ["-lc", command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true
  })
  const ended = new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Refused("COMMAND_EXECUTION_ERROR", error.message)))
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGTERM" ? 143 : 137)))
  })
  let timedOut = false
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true
          process.kill(-child.pid, "SIGTERM")
        }, timeoutMs)
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  clearTimeout(timer)
  const exitCode = timedOut ? 124 : code
  return { success: exitCode === 0, exitCode, stdout, stderr, command, timestamp: new Date().toISOString() }
}

const read = async ({ path, encoding }) => {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false
  )
  if (!isFile) throw new Refused("FILE_NOT_FOUND", `File not found: ${path}`, 404)
  const content = await readFile(path, encoding === "base64" ? "base64" : "utf8")
  return { success: true, path, content, encoding, timestamp: new Date().toISOString() }
}

const write = async ({ path, content, encoding }) => {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content, encoding === "base64" ? "base64" : "utf8")
  } catch (error) {
    throw new Refused("FILESYSTEM_ERROR", `Failed to write file '${path}': ${error.message}`)
  }
  return { success: true, path, timestamp: new Date().toISOString() }
}

const routes = {
  "/api/ping": () => ({ success: true, message: "pong", timestamp: new Date().toISOString() }),
  "/api/version": () => ({ success: true, version: "0.12.10", timestamp: new Date().toISOString() }),
  "/api/execute": execute,
  "/api/read": read,
  "/api/write": write
}

createServer(async (request, response) => {
  const answer = (status, body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  try {
    const route = routes[new URL(request.url, "http://machine").pathname]
    if (route === undefined) throw new Refused("UNKNOWN_ERROR", `the stand-in has no ${request.url}`, 404)
    const body = await text(request)
    answer(200, await route(body === "" ? {} : JSON.parse(body)))
  } catch (error) {
    const { body } = error instanceof Refused ? error : new Refused("INTERNAL_ERROR", String(error))
    answer(body.httpStatus, body)
  }
}).listen(3000, "0.0.0.0")
process.on("SIGTERM", () => process.exit(0))
