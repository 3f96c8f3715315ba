import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Matrix, open } from "./crash/matrix.ts"

/** A sample of the matrix that `npm run test:crash` runs: a session for each of these points, all killed together. */
const sample = ["model 2 (main) answering", "call first counted", "call third counted", "model summary (second) asked"]

let matrix: Matrix | undefined

beforeAll(async () => {
  matrix = await open()
})

afterAll(() => matrix?.close())

describe("a session whose process is killed", () => {
  it("goes on with no client, and ends as if nothing had happened", { timeout: 120_000 }, async () => {
    const outcomes = await matrix!.crash(sample)
    assert.deepStrictEqual(
      outcomes.map(({ point, problems }) => ({ point, problems })),
      sample.map((point) => ({ point, problems: [] }))
    )
    // Each was in the middle of something, so each went on before its client came back.
    for (const { point, resumedAfter } of outcomes) assert.isNotNull(resumedAfter, point)
  })

  it("goes on in the code that was deployed meanwhile, with the log that the old one wrote", async () => {
    const changed = "You are an agent of the next version."
    const deploy = (code: string) => code.replace("You are an agent.", changed)
    const [outcome] = await matrix!.crash(["model 3 (main) answering"], deploy)
    assert.deepStrictEqual(outcome!.problems, [])
    assert.include(outcome!.system, changed)
  })
})
