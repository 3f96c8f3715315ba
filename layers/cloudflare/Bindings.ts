import * as Schema from "effect/Schema"
import { type Setting, wanted } from "./wanted.ts"

/** What `makeWorker` uses of a Worker's bindings. The Worker may have others, which its tools get. */
export interface Bindings {
  readonly SESSIONS: Namespace
  readonly CATALOG: D1Database
  readonly BLOBS: R2Bucket
  readonly LOADER: WorkerLoader
  readonly TASKS: Queue
  readonly DEAD_LETTERS: Queue
  /** Without it only OpenAI-compatible servers and `demo` can be asked. */
  readonly AI?: Ai
  /** Without it there is no backend `microvm`. */
  readonly MICROVMS?: Namespace
  /** Without them nobody is limited. */
  readonly RATE_LIMIT_REQUESTS?: RateLimit
  readonly RATE_LIMIT_STRANGERS?: RateLimit
}

/** Of Durable Objects of this Worker, whose types do not matter here. */
interface Namespace {
  getByName(name: string): unknown
}

/** Everything that the Worker has, typed by what `wrangler types` wrote. */
export type WorkerEnv = Bindings & Cloudflare.Env

/** A Worker that cannot answer anything, since something that it is deployed with is not there. */
export class BindingMissing extends Schema.TaggedError<BindingMissing>()("BindingMissing", {
  name: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** What is wrong with the bindings: names each that is missing, what it is for, and how to say it. Undefined where all are there. */
export const missing = (env: object): BindingMissing | undefined => {
  const absent = wanted.filter(({ isRequired, name }) => isRequired && Reflect.get(env, name) === undefined)
  const [first] = absent
  if (first === undefined) return undefined
  const named = absent.map(({ name, purpose, settings }) => `// ${name}: ${purpose}\n${settings.map(lines).join("\n")}`)
  const detail = `the binding ${absent.map(({ name }) => name).join(", ")} is missing; \`npx ownloop init\` adds it to wrangler.jsonc, which then says:\n\n${named.join("\n")}\n\n`
  return new BindingMissing({ name: first.name, detail })
}

const lines = ({ key, path, value }: Setting): string => {
  const whole = path.reduceRight<unknown>((inside, name) => ({ [name]: inside }), key === undefined ? value : [value])
  return `${JSON.stringify(whole).slice(1, -1)},`
}
