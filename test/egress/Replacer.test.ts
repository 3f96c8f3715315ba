import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Replacer } from "../../src/egress/Replacer.ts"

const bytes = (text: string) => Buffer.from(text)

const replace = (chunks: ReadonlyArray<Uint8Array>, replacements: Readonly<Record<string, string>>) => {
  const replacer = new Replacer(
    Object.entries(replacements).map(([find, put]) => ({ find: bytes(find), put: bytes(put) }))
  )
  return Buffer.concat([...chunks.map((chunk) => replacer.push(chunk)), replacer.end()]).toString()
}

/** A text cut into pieces at these places. */
const cut = (text: string, places: ReadonlyArray<number>) => {
  const all = bytes(text)
  const at = [0, ...places.map((place) => place % (all.length + 1)).toSorted((a, b) => a - b), all.length]
  return at.slice(1).map((end, index) => all.subarray(at[index], end))
}

describe("a replacer", () => {
  it.effect.each<[text: string, replacements: Record<string, string>, expected: string]>([
    ["", { abc: "x" }, ""],
    ["no such thing", { abc: "x" }, "no such thing"],
    ["abcabc abc", { abc: "<abc>" }, "<abc><abc> <abc>"],
    ["aabab", { aab: "x", ab: "y" }, "xy"],
    ["abcdef abce", { abcdef: "long", abc: "short" }, "long shorte"],
    ["ends with ab", { abc: "x" }, "ends with ab"],
    ["Zwölf 🐈", { "🐈": "cat" }, "Zwölf cat"]
  ])("of %j", ([text, replacements, expected]) =>
    Effect.sync(() => {
      for (let size = 1; size <= text.length + 1; size++) {
        const places = Array.from({ length: Math.ceil(bytes(text).length / size) }, (_, index) => index * size)
        assert.strictEqual(replace(cut(text, places), replacements), expected)
      }
    })
  )

  it.effect.prop(
    "answers the same however its input is cut",
    {
      letters: Schema.Array(Schema.Literals(["a", "b", "secret", "sec", "ret"])),
      places: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })))
    },
    ({ letters, places }) =>
      Effect.sync(() => {
        const text = letters.join("")
        const replacements = { secret: "[1]", secsecret: "[2]", aba: "[3]" }
        assert.strictEqual(replace(cut(text, places), replacements), replace([bytes(text)], replacements))
        assert.notInclude(replace(cut(text, places), replacements), "secret")
      })
  )

  it.effect("holds back only what may be the beginning of something", () =>
    Effect.sync(() => {
      const replacer = new Replacer([{ find: bytes("secret"), put: bytes("x") }])
      assert.strictEqual(bytes("data: 1\n\n").compare(replacer.push(bytes("data: 1\n\n"))), 0)
      assert.strictEqual(Buffer.from(replacer.push(bytes("a sec"))).toString(), "a ")
      assert.strictEqual(Buffer.from(replacer.push(bytes("ond"))).toString(), "second")
    })
  )
})
