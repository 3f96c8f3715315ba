import { writeFileSync } from "node:fs"

/**
 * A model file of the llama architecture that a test makes itself, half a megabyte long. It has no attention to speak of: each token is
 * followed by the one that `next` says, and so what it writes is known beforehand.
 */
export interface TinyModel {
  /** The pieces of text that it knows beside single bytes, each with what follows it; null ends the answer. */
  readonly next: { readonly [piece: string]: string | null }
  /** Jinja, absent where it was not trained to chat: it decides by the last piece of the prompt what is written. */
  readonly template?: string
  /** Tokens that prompt and answer may have together. */
  readonly contextLength?: number
}

const special = ["<unk>", "<s>", "</s>"]
const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`)
const eos = 2
/** Token types of the format. */
const types = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 }
/** Value types of the format. */
const kinds = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 }
const float32Tensor = 0
const alignment = 32

const u32 = (value: number) => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}
const u64 = (value: number) => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return buffer
}
const f32 = (values: ReadonlyArray<number>) => Buffer.from(new Float32Array(values).buffer)
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

type Value =
  | { readonly string: string }
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly strings: ReadonlyArray<string> }
  | { readonly floats: ReadonlyArray<number> }
  | { readonly ints: ReadonlyArray<number> }

const array = (kind: number, items: ReadonlyArray<Buffer>) =>
  Buffer.concat([u32(kinds.array), u32(kind), u64(items.length), ...items])

const encode = (value: Value): Buffer => {
  if ("string" in value) return Buffer.concat([u32(kinds.string), text(value.string)])
  if ("uint32" in value) return Buffer.concat([u32(kinds.uint32), u32(value.uint32)])
  if ("float32" in value) return Buffer.concat([u32(kinds.float32), f32([value.float32])])
  if ("bool" in value) return Buffer.concat([u32(kinds.bool), Buffer.from([value.bool ? 1 : 0])])
  if ("strings" in value) return array(kinds.string, value.strings.map(text))
  if ("floats" in value) return array(kinds.float32, [f32(value.floats)].flatMap(fours))
  return array(kinds.int32, value.ints.map(u32))
}
const fours = (buffer: Buffer) =>
  Array.from({ length: buffer.length / 4 }, (_, index) => buffer.subarray(4 * index, 4 * index + 4))

export const writeTinyModel = (file: string, { contextLength = 4096, next, template }: TinyModel): void => {
  const pieces = Object.keys(next)
  const tokens = [...special, ...bytes, ...pieces]
  // A multiple of what attention heads need, and one dimension for each token at least.
  const width = Math.ceil(tokens.length / 64) * 64
  const id = (piece: string | null) => (piece === null ? eos : tokens.indexOf(piece, special.length + bytes.length))

  const metadata: ReadonlyArray<readonly [string, Value]> = [
    ["general.architecture", { string: "llama" }],
    ["general.name", { string: "tiny" }],
    ["general.alignment", { uint32: alignment }],
    ["llama.context_length", { uint32: contextLength }],
    ["llama.embedding_length", { uint32: width }],
    ["llama.block_count", { uint32: 1 }],
    ["llama.feed_forward_length", { uint32: 32 }],
    ["llama.attention.head_count", { uint32: width / 64 }],
    ["llama.attention.head_count_kv", { uint32: 1 }],
    ["llama.attention.layer_norm_rms_epsilon", { float32: 1e-5 }],
    ["llama.rope.dimension_count", { uint32: 64 }],
    ["llama.vocab_size", { uint32: tokens.length }],
    ["tokenizer.ggml.model", { string: "llama" }],
    ["tokenizer.ggml.tokens", { strings: tokens }],
    ["tokenizer.ggml.scores", { floats: tokens.map(() => 0) }],
    [
      "tokenizer.ggml.token_type",
      {
        ints: [
          types.unknown,
          types.control,
          types.control,
          ...bytes.map(() => types.byte),
          ...pieces.map(() => types.userDefined)
        ]
      }
    ],
    ["tokenizer.ggml.bos_token_id", { uint32: 1 }],
    ["tokenizer.ggml.eos_token_id", { uint32: eos }],
    ["tokenizer.ggml.add_bos_token", { bool: false }],
    ["tokenizer.ggml.add_space_prefix", { bool: false }],
    ...(template === undefined ? [] : [["tokenizer.chat_template", { string: template }] as const])
  ]

  const zeros = (rows: number, columns: number) => new Float32Array(rows * columns)
  const ones = new Float32Array(width).fill(1)
  /** Each token is a dimension of its own. */
  const embedding = zeros(tokens.length, width)
  tokens.forEach((_, token) => (embedding[token * width + token] = 1))
  /** The row of a token says after which tokens it comes. */
  const output = zeros(tokens.length, width)
  for (const piece of pieces) output[id(next[piece]!) * width + id(piece)] = 1
  const tensors: ReadonlyArray<readonly [name: string, shape: ReadonlyArray<number>, data: Float32Array]> = [
    ["token_embd.weight", [width, tokens.length], embedding],
    ["blk.0.attn_norm.weight", [width], ones],
    ["blk.0.attn_q.weight", [width, width], zeros(width, width)],
    ["blk.0.attn_k.weight", [width, 64], zeros(width, 64)],
    ["blk.0.attn_v.weight", [width, 64], zeros(width, 64)],
    ["blk.0.attn_output.weight", [width, width], zeros(width, width)],
    ["blk.0.ffn_norm.weight", [width], ones],
    ["blk.0.ffn_gate.weight", [width, 32], zeros(width, 32)],
    ["blk.0.ffn_up.weight", [width, 32], zeros(width, 32)],
    ["blk.0.ffn_down.weight", [32, width], zeros(32, width)],
    ["output_norm.weight", [width], ones],
    ["output.weight", [width, tokens.length], output]
  ]

  let offset = 0
  const infos = tensors.map(([name, shape, data]) => {
    const info = Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(float32Tensor), u64(offset)])
    offset += Math.ceil(data.byteLength / alignment) * alignment
    return info
  })
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(([key, value]) => [text(key), encode(value)]),
    ...infos
  ])
  const padded = (buffer: Buffer) =>
    Buffer.concat([buffer, Buffer.alloc(Math.ceil(buffer.length / alignment) * alignment - buffer.length)])
  writeFileSync(file, Buffer.concat([padded(head), ...tensors.map(([, , data]) => padded(Buffer.from(data.buffer)))]))
}
