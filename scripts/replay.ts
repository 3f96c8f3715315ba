import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect, Result } from "effect"
import { replay } from "../layers/replay.ts"
import * as Export from "../src/trace/Export.ts"

// Runs exported sessions again, each a file; of a folder all of its .json files. Exits with 1 where one of them does not go as it did.

const paths = process.argv.slice(2)
if (paths.length === 0 || paths[0] === "--help" || paths[0] === "-h") {
  console.error("usage: npm run replay -- <file or folder of exported sessions>...")
  process.exit(2)
}

const files = paths.flatMap((path) =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => join(path, name))
    : [path]
)

let failures = 0
for (const file of files) {
  const exported = await Effect.runPromise(Effect.result(Export.parse(readFileSync(file, "utf8"))))
  const start = performance.now()
  const result = await Effect.runPromise(Effect.result(Effect.flatMap(Effect.fromResult(exported), replay)))
  const took = `${Math.round(performance.now() - start)} ms`
  if (Result.isSuccess(result)) console.log(`same    ${file}: ${result.success} events in ${took}`)
  else {
    failures += 1
    console.log(`DIFFERS ${file}: ${result.failure.message}`)
  }
}
console.log(`${files.length - failures} of ${files.length} sessions ran as they did`)
if (failures > 0 || files.length === 0) process.exitCode = 1
