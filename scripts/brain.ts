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

/** What a person must change before it can start; shown without a stack. */
export class StartError extends Error {}

const listen = async (baseUrl: string, apiKey: string | undefined): Promise<ReadonlyArray<string>> => {
  if (!URL.canParse(baseUrl)) throw new StartError(`OPENAI_BASE_URL is ${baseUrl}, which is no URL`)
  const list = await models(baseUrl, apiKey)
  if (list !== null) return list
  throw new StartError(
    `OPENAI_BASE_URL is ${baseUrl}, but no server answers ${baseUrl}/models there: start it, or unset it`
  )
}

/** A model id without a provider is a slip of the pen, and so is one whose provider nobody configured. */
const checked = (model: string | undefined, providers: ReadonlyArray<string>): string | undefined => {
  if (model === undefined || model === "") return undefined
  if (model === "demo") return model
  if (!model.includes("/"))
    throw new StartError(`OWNLOOP_MODEL is ${model}, which names no provider: did you mean local/${model}?`)
  const all = ["@cf", "local", ...providers]
  if (all.includes(model.slice(0, model.indexOf("/")))) return model
  throw new StartError(`OWNLOOP_MODEL is ${model}, whose provider is not configured, only: demo, ${all.join(", ")}`)
}

/** @param providers names of those that `OWNLOOP_PROVIDERS` adds. */
export const findBrain = async (env: NodeJS.ProcessEnv, providers: ReadonlyArray<string> = []): Promise<Brain> => {
  const { OPENAI_BASE_URL: configured, OPENAI_API_KEY: apiKey } = env
  const chosen = checked(env["OWNLOOP_MODEL"], providers)
  if (configured !== undefined && configured !== "") {
    const [first] = await listen(configured, apiKey)
    const model = chosen ?? (first === undefined ? undefined : `local/${first}`)
    if (model === undefined) throw new StartError(`${configured} lists no model: set OWNLOOP_MODEL=local/<name>`)
    return {
      model,
      baseUrl: configured,
      found: `model ${model}; the provider local is ${configured} (OPENAI_BASE_URL)`
    }
  }
  if (chosen === undefined && providers.length > 0) {
    throw new StartError(`OWNLOOP_PROVIDERS is set: say which model to use with OWNLOOP_MODEL=${providers[0]}/<name>`)
  }
  const found = await Promise.all(servers.map(async (server) => ({ ...server, list: await models(server.baseUrl) })))
  const server = found.find(({ list }) => list !== null && list.length > 0)
  if (server !== undefined) {
    const model = chosen ?? `local/${server.list![0]}`
    return { model, baseUrl: server.baseUrl, found: `model ${model}: found ${server.name} at ${server.baseUrl}` }
  }
  const none = "No OPENAI_BASE_URL is set, and neither Ollama, llama.cpp, LM Studio nor vLLM answers on this machine."
  if (chosen?.startsWith("local/"))
    throw new StartError(`OWNLOOP_MODEL is ${chosen}, but there is no such server. ${none}`)
  return chosen === undefined || chosen === "demo"
    ? { model: "demo", found: `model demo: NO AI IS RUNNING. ${none}` }
    : { model: chosen, found: `model ${chosen} (OWNLOOP_MODEL)` }
}
