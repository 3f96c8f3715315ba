import { Effect, Stream } from "effect"
import * as Answer from "../../layers/model/Answer.ts"
import { reasonOf } from "../../src/model/ProviderFailure.ts"
import { type Dialect, make, parse } from "../../src/model/ToolCallText.ts"

const prose =
  "The tool reads a file and answers what stands in it. Most answers hold no call at all, so that nothing is to be done but to look for one.\n\n"
const code = `Here is how it is done:

\`\`\`ts
const table: { [name: string]: number[] } = { a: [1, 2], b: [] }
for (const [name, list] of Object.entries(table)) { if (list.length > 0) console.log({ name, first: list[0] }) }
export const config = {"type": "module", "scripts": {"start": "node index.js"}, "files": ["a.ts", "b.ts"]}
\`\`\`

`
const json = '{"name": "web", "type": "module", "scripts": {"start": "node a.js"}, "files": ["a.ts"], "id": 1}\n'

const texts: { readonly [what: string]: string } = { prose, "with code": prose + code, "only JSON": json }

const tools = ["read", "bash", "edit"].map((name) => ({
  name,
  description: "",
  parameters: { type: "object" as const }
}))

/** Milliseconds of CPU time that a run takes, once it is warm: neighbours on the machine do not count. */
const cost = async (run: () => unknown, runs: number): Promise<number> => {
  for (let count = 0; count < runs; count++) await run()
  const before = process.cpuUsage()
  for (let count = 0; count < runs; count++) await run()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1_000 / runs
}

const speed = async (piece: string, dialect: Dialect | "auto"): Promise<string> => {
  const text = piece.repeat(1_000_000 / piece.length)
  return (text.length / 1_000 / (await cost(() => parse(text, { dialect, tools }), 20))).toFixed(0)
}

/** What looking for calls adds to a stream of 2,000 deltas, as the model client reads it. */
const printStream = async (): Promise<void> => {
  const words = prose
    .repeat(100)
    .match(/\S+\s+/g)!
    .slice(0, 2_000)
  const chunk = (content: string) => ({ object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] })
  const events = [...words.map((word) => JSON.stringify(chunk(word))), "[DONE]"]
  const body = events.map((data) => new TextEncoder().encode(`data: ${data}\n\n`))
  const client = () =>
    Stream.fromArray(body).pipe(
      Stream.rechunk(1),
      (bytes) => Answer.parts(bytes, reasonOf, { model: "local/m", tools }),
      Stream.runDrain,
      Effect.runPromise
    )
  const parser = () => {
    const calls = make({ dialect: "auto", tools })
    for (const word of words) calls.push(word)
    calls.end()
  }
  const [all, own] = [await cost(client, 200), await cost(parser, 1_000)]
  const share = ((100 * own) / (all - own)).toFixed(1)
  console.log(
    `a stream of 2,000 deltas: ${all.toFixed(2)} ms, of which looking for calls takes ${own.toFixed(2)} ms: it adds ${share} % (CPU time)`
  )
}

const printText = async (dialects: ReadonlyArray<Dialect | "auto">): Promise<void> => {
  console.log(
    `MB/s of text without calls${Object.keys(texts)
      .map((what) => what.padStart(12))
      .join("")}`
  )
  for (const dialect of dialects) {
    const cells = [dialect.padEnd(26)]
    for (const text of Object.values(texts)) cells.push((await speed(text, dialect)).padStart(12))
    console.log(cells.join(""))
  }
}

/** Prints how fast the parser is, in a process that has read nothing else yet. */
export const printSpeed = async (dialects: ReadonlyArray<Dialect | "auto">): Promise<void> => {
  await printStream()
  await printText(dialects)
  console.log()
}
