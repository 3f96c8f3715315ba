/** Which model the local start uses: what is configured, else a server that runs on this machine, else the demo. */
export interface Brain {
  /** The default model of the Worker. */
  readonly model: string
  /** Base URL of the provider `local`; absent where there is none. */
  readonly baseUrl?: string
  /** One line for the person who started it. */
  readonly found: string
}

interface Server {
  readonly name: string
  readonly baseUrl: string
}

const servers: ReadonlyArray<Server> = [
  { name: "Ollama", baseUrl: "http://127.0.0.1:11434/v1" },
  { name: "llama.cpp", baseUrl: "http://127.0.0.1:8080/v1" },
  { name: "LM Studio", baseUrl: "http://127.0.0.1:1234/v1" },
  { name: "vLLM", baseUrl: "http://127.0.0.1:8000/v1" }
]

/** The models a server lists, or null where none answers in time. */
const models = async (baseUrl: string, apiKey?: string): Promise<ReadonlyArray<string> | null> => {
  try {
    const response = await fetch(`${baseUrl}/models`, {
      signal: AbortSignal.timeout(500),
      ...(apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } })
    })
    const body = (await response.json()) as { data?: ReadonlyArray<{ id?: unknown }> }
    return response.ok && Array.isArray(body.data) ? body.data.map(({ id }) => String(id)) : null
  } catch {
    return null
  }
}

export const findBrain = async (env: NodeJS.ProcessEnv): Promise<Brain> => {
  const { OPENAI_BASE_URL: configured, OPENAI_API_KEY: apiKey, OWNLOOP_MODEL: chosen } = env
  if (configured !== undefined && configured !== "") {
    const [first] = chosen === undefined ? ((await models(configured, apiKey)) ?? []) : []
    if (chosen === undefined && first === undefined) {
      throw new Error(`OPENAI_BASE_URL is ${configured}, which lists no model: set OWNLOOP_MODEL=local/<name>`)
    }
    const model = chosen ?? `local/${first}`
    return { model, baseUrl: configured, found: `model ${model} at ${configured} (OPENAI_BASE_URL)` }
  }
  const found = await Promise.all(servers.map(async (server) => ({ ...server, list: await models(server.baseUrl) })))
  const server = found.find(({ list }) => list !== null && list.length > 0)
  if (server !== undefined) {
    const model = chosen ?? `local/${server.list![0]}`
    return { model, baseUrl: server.baseUrl, found: `model ${model}: found ${server.name} at ${server.baseUrl}` }
  }
  return chosen === undefined
    ? {
        model: "demo",
        found:
          "model demo: NO AI IS RUNNING. No OPENAI_BASE_URL is set, and neither Ollama, llama.cpp, LM Studio nor vLLM answers on this machine."
      }
    : { model: chosen, found: `model ${chosen} (OWNLOOP_MODEL)` }
}
