import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "jsonc-parser"
import { init, InitError } from "../bin/init.ts"
import { missing } from "../layers/cloudflare/Bindings.ts"
import { crons, wanted } from "../layers/cloudflare/wanted.ts"
import { root } from "../scripts/config.ts"

const host = `{
  // The shop.
  "name": "shop",
  "main": "src/index.ts",
  "compatibility_date": "2025-01-01", // Old.
  "durable_objects": {
    "bindings": [
      { "name": "CARTS", "class_name": "Cart" } // Carts live here.
    ]
  },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Cart"] }],
  /* Nightly. */
  "triggers": { "crons": ["0 4 * * *"] },
}
`

/** What a configuration says of what Ownloop wants, less the ways that lead to files. */
const shown = (text: string) => {
  const config = parse(text) as Record<string, any>
  return wanted.map(({ settings }) =>
    settings.map(({ path, key, value }) => {
      const found = path.reduce<any>((inside, name) => inside?.[name], config)
      if (key === undefined) return found
      const same = JSON.stringify((value as Record<string, unknown>)[key])
      return found?.find((entry: Record<string, unknown>) => JSON.stringify(entry[key]) === same)
    })
  )
}

describe("ownloop init", () => {
  it("adds what is missing, and keeps what is there with its comments", () => {
    const { added, text } = init(host)
    for (const comment of ["// The shop.", "// Old.", "// Carts live here.", "/* Nightly. */"])
      assert.include(text, comment)
    assert.deepStrictEqual(
      shown(text),
      wanted.map(({ settings }) => settings.map(({ value }) => value))
    )
    const config = parse(text)
    assert.deepStrictEqual(config.durable_objects.bindings[0], { name: "CARTS", class_name: "Cart" })
    assert.deepStrictEqual(config.migrations[0], { tag: "v1", new_sqlite_classes: ["Cart"] })
    assert.deepStrictEqual(config.triggers.crons, ["0 4 * * *", ...crons])
    assert.strictEqual(config.compatibility_date, "2026-11-01")
    assert.isTrue(added.some((line) => line.startsWith("CATALOG (d1_databases): the D1 database")))
  })

  it("has nothing to add the second time, nor to this project's own configuration", () => {
    const once = init(host).text
    assert.deepStrictEqual(init(once), { text: once, added: [] })
    assert.deepStrictEqual(init(readFileSync(`${root}wrangler.jsonc`, "utf8")).added, [])
  })

  it("wants what this project itself is configured with", () => {
    const own = shown(readFileSync(`${root}wrangler.jsonc`, "utf8"))
    for (const [index, { name, settings }] of wanted.entries()) {
      if (name === "SESSIONS" || name === "CATALOG") continue // Migrations lie elsewhere there.
      assert.deepStrictEqual(
        own[index],
        settings.map(({ value }) => value),
        name
      )
    }
  })

  it("says what it cannot read", () => {
    assert.throws(() => init('{\n  "name": \n}'), InitError, "line 3: ValueExpected")
    assert.throws(() => init("[]"), InitError, "is no JSON object")
    assert.throws(() => init('{ "migrations": {} }'), InitError, "migrations is no list")
  })
})

it("what is missing is named, with what it is for and the lines to paste", () => {
  const all = Object.fromEntries(wanted.map(({ name }) => [name, {}]))
  assert.isUndefined(missing(all))
  const { AI: _, RATE_LIMIT_REQUESTS: __, ...enough } = all
  assert.isUndefined(missing(enough))
  const { BLOBS: ___, ...without } = all
  const message = missing(without)?.message ?? ""
  assert.include(message, "BLOBS")
  assert.include(message, "the R2 bucket of long tool results")
  const pasted = message.slice(message.indexOf('"r2_buckets"'), message.lastIndexOf(","))
  assert.deepStrictEqual(JSON.parse(`{${pasted}}`), {
    r2_buckets: [{ binding: "BLOBS", bucket_name: "ownloop-blobs" }]
  })
})
