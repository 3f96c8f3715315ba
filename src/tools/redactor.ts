import type { ToolEnv } from "./defineTool.ts"

const secretName = /key|token|secret|password|credential/i

/** Takes out of a text what must not reach a model or the log: Anthropic keys, and the values of bindings that are named like secrets. */
export const redactor = (env: ToolEnv): ((text: string) => string) => {
  const secrets = Object.entries(env)
    .filter(([name, value]) => secretName.test(name) && typeof value === "string" && value.length >= 8)
    .map(([, value]) => String(value))
  return (text) =>
    secrets.reduce(
      (clean, secret) => clean.replaceAll(secret, "[redacted]"),
      text.replace(/\bsk-ant-[\w-]+/g, "[redacted]")
    )
}
