import { open as openFile } from "node:fs/promises"
import { basename } from "node:path"
import { StartError } from "../brain.ts"
import { load, type Model, type Sampling, type Token } from "./llama.ts"
import { type Conversation, render } from "./prompt.ts"

/** A prompt that is ready to be answered. */
export interface Prompt {
  readonly tokens: ReadonlyArray<Token>
  /** What of its end belongs to the answer: the tag of thinking that the template opens for the model. */
  readonly opened: string
}

export interface Finish {
  readonly reason: "stop" | "length"
  readonly completionTokens: number
  /** Tokens of the prompt that were known from the request before. */
  readonly cachedTokens: number
}

/** One model in memory, which answers one prompt at a time. */
export interface Engine {
  readonly name: string
  /** Tokens that prompt and answer may have together. */
  readonly contextSize: number
  /** Throws a `BadRequest` where the model's template cannot write the conversation. */
  prompt(conversation: Conversation): Prompt
  /** Writes the answer's text, piece by piece: special tokens that the model writes are in it as text. Rejects once the signal is aborted. */
  generate(
    prompt: Prompt,
    options: { readonly maxTokens: number; readonly signal: AbortSignal } & Partial<Sampling>,
    write: (text: string) => void
  ): Promise<Finish>
}

/** Those of llama.cpp's own server. */
const usual: Sampling = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 }

/** Loads a model file; fails with a `StartError` where it cannot be used. */
export const open = async (file: string): Promise<Engine> => {
  await checkHeader(file)
  const { compile, llama } = await load()
  const model = await llama.loadModel({ modelPath: file }).catch((error: unknown) => {
    throw new StartError(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  })
  const text = model.fileInfo.metadata.tokenizer.chat_template
  if (typeof text !== "string") {
    throw new StartError(
      `${file} has no chat template: take a model that was trained to chat (an "instruct" or "chat" one)`
    )
  }
  const template = compile(text)
  // One core is left to the Worker. Threads wait for each other by spinning: one too many, and a token takes a second.
  const context = await model.createContext({ threads: Math.max(1, llama.cpuMathCores - 1) })
  const sequence = context.getSequence()
  const fixed = { bos_token: model.tokens.bosString ?? "", eos_token: model.tokens.eosString ?? "" }

  return {
    name: basename(file).replace(/\.gguf$/i, ""),
    contextSize: context.contextSize,
    prompt: (conversation) => {
      const text = render(template, conversation, fixed)
      return { tokens: tokenize(model, text), opened: /<think(ing)?>\s*$/.exec(text)?.[0] ?? "" }
    },
    generate: async ({ opened, tokens }, { maxTokens, signal, ...sampling }, write) => {
      // The last token at least is evaluated: the answer comes from it.
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
      const cachedTokens = sequence.nextTokenIndex
      // In parts, so that nobody waits for the rest of a long prompt whose client has gone.
      while (tokens.length - sequence.nextTokenIndex > part) {
        signal.throwIfAborted()
        const at = sequence.nextTokenIndex
        await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + part))
      }
      const writer = new Writer(model, tokens)
      let completionTokens = 0
      let reason: Finish["reason"] = "stop"
      write(opened)
      for await (const token of sequence.evaluate(tokens.slice(sequence.nextTokenIndex), { ...usual, ...sampling })) {
        signal.throwIfAborted()
        write(writer.push(token))
        if (++completionTokens < maxTokens) continue
        reason = "length"
        break
      }
      write(writer.end())
      return { reason, completionTokens, cachedTokens }
    }
  }
}

/** Tokens of a prompt that are evaluated at a time. */
const part = 512

/** The library reads on for ever in some files that are none of its format. */
const checkHeader = async (file: string): Promise<void> => {
  const handle = await openFile(file)
  const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0).finally(() => handle.close())
  const isKnown = buffer.toString("latin1", 0, 4) === "GGUF" && [2, 3].includes(buffer.readUInt32LE(4))
  if (!isKnown) throw new StartError(`${file} is no model file of the format GGUF, version 2 or 3`)
}

/** Most templates write the token that begins a text themselves. */
const tokenize = (model: Model, text: string): ReadonlyArray<Token> => {
  const tokens = model.tokenize(text, true)
  const { bos, shouldPrependBosToken } = model.tokens
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
}

/** Tokens that text depends on: some write a space between words. */
const remembered = 16

/** Tokens as text: one that ends in the middle of a character waits for the next one. */
class Writer {
  private last: ReadonlyArray<Token>
  private waiting: ReadonlyArray<Token> = []
  private readonly model: Model

  constructor(model: Model, prompt: ReadonlyArray<Token>) {
    this.model = model
    this.last = prompt.slice(-remembered)
  }

  push(token: Token): string {
    this.waiting = [...this.waiting, token]
    return this.text().endsWith("\uFFFD") && this.waiting.length < 8 ? "" : this.end()
  }

  end(): string {
    const text = this.text()
    this.last = [...this.last, ...this.waiting].slice(-remembered)
    this.waiting = []
    return text
  }

  private text(): string {
    return this.waiting.length === 0 ? "" : this.model.detokenize(this.waiting, true, this.last)
  }
}
