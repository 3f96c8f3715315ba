import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { root } from "../scripts/config.ts"

/** What may be imported where, as the linter itself sees it. */

const home = mkdtempSync(join(tmpdir(), "imports-"))

beforeAll(() => copyFileSync(join(root, ".oxlintrc.json"), join(home, ".oxlintrc.json")))
afterAll(() => rmSync(home, { recursive: true }))

const allowed = ["effect/Effect", "effect/http/HttpClient", "./Other.ts"]
const upwards = "../Other.ts"
const indexes = ["effect", "effect/http"]
const refused = ["e", "eff", "effects", "effect-cf", "effective-x", "eslint", "@effect/vitest", "node:fs", ...indexes]

/** Those of these modules that a file in this folder must not import. */
const refusedIn = (folder: string) => {
  const imports = [...allowed, upwards, ...refused].map((name, index) => `export * as m${index} from "${name}"`)
  mkdirSync(join(home, folder), { recursive: true })
  writeFileSync(join(home, folder, "Module.ts"), imports.join("\n"))
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint")
  const { stdout } = spawnSync(process.execPath, [oxlint, "--format", "unix", folder], { cwd: home, encoding: "utf8" })
  return Array.from(stdout.matchAll(/'(\S+)' import is restricted/g), ([, name]) => name).sort()
}

it("src imports only effect and itself", () => {
  assert.deepStrictEqual(refusedIn("src/loop"), refused.toSorted())
})

it("src/domain imports only effect and its own folder", () => {
  assert.deepStrictEqual(refusedIn("src/domain"), [...refused, upwards].toSorted())
})

it("layers import no index of effect, whose whole would be bundled", () => {
  for (const folder of ["layers", "layers/model"]) assert.deepStrictEqual(refusedIn(folder), indexes)
})
