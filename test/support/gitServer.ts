import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startSecureSite } from "./site.ts"

/** Settings of the machine that runs the tests play no part. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.com",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.com"
}

/** Git's own server over https, with one repository, `/notes.git`, that asks for a token. */
export const startGitServer = async (token: string) => {
  const home = mkdtempSync(join(tmpdir(), "git-"))
  const git = (directory: string, ...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-C", join(home, directory), ...args], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    })
  git("", "init", "-q", "-b", "main", "seed")
  writeFileSync(join(home, "seed/notes.txt"), "one\n")
  const commitAll = (message: string) => {
    git("seed", "add", "-A")
    git("seed", "commit", "-q", "-m", message)
  }
  commitAll("the first note")
  writeFileSync(join(home, "seed/notes.txt"), "one\ntwo\n")
  commitAll("the second note")
  git("", "clone", "-q", "--bare", "seed", "notes.git")
  git("notes.git", "config", "http.receivepack", "true")
  git("seed", "remote", "add", "origin", "../notes.git")

  const expected = `Basic ${btoa(`x-access-token:${token}`)}`
  const site = await startSecureSite((request, response) => {
    if (request.headers.authorization === expected) return serve(home, request, response)
    response.writeHead(401, { "www-authenticate": "Basic" }).end(`no: ${request.headers.authorization ?? "nothing"}`)
  })
  return {
    host: site.host,
    url: `${site.url}/notes.git`,
    /** Runs git's own client in the repository that is served. */
    git: (...args: ReadonlyArray<string>) => git("notes.git", ...args),
    /** A commit that somebody else pushes. */
    elsewhere: (content: string, message: string) => {
      git("seed", "pull", "-q", "origin", "main")
      writeFileSync(join(home, "seed/elsewhere.txt"), content)
      commitAll(message)
      git("seed", "push", "-q", "origin", "main")
    },
    close: async () => {
      await site.close()
      rmSync(home, { recursive: true })
    }
  }
}

/** As a web server runs a CGI program. */
const serve = (root: string, request: IncomingMessage, response: ServerResponse) => {
  const [path = "", query = ""] = (request.url ?? "").split("?")
  const { "content-encoding": encoding, "content-length": length, "content-type": type } = request.headers
  const child = spawn("git", ["http-backend"], {
    env: {
      ...env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: type ?? "",
      REMOTE_USER: "agent",
      ...(length === undefined ? {} : { CONTENT_LENGTH: length }),
      ...(encoding === undefined ? {} : { HTTP_CONTENT_ENCODING: encoding })
    }
  })
  request.pipe(child.stdin)
  const chunks: Array<Buffer> = []
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk))
  child.on("close", () => {
    const answer = Buffer.concat(chunks)
    const end = answer.indexOf("\r\n\r\n")
    let status = 200
    for (const line of answer.subarray(0, end).toString().split("\r\n")) {
      const [name = "", value = ""] = line.split(": ")
      if (name === "Status") status = Number.parseInt(value)
      else if (name !== "") response.setHeader(name, value)
    }
    response.writeHead(status).end(answer.subarray(end + 4))
  })
}
