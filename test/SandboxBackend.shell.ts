import assert from "node:assert/strict"
import { Effect } from "effect"
import { SandboxBackend } from "../src/SandboxBackend.ts"
import { exec, sh, write } from "./SandboxBackend.support.ts"
import type { Contract } from "./support/contract.ts"

export const shell: Contract<SandboxBackend> = {
  "commands run in the workspace, with pipes and redirections": Effect.gen(function* () {
    assert.equal(yield* sh("pwd"), "/workspace\n")
    assert.equal(yield* sh("printf 'b\\na\\nb\\n' | sort | uniq -c | sed 's/ *//' > out; cat < out"), "1 a\n2 b\n")
    assert.equal(yield* sh("cat <<'END' | wc -l\n  one\n\ttwo\nEND"), "2\n")
  }),

  "a failure is a result": Effect.gen(function* () {
    const result = yield* exec("echo out; echo err >&2; (exit 3)")
    assert.deepEqual(result, { stdout: "out\n", stderr: "err\n", exitCode: 3, timedOut: false, truncated: false })
    assert.equal((yield* exec("nosuchcommand")).exitCode, 127)
    assert.match((yield* exec("nosuchcommand")).stderr, /nosuchcommand: command not found/)
    const broken = yield* exec("if then (")
    assert.notEqual(broken.exitCode, 0)
    assert.match(broken.stderr, /syntax error/)
  }),

  "what a failed command wrote stays": Effect.gen(function* () {
    assert.equal((yield* exec("set -e; echo 1 > a; false; echo 2 > b")).exitCode, 1)
    assert.equal(yield* sh("ls"), "a\n")
  }),

  "the working directory and exported variables carry over": Effect.gen(function* () {
    yield* sh("mkdir -p 'a b/c'; cd 'a b/c'; export KEPT='x y'\nexport LINES=$'1\\n2'; local=1")
    assert.equal(yield* sh('pwd; echo "$KEPT"; echo "$LINES"; echo "[$local]"'), "/workspace/a b/c\nx y\n1\n2\n[]\n")
    yield* sh("unset KEPT; cd ..")
    assert.equal(yield* sh('echo "[$KEPT]"; pwd'), "[]\n/workspace/a b\n")
    yield* exec("cd /; exit 1")
    yield* sh("cd /workspace; rm -r 'a b'")
    assert.equal(yield* sh("pwd"), "/workspace\n")
  }),

  "a working directory that is gone is left": Effect.gen(function* () {
    yield* sh("mkdir d; cd d; rm -r ../d")
    assert.equal(yield* sh("pwd; ls"), "/workspace\n")
  }),

  "restart forgets them, and keeps files": Effect.gen(function* () {
    const sandbox = yield* SandboxBackend
    yield* sh("mkdir d; cd d; export KEPT=1; echo 1 > f")
    yield* sandbox.restart
    assert.equal(yield* sh('pwd; echo "[$KEPT]"; cat d/f'), "/workspace\n[]\n1\n")
  }),

  "curl reaches what the gateway lets through": Effect.gen(function* () {
    assert.equal(yield* sh("curl -s http://allowed.test/path"), "GET /path ")
    assert.equal(yield* sh("curl -s -X POST -d body http://allowed.test/p"), "POST /p body")
    assert.equal(yield* sh("curl -s -L http://allowed.test/moved"), "GET /there ")
    assert.equal(yield* sh("curl -s -o f -w '%{http_code}' http://elsewhere.test/; cat f"), "403blocked by the policy")
    assert.equal((yield* exec("curl -s -f http://elsewhere.test/")).exitCode, 22)
  }),

  "commands wait for each other": Effect.gen(function* () {
    yield* write("n", "0")
    yield* Effect.all(
      Array.from({ length: 5 }, () => exec("n=$(cat n); sleep 0.01; echo $((n + 1)) > n")),
      { concurrency: "unbounded" }
    )
    assert.equal(yield* sh("cat n"), "5\n")
  })
}

export const isolated: Contract<SandboxBackend> = {
  "jq is there": Effect.gen(function* () {
    assert.equal(yield* sh("echo grün | jq -R ."), '"grün"\n')
  }),

  "a redirection makes the folders on the way": Effect.gen(function* () {
    assert.equal(yield* sh("echo 1 > new/folder/f; echo 2 >> other/g; cat new/folder/f other/g"), "1\n2\n")
  }),

  "the environment holds nothing but the shell's own": Effect.gen(function* () {
    const names = (yield* sh("env | cut -d= -f1")).trim().split("\n")
    const known = [
      "BASHOPTS",
      "HOME",
      "HOSTNAME",
      "HOSTTYPE",
      "IFS",
      "MACHTYPE",
      "OLDPWD",
      "OPTIND",
      "OSTYPE",
      "PATH",
      "PWD",
      "SHELLOPTS",
      "USER"
    ]
    assert.deepEqual(
      names.filter((name) => name !== "" && !known.includes(name)),
      []
    )
    assert.equal(yield* sh("echo $HOME"), "/workspace\n")
  }),

  "there is no other network": Effect.gen(function* () {
    assert.notEqual(
      (yield* exec("echo x > /dev/tcp/127.0.0.1/80 && cat /dev/tcp/127.0.0.1/80 | grep HTTP")).exitCode,
      0
    )
    assert.equal((yield* exec("wget http://allowed.test/")).exitCode, 127)
  })
}
