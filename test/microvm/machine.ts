import assert from "node:assert/strict"
import { Context, Effect, Fiber } from "effect"
import { limits, SandboxBackend } from "../../src/SandboxBackend.ts"
import { exec, read, reason, sh, stopped, untilReached, write } from "../SandboxBackend.support.ts"
import type { Machine } from "../../layers/sandbox/microvm/Protocol.ts"
import type { Contract } from "../support/contract.ts"

/** Where a machine can be held: before it is booted, and while an archive travels. */
export type Stage = "boot" | "save" | "restore"

/** What a test does to a machine from outside. */
export interface Control extends Pick<Machine, "save" | "keepOnly"> {
  /** How often it was started since its object was. */
  starts(): Promise<number>
  /** Ends the container as a failure of its host would. */
  crash(): Promise<void>
  /** Ends its object as a deploy would. */
  reset(): Promise<void>
  release(): Promise<void>
  /** Starts the container and nothing in it, as whatever asks it for something does. */
  startBare(): Promise<void>
  /** Lets it come to this stage, once, and no further. */
  hold(stage: Stage): Promise<void>
  /** It has come there. */
  held(stage: Stage): Promise<void>
  /** Nobody has used it for a while, and it can be saved or not. Answers whether it still runs. */
  expire(canBeSaved: boolean): Promise<boolean>
  /** Ids of the snapshots whose archives are there, sorted. */
  archives(): Promise<ReadonlyArray<string>>
  delete(snapshot: string): Promise<void>
  damage(snapshot: string): Promise<void>
}
export class Controls extends Context.Service<Controls, Control>()("ownloop/test/microvm/Controls") {}

const control = <A>(use: (control: Control) => Promise<A>) =>
  Controls.use((controls) => Effect.promise(() => use(controls)))

/** The processes that run this, apart from the one that asks. */
const running = (what: string) => sh(`pgrep -fc '^${what}' || true`)

/** What only a machine does. */
export const machine: Contract<SandboxBackend | Controls> = {
  "it is Linux, with its tools": Effect.gen(function* () {
    assert.equal(yield* sh("uname -s; id -un; pwd; echo $HOME"), "Linux\nroot\n/workspace\n/root\n")
    assert.equal(
      yield* sh("python3 -c 'print(6 * 7)'; git init -q . && git status --porcelain; rg --quiet x <<< x && echo found"),
      "42\nfound\n"
    )
    assert.equal(
      yield* sh('node -e \'console.log(require("child_process").execSync("echo $((6 * 7))") + "")\''),
      "42\n\n"
    )
  }),

  "its environment holds nothing of its server, and no credential": Effect.gen(function* () {
    const names = (yield* sh("env | cut -d= -f1 | sort")).trim().split("\n")
    assert.deepEqual(names, [
      "CURL_CA_BUNDLE",
      "GIT_SSL_CAINFO",
      "HOME",
      "HOSTNAME",
      "LANG",
      "NODE_EXTRA_CA_CERTS",
      "OLDPWD",
      "PATH",
      "PIP_CERT",
      "PWD",
      "REQUESTS_CA_BUNDLE",
      "SHELL",
      "SHLVL",
      "SSL_CERT_FILE",
      "USER",
      "_"
    ])
  }),

  "a command that ran too long leaves no process": Effect.gen(function* () {
    stopped(yield* exec("sleep 7001 & (sleep 7001; true) | cat; bash -c 'trap \"\" TERM; sleep 7001; true'", 500))
    assert.equal(yield* running("sleep 7001"), "0\n")
  }),

  "a command nobody waits for leaves no process": Effect.gen(function* () {
    const command = "sleep 7002 & curl -s http://allowed.test/cancel; trap '' TERM; sleep 7002"
    const fiber = yield* Effect.forkChild(exec(command), { startImmediately: true })
    yield* untilReached("/cancel")
    assert.equal(yield* SandboxBackend.use(() => Fiber.interrupt(fiber)), undefined)
    assert.equal(yield* running("sleep 7002"), "0\n")
  }),

  "a command that is given up before it began never begins": Effect.gen(function* () {
    const first = yield* Effect.forkChild(exec("curl -s http://allowed.test/first; sleep 1"), {
      startImmediately: true
    })
    yield* untilReached("/first")
    const second = yield* Effect.forkChild(exec("echo > never"), { startImmediately: true })
    yield* Fiber.interrupt(second)
    yield* Fiber.join(first)
    assert.equal(yield* sh("ls"), "")
  }),

  "output is cut while it streams": Effect.gen(function* () {
    // 30 MB of it would be more than any answer takes.
    const result = yield* exec("head -c 30000000 /dev/zero | tr '\\0' x; echo late >&2")
    assert.deepEqual([result.stdout.length, result.stderr, result.truncated], [limits.output, "late\n", true])
    assert.deepEqual([result.exitCode, result.timedOut], [0, false])
  }),

  "what runs in the background goes on, and does not hold up its command": Effect.gen(function* () {
    yield* sh("(while true; do echo beat; sleep 0.05; done) & echo $! > pid")
    assert.equal(yield* sh("kill -0 $(cat pid) && echo alive; kill $(cat pid)"), "alive\n")
  }),

  "a trap of the command's own and a shell that replaces itself are results too": Effect.gen(function* () {
    assert.equal(yield* sh("trap 'echo bye' EXIT; echo hi"), "hi\nbye\n")
    assert.equal(yield* sh("exec echo replaced"), "replaced\n")
    assert.equal((yield* exec("kill -9 $$")).exitCode, 137)
  }),

  "a command longer than an argument may be runs": Effect.gen(function* () {
    const text = "é".repeat(150_000)
    yield* sh(`cat > long <<'END'\n${text}\nEND`)
    assert.equal(yield* read("long"), `${text}\n`)
  }),

  "a link leads where it leads": Effect.gen(function* () {
    yield* sh("ln -s /etc/hostname out")
    assert.equal(yield* read("out"), yield* sh("cat /etc/hostname"))
  })
}

