#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { init, InitError } from "./init.ts"

const usage = `usage: ownloop init [file]

Adds to wrangler.jsonc (or the file given) what Ownloop needs and is not there, and says what it added. Comments stay.`

const run = (command: string | undefined, path: string): number => {
  if (command !== "init") {
    console.error(usage)
    return command === undefined || command === "help" || command === "--help" ? 0 : 2
  }
  const file = resolve(path)
  if (!existsSync(file)) {
    console.error(`there is no ${file}: run this where your Worker's wrangler.jsonc is, or name the file`)
    return 1
  }
  try {
    const { added, text } = init(readFileSync(file, "utf8"))
    if (added.length > 0) writeFileSync(file, text)
    console.log(added.length === 0 ? `${path} has all of it` : [`${path} now has:`, ...added].join("\n  "))
    return 0
  } catch (error) {
    if (!(error instanceof InitError)) throw error
    console.error(`${path}: ${error.message}`)
    return 1
  }
}

process.exitCode = run(process.argv[2], process.argv[3] ?? "wrangler.jsonc")
