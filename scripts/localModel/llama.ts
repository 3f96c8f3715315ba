import { createRequire } from "node:module"
import { fileURLToPath, pathToFileURL } from "node:url"
import { StartError } from "../brain.ts"

/** The version that is tested; it is never installed by default, since its native parts for all kinds of GPU are large. */
const version = "3.22.1"
export const install = `npm install --no-save --ignore-scripts node-llama-cpp@${version}`

/** What is used of node-llama-cpp: its own types are there only where it is. */
export interface Llama {
  readonly cpuMathCores: number
  loadModel(options: { readonly modelPath: string }): Promise<Model>
  dispose(): Promise<void>
}

export interface Model {
  readonly fileInfo: { readonly metadata: { readonly tokenizer: { readonly chat_template?: unknown } } }
  readonly tokens: {
    readonly bosString: string | null
    readonly eosString: string | null
    readonly bos: Token | null
    readonly shouldPrependBosToken: boolean
  }
  tokenize(text: string, specialTokens: boolean): Array<Token>
  detokenize(tokens: ReadonlyArray<Token>, specialTokens: boolean, lastTokens: ReadonlyArray<Token>): string
  createContext(options: {
    readonly threads: number
  }): Promise<{ readonly contextSize: number; getSequence(): Sequence }>
}

export interface Sequence {
  /** How many tokens it holds already. */
  readonly nextTokenIndex: number
  /** Keeps what it has in common with these tokens, from the first one on. */
  adaptStateToTokens(tokens: ReadonlyArray<Token>, allowShift: boolean): Promise<void>
  evaluateWithoutGeneratingNewTokens(tokens: ReadonlyArray<Token>): Promise<void>
  /** Ends by itself where the model ends its answer. */
  evaluate(tokens: ReadonlyArray<Token>, options: Sampling): AsyncGenerator<Token, void>
}

export interface Sampling {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly seed?: number
}

export type Token = number

/** Renders a model's chat template. */
export type Template = (variables: object) => string

interface Library {
  readonly getLlama: (options: { readonly build: "never"; readonly logLevel: "error" }) => Promise<Llama>
}
interface Jinja {
  readonly Template: new (template: string) => { render(variables: object): string }
}

/** Where node-llama-cpp is, or what to do about it. */
export const find = (resolve: (name: string) => string = import.meta.resolve): string => {
  try {
    return resolve("node-llama-cpp")
  } catch {
    throw new StartError(
      `--local-model needs node-llama-cpp, which is not installed by default (it takes about 700 MB). Run this, then try again:\n  ${install}`
    )
  }
}

export const load = async () => {
  const url = find()
  const { getLlama }: Library = await import(url)
  // Its own dependency, which stands beside it wherever it is.
  const jinja = createRequire(fileURLToPath(url)).resolve("@huggingface/jinja")
  const { Template }: Jinja = await import(pathToFileURL(jinja).href)
  return {
    llama: await getLlama({ build: "never", logLevel: "error" }),
    compile: (text: string): Template => {
      const template = new Template(text)
      return (variables) => template.render(variables)
    }
  }
}