/** A machine's life, from its start to its end. */
export const lifecycle: Contract<SandboxBackend | Controls> = {
  "all who come while it starts wait for one start": Effect.gen(function* () {
    yield* control((vm) => vm.release())
    const before = yield* control((vm) => vm.starts())
    yield* Effect.all([write("a", "1"), sh("echo 2 > b"), read("c").pipe(reason)], { concurrency: "unbounded" })
    assert.equal(yield* sh("cat a b"), "12\n")
    assert.equal((yield* control((vm) => vm.starts())) - before, 1)
  }),

  "a machine that died is told of, and the next call has another": Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(exec("curl -s http://allowed.test/dying; sleep 60"), {
      startImmediately: true
    })
    yield* untilReached("/dying")
    yield* control((vm) => vm.crash())
    assert.equal((yield* reason(Fiber.join(fiber)))._tag, "SandboxUnavailable")
    assert.equal(yield* sh("echo again"), "again\n")
  }),

  "one that is given up is gone": Effect.gen(function* () {
    yield* sh("echo 1 > /tmp/here")
    yield* control((vm) => vm.release())
    assert.equal((yield* exec("cat /tmp/here")).exitCode, 1)
  })
}

/** Asks with nothing but Python's own sockets: the tests' image has no more of it. */
const python = `
import socket, ssl, sys
host, path = sys.argv[1][8:].split("/", 1)
with ssl.create_default_context().wrap_socket(socket.create_connection((host, 443)), server_hostname=host) as tls:
    tls.sendall(f"GET /{path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = b""
    while piece := tls.recv(65536): answer += piece
text = answer.decode()
print(text[text.index("{"):text.rindex("}") + 1], end="")`

/** What leaves a machine: the gateway, whose policy allows `allowed.test` and attaches a header there over https. */
export const egress: Contract<SandboxBackend | Controls> = {
  "https goes through the gateway, which attaches what the machine does not hold": Effect.gen(function* () {
    // A credential that a server says again is taken out of the answer.
    const answer = { url: "https://allowed.test/a?b", isAuthorized: true, echo: "[redacted]", body: "" }
    for (const ask of [
      "curl -s 'https://allowed.test/a?b'",
      "node -e 'fetch(\"https://allowed.test/a?b\").then((r) => r.text()).then((t) => process.stdout.write(t))'",
      `python3 - 'https://allowed.test/a?b' <<'END'\n${python}\nEND`
    ]) {
      assert.deepEqual(JSON.parse(yield* sh(ask)), answer, ask)
    }
    assert.equal(yield* sh("git ls-remote https://allowed.test/repository"), `${"0".repeat(39)}1\trefs/heads/main\n`)
  }),

  "a body is passed on, and over http nothing is attached": Effect.gen(function* () {
    const posted = JSON.parse(yield* sh("curl -s -d hello https://allowed.test/")) as unknown
    assert.deepEqual(posted, { url: "https://allowed.test/", isAuthorized: true, echo: "[redacted]", body: "hello" })
    const plain = JSON.parse(yield* sh("curl -s http://allowed.test/")) as { readonly isAuthorized: boolean }
    assert.equal(plain.isAuthorized, false)
  }),

  "a host that is not named is blocked": Effect.gen(function* () {
    for (const url of ["https://elsewhere.test/", "http://elsewhere.test/", "http://169.254.169.254/latest"]) {
      const result = yield* exec(`curl -s -k -m 20 -o /dev/null -w '%{http_code}' ${url}`)
      assert.equal(result.stdout, "403", url)
    }
    // Without a name there is nothing to decide about: the connection is closed, or the gateway says no.
    const nameless = yield* exec("curl -s -k -m 20 -o /dev/null -w '%{http_code}' https://10.0.0.1/")
    assert.match(nameless.stdout, /^(000|403)$/)
  }),

  "what is decided about is where it goes": Effect.gen(function* () {
    const ask = (host: string, url: string) => exec(`curl -s -m 20 -H 'Host: ${host}' ${url}`)
    const named = JSON.parse((yield* ask("allowed.test", "https://elsewhere.test/")).stdout) as { readonly url: string }
    assert.equal(named.url, "https://allowed.test/")
    assert.match((yield* ask("elsewhere.test", "https://allowed.test/")).stdout, /egress_blocked|blocked/)
  }),

  "other ports and protocols are closed": Effect.gen(function* () {
    for (const target of ["allowed.test/8080", "1.1.1.1/53", "1.1.1.1/22", "172.30.0.1/22"]) {
      const result = yield* exec(`timeout 10 bash -c 'exec 3<>/dev/tcp/${target} && echo open'`)
      assert.equal(result.stdout, "", target)
    }
  })
}
