import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { startGitServer } from "./support/gitServer.ts"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { startSession, startWorker, type Worker } from "./support/worker.ts"

/** `git` in the isolate's shell, against git's own server over https, with a token that only the gateway knows. */

const token = "ghp_hunter2hunter2hunter2"

let worker: Worker
let model: MockOpenAi
let server: Awaited<ReturnType<typeof startGitServer>>
let script: Array<MockAnswer> = []

beforeAll(async () => {
  model = await startMockOpenAi(() => script.shift() ?? { text: "done" })
  server = await startGitServer(token)
  worker = await startWorker({
    OPENAI_BASE_URL: model.url,
    OWNLOOP_ROOT_KEY: `k1:${Buffer.alloc(32, 3).toString("base64")}`
  })
})

afterAll(async () => {
  await worker.close()
  await Promise.all([model.close(), server.close()])
})

const sessionWith = async (auths: ReadonlyArray<object>, hosts = [server.host]) => {
  const { vaults } = worker.client.beta
  const vault = await vaults.create({ display_name: "git" })
  for (const auth of auths) {
    // Some of it is ours, and not in the SDK's types.
    await vaults.credentials.create(vault.id, { auth } as unknown as Parameters<typeof vaults.credentials.create>[1])
  }
  const session = await startSession(worker, { model: "local/mock", hosts, vaults: [vault.id] })
  let seen = 0
  return {
    session,
    /** Runs each command in the session's shell, and answers what the agent reads. */
    run: async (...commands: ReadonlyArray<string>) => {
      script = [
        ...commands.map((command): MockAnswer => ({ calls: [{ name: "bash", arguments: { command } }] })),
        { text: "done" }
      ]
      await session.send("go")
      await session.settle()
      const results = (await session.events()).flatMap((event) =>
        event.type === "agent.tool_result"
          ? [(event.content ?? []).map((block) => ("text" in block ? block.text : "")).join("")]
          : []
      )
      const texts = results.slice(seen)
      seen = results.length
      return texts
    }
  }
}

const networking = () => ({ type: "limited", allowed_hosts: [server.host] })
const header = () => ({
  type: "http_header",
  scheme: "basic",
  username: "x-access-token",
  secret_value: token,
  networking: networking(),
  paths: ["/notes.git/*"]
})

describe("git in the sandbox", () => {
  it(
    "clones, looks around, changes, pushes and pulls, with a token that it never sees",
    { timeout: 60_000 },
    async () => {
      const { run, session } = await sessionWith([header()])
      const [cloned, looked, unknown, committed, branched, pushed] = await run(
        `git clone ${server.url} && cat notes/notes.txt`,
        "cd notes && git status && git log --oneline && git log -1 && git branch -a && git remote",
        "echo three >> notes.txt && echo new > new.txt && rm -f missing && git status -s && git diff && git commit -m x",
        `git config --global user.name Bob && git config --global user.email bob@example.com &&
       git add -A && git status --short && git diff --staged --name-only && git commit -m "the third note" && git show`,
        "git checkout -b topic && echo four > four.txt && git add . && git commit -m four && git branch && git checkout main && ls && git branch -D topic",
        "git push && git status"
      )
      assert.match(cloned!, /one\ntwo/)
      assert.match(looked!, /On branch main\nnothing to commit, working tree clean/)
      assert.match(looked!, /[0-9a-f]{7} the second note\n[0-9a-f]{7} the first note/)
      assert.match(
        looked!,
        /Author: Ada <ada@example\.com>\nDate: {3}\w{3} \w{3} \d+ [\d:]{8} \d{4} [+-]\d{4}\n\n {4}the second note/
      )
      assert.match(looked!, /\* main\n.*remotes\/origin\/main/s)
      assert.include(looked, `origin\t${server.url}`)
      assert.match(unknown!, /^ M notes\.txt\n\?\? new\.txt\n/)
      assert.include(unknown, "--- a/notes.txt\n+++ b/notes.txt\n@@ -1,2 +1,3 @@\n one\n two\n+three\n")
      assert.include(unknown, "nothing added to commit")
      assert.match(
        committed!,
        /^A {2}new\.txt\nM {2}notes\.txt\nnew\.txt\nnotes\.txt\n\[main [0-9a-f]{7}\] the third note\n/
      )
      assert.match(committed!, /commit [0-9a-f]{40}\nAuthor: Bob <bob@example\.com>.*\+new\n.*\+three$/s)
      assert.match(
        branched!,
        /Switched to a new branch 'topic'.* {2}main\n\* topic\n.*Switched to branch 'main'\nnew\.txt\nnotes\.txt\nDeleted branch topic/s
      )
      assert.include(pushed, "main -> main")
      assert.strictEqual(server.git("log", "-1", "--format=%an %s", "main"), "Bob the third note\n")
      assert.strictEqual(server.git("show", "main:notes.txt"), "one\ntwo\nthree\n")

      server.elsewhere("from elsewhere\n", "somebody else's note")
      const [fetched, pulled, upstream] = await run(
        "cd /workspace/notes && git fetch && git log --oneline -1 origin/main && cat elsewhere.txt",
        "git pull && cat elsewhere.txt && git rev-parse --abbrev-ref HEAD",
        "git switch -c feature && echo f > f.txt && git add f.txt && git commit -qm feature && git push -u origin feature && git pull --ff-only"
      )
      assert.match(fetched!, /[0-9a-f]{7} somebody else's note\n.*No such file/s)
      assert.match(pulled!, /Updating [0-9a-f]{7}\.\.[0-9a-f]{7}\nfrom elsewhere\nmain/)
      assert.match(upstream!, /feature -> feature\n.*Already up to date/s)
      assert.strictEqual(server.git("log", "-1", "--format=%s", "feature"), "feature\n")

      const everything = JSON.stringify([await session.events(), model.requests.map(({ body }) => body)])
      assert.notInclude(everything, "hunter2")
      const { data } = await session.decisions(worker.fetch)
      assert.isTrue(data.length > 5 && data.every(({ outcome }) => outcome === "injected"))
    }
  )

  it("takes a placeholder in a URL, and a shallow clone", async () => {
    const variable = {
      type: "environment_variable",
      secret_name: "GIT_TOKEN",
      secret_value: token,
      networking: networking()
    }
    const { run } = await sessionWith([variable])
    const url = server.url.replace("https://", "https://x-access-token:$GIT_TOKEN@")
    const [cloned] = await run(
      `git clone --depth 1 "${url}" shallow && cd shallow && git log --oneline | wc -l && cat .git/config`
    )
    assert.match(cloned!, /Cloning into 'shallow'\.\.\.\n\s*1\n/)
    assert.notInclude(cloned, "hunter2")
  })

  it("says what is wrong: no token, a host that is not allowed, an option or a command that it does not have", async () => {
    const { run } = await sessionWith([])
    const [denied, left, nowhere, option, command, outside, ssh] = await run(
      `git clone ${server.url}`,
      "ls -a",
      "git clone https://example.com/notes.git",
      "git init -q && git log --graph",
      "git rebase -i",
      "cd /tmp && git status",
      "git clone git@example.com:notes.git"
    )
    assert.include(denied, "fatal: HTTP Error: 401 Unauthorized")
    assert.notInclude(left, "notes")
    assert.include(nowhere, "fatal: blocked by the egress policy: no rule allows this host")
    assert.include(option, "error: log: the option --graph is not supported")
    assert.include(command, "'rebase' is not a command of the git of this sandbox, which has: add, branch,")
    assert.include(outside, "fatal: not a git repository")
    assert.include(ssh, "only https and http are reached from this sandbox")
  })
})
