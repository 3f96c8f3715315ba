import type * as Schema from "effect/Schema"

export interface Call {
  readonly name: string
  readonly input: { readonly [key: string]: Schema.Json }
}

/** One tool call after the other, each made from the outputs of those before it; then the answer, made from all of them. */
export interface Plan {
  readonly steps: ReadonlyArray<(outputs: ReadonlyArray<string>) => Call>
  readonly answer: (outputs: ReadonlyArray<string>) => string
}

export interface Rule {
  readonly pattern: RegExp
  readonly plan: (found: ReadonlyArray<string | undefined>, offers: (tool: string) => boolean) => Plan
}

const url = /(https?:\/\/[^\s"'`<>]*[^\s"'`<>.,;:!?)])/.source
/** With an extension, so that no other word passes for a file. */
const file = /["'`]?([\w./-]*\w\.\w+)["'`]?/.source
const into = `\\b(?:to|in|into|as)\\s+(?:a\\s+file\\s+)?(?:called\\s+|named\\s+)?${file}`

const rule = (pattern: string, plan: Rule["plan"]): Rule => ({ pattern: new RegExp(pattern, "is"), plan })

const bash = (command: string): Call => ({ name: "bash", input: { command } })
const read = (path: string): Call => ({ name: "read", input: { file_path: path } })
const write = (path: string, content: string): Call => ({ name: "write", input: { file_path: path, content } })

const fetchPage = (address: string, offers: (tool: string) => boolean): Call =>
  offers("web_fetch") ? { name: "web_fetch", input: { url: address } } : bash(`curl -fsSL '${address}'`)

/** The tools say so where there is no text. */
const pageText = (output = ""): string => (output === "(empty)" || output === "(no output)" ? "" : output)

const shown = (text = ""): string => (text.length > 2000 ? `${text.slice(0, 2000)}\n[cut]` : text)

const countOption: { readonly [unit: string]: string } = { words: "-w", lines: "-l", characters: "-m", bytes: "-c" }

const haiku = "Rules without a mind\nturn the crank of real machines:\nno one dreams in here.\n"

const written = (path: string, content: string): Plan => ({
  steps: [() => write(path, content), () => read(path)],
  answer: ([, text]) => `I wrote ${path} and read it back:\n${shown(text)}`
})

/** `the numbers 1 to 10` and `3, 1, 2` as one number per line; any other text as it is. */
const content = (text: string): string => {
  const range = /(-?\d+)\s*(?:to|-|\.\.)\s*(-?\d+)/.exec(text)
  if (range !== null) {
    const [first, last] = [Number(range[1]), Number(range[2])]
    const count = Math.min(Math.max(0, last - first + 1), 10_000)
    return Array.from({ length: count }, (_, index) => `${first + index}\n`).join("")
  }
  const numbers = text.match(/-?\d+(?:\.\d+)?/g)
  return numbers === null ? `${text.trim().replace(/^["'`](.*)["'`]$/s, "$1")}\n` : `${numbers.join("\n")}\n`
}

/** The first that matches is followed. */
export const rules: ReadonlyArray<Rule> = [
  rule(
    `\\bcount\\s+(?:the\\s+|all\\s+)?(words|lines|characters|bytes)\\b.*?${url}(?:.*?\\b(?:save|write|store|put)\\b.*?${into})?`,
    ([unit = "", address = "", target = "count.txt"], offers) => {
      const name = unit.toLowerCase()
      return {
        steps: [
          () => fetchPage(address, offers),
          ([page]) => write("fetched.txt", pageText(page)),
          () => bash(`wc ${countOption[name]} < fetched.txt | tr -d ' ' > '${target}'`),
          () => read(target)
        ],
        answer: (outputs) =>
          `${address} has ${outputs[3]?.trim()} ${name}. I fetched it with a tool, saved the count to ${target} and read it back.`
      }
    }
  ),
  rule(
    `\\bwrite\\s+(?:a\\s+)?file\\s+(?:called\\s+|named\\s+)?${file}\\s+with\\s+(.+?),?\\s+(?:and\\s+)?(?:then\\s+)?run\\s+a\\s+script\\b`,
    ([path = "", text = ""]) => ({
      steps: [
        () => write(path, content(text)),
        () => write("sum.sh", `awk '{ sum += $1 } END { print NR " lines, sum " sum + 0 }' "$1" > result.txt\n`),
        () => bash(`bash sum.sh '${path}'`),
        () => read("result.txt")
      ],
      answer: (outputs) => `I wrote ${path}, ran sum.sh over it, and result.txt says: ${outputs[3]?.trim()}`
    })
  ),
  rule(`\\bwrite\\s+(?:a\\s+|me\\s+a\\s+)?(?:haiku|poem)\\b.*?${into}`, ([path = ""]) => written(path, haiku)),
  rule(
    `\\bwrite\\s+(?:a\\s+)?file\\s+(?:called\\s+|named\\s+)?${file}\\s+(?:with|containing|that\\s+says)\\s+(.+)`,
    ([path = "", text = ""]) => written(path, content(text))
  ),
  rule(`\\b(?:write|save|put)\\s+["'\`](.+)["'\`]\\s+${into}`, ([text = "", path = ""]) => written(path, `${text}\n`)),
  rule("\\b(?:run|execute)\\s+(?:the\\s+command\\s+)?`([^`]+)`", ([command = ""]) => ({
    steps: [() => bash(command)],
    answer: ([output]) => `\`${command}\` printed:\n${shown(output)}`
  })),
  rule("\\b(?:list|show)\\s+(?:me\\s+)?(?:all\\s+)?(?:the\\s+|my\\s+)?files\\b|\\bwhat\\s+files\\b", () => ({
    steps: [() => bash("ls -la")],
    answer: ([output]) => `The workspace holds:\n${shown(output)}`
  })),
  rule(`\\b(?:fetch|get|open|download|read)\\s+${url}`, ([address = ""], offers) => ({
    steps: [() => fetchPage(address, offers)],
    answer: ([page]) => `${address} says:\n${shown(page)}`
  })),
  rule(
    `(?:\\bwhat(?:'s|\\s+is)\\s+in|\\bread|\\bshow(?:\\s+me)?|\\bcat)\\s+(?:the\\s+file\\s+)?${file}`,
    ([path = ""]) => ({
      steps: [() => read(path)],
      answer: ([text]) => `${path} says:\n${shown(text)}`
    })
  )
]
