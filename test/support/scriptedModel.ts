import { type MockAnswer, startMockOpenAi } from "./mockOpenAi.ts"

/** A model's server whose answers are scripted by the model's id: each test has its own. */
export const startScriptedModel = async () => {
  const scripts = new Map<string, Array<MockAnswer>>()
  const server = await startMockOpenAi(
    ({ body }) => scripts.get(body.model)?.shift() ?? { status: 400, body: "no script" }
  )
  return {
    ...server,
    /** The id of a model that answers so, one after the other. */
    scripted: (...answers: ReadonlyArray<MockAnswer>): string => {
      const name = `script-${scripts.size + 1}`
      scripts.set(name, [...answers])
      return `local/${name}`
    }
  }
}

export type ScriptedModel = Awaited<ReturnType<typeof startScriptedModel>>

export const tool = (name: string, input: unknown): MockAnswer => ({ calls: [{ name, arguments: input }] })
