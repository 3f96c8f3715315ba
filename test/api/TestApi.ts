import { Clock, ConfigProvider, Context, Effect, Layer, Logger, Option, Redacted, Schema } from "effect"
import { Aead, Mac, SecureRandom } from "effect/crypto"
import { HttpRouter } from "effect/http"
import * as ArtifactsMemory from "../../layers/storage/ArtifactsMemory.ts"
import * as BlobsMemory from "../../layers/storage/BlobsMemory.ts"
import * as RateLimits from "../../layers/access/RateLimits.ts"
import * as ApiKeysMemory from "../../layers/storage/ApiKeysMemory.ts"
import * as Memory from "../../layers/storage/CatalogMemory.ts"
import * as VaultsMemory from "../../layers/storage/VaultsMemory.ts"
import { triggers } from "../../layers/test.ts"
import { AccessTokens } from "../../src/AccessTokens.ts"
import { ApiKeys } from "../../src/ApiKeys.ts"
import * as Api from "../../src/api/Api.ts"
import { Deployment } from "../../src/api/Deployment.ts"
import { ErrorEnvelope } from "../../src/api/Errors.ts"
import { DeploymentKey } from "../../src/api/Identity.ts"
import { AllowedOrigins } from "../../src/api/Origins.ts"
import { Blobs } from "../../src/Blobs.ts"
import { Catalog } from "../../src/Catalog.ts"
import type { Backend } from "../../src/domain/Environment.ts"
import { SecretBox } from "../../src/SecretBox.ts"
import type { ToolListing } from "../../src/ToolRegistry.ts"
import { Vaults } from "../../src/Vaults.ts"
import * as FakeSessions from "./FakeSessions.ts"

export const key = "the-key-of-this-test"

export const testRootKey = `test:${"A".repeat(43)}=`

/** The secret box of a deployment with this configuration. */
export const secretBox = (config: ConfigProvider.ConfigProvider): Layer.Layer<SecretBox> =>
  SecretBox.layer.pipe(
    Layer.orDie,
    Layer.provide([Aead.layerWebCrypto, Mac.layerWebCrypto]),
    Layer.provide([SecureRandom.layerWebCrypto, ConfigProvider.layer(config)])
  )

export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  /** JSON where it is JSON, the text otherwise. */
  readonly body: Body
}

export interface Page<Item> {
  readonly data: ReadonlyArray<Item>
  readonly next_page: string | null
}

const tool = (name: string, reason: string | null = null): ToolListing => ({
  name,
  description: `The tool ${name}.`,
  input_schema: { type: "object", properties: {} },
  source: "built_in",
  available: reason === null,
  reason
})

export const tools = [tool("bash"), tool("read"), tool("web_fetch"), tool("call_vpc", "there is no VPC binding")]

/** The whole API in this process: its own routes over a catalog in memory, sessions that do nothing, and the web handler as it is served. */
export const make = Effect.fn("TestApi.make")(function* (
  options: {
    readonly apiKey?: string | null
    readonly catalog?: Layer.Layer<Catalog>
    readonly backends?: ReadonlyArray<Backend>
    /** As the secret `OWNLOOP_ROOT_KEY` has them; null for none. */
    readonly rootKey?: string | null
    readonly routes?: typeof Api.layer
    readonly triggers?: Parameters<typeof triggers>[0]
    readonly access?: AccessTokens["Service"]
    readonly rateLimits?: RateLimits.Bindings
    readonly origins?: ReadonlyArray<string>
    readonly apiKeys?: ApiKeys["Service"]
    /** The time as the API sees it; real where absent. */
    readonly clock?: Clock.Clock
  } = {}
) {
  const { apiKey = key, catalog = Memory.layer, backends = ["isolate"], routes = Api.layer } = options
  const { access = Option.none(), rateLimits = {}, origins = [] } = options
  const { rootKey = testRootKey } = options
  const config = ConfigProvider.fromUnknown(rootKey === null ? {} : { OWNLOOP_ROOT_KEY: rootKey })
  const sessions = new FakeSessions.SessionsState()
  const apiKeys = options.apiKeys ?? Context.get(yield* Layer.build(ApiKeysMemory.layer), ApiKeys)
  const blobs = Context.get(yield* Layer.build(BlobsMemory.layer), Blobs)
  const vaults = Context.get(yield* Layer.build(VaultsMemory.layer), Vaults)
  const logs: Array<string> = []
  const logger = Logger.map(Logger.formatLogFmt, (line) => void logs.push(line))

  const { handler, dispose } = HttpRouter.toWebHandler(
    routes.pipe(
      Layer.provide([Layer.orDie(triggers(options.triggers)), ArtifactsMemory.layer]),
      Layer.provide(FakeSessions.layer(sessions)),
      Layer.provideMerge(catalog),
      Layer.provide([
        Layer.succeed(Blobs, blobs),
        Layer.succeed(DeploymentKey, Option.map(Option.fromNullOr(apiKey), Redacted.make)),
        Layer.succeed(ApiKeys, apiKeys),
        Layer.succeed(Vaults, vaults),
        secretBox(config),
        Layer.succeed(AccessTokens, access),
        RateLimits.layer(rateLimits),
        Layer.succeed(AllowedOrigins, new Set(origins)),
        Layer.succeed(Deployment, { tools, backends: new Set(backends), defaultModel: "local/default" }),
        SecureRandom.layerWebCrypto
      ]),
      Layer.provideMerge([
        Logger.layer([logger]),
        options.clock === undefined ? Layer.empty : Layer.succeed(Clock.Clock, options.clock)
      ])
    )
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))

  const request = <Body>(request: Request): Effect.Effect<Answer<Body>> =>
    Effect.promise(async () => {
      const response = await handler(request)
      const text = await response.text()
      const isJson = response.headers.get("content-type")?.includes("json") ?? false
      const body = (isJson ? JSON.parse(text) : text) as Body // The test says what it expects, and checks it.
      return { status: response.status, headers: response.headers, body }
    })

  /** Sends a body as JSON, a string as it is; with the right key where `headers` says nothing else. */
  const call = <Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Effect.Effect<Answer<Body>> =>
    request(
      new Request(`http://ownloop.test${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
      })
    )

  return {
    call,
    get: <Body = unknown>(path: string) => call<Body>("GET", path),
    post: <Body = unknown>(path: string, body?: unknown) => call<Body>("POST", path, body),
    delete: (path: string) => call("DELETE", path),
    fetch: (input: string | URL | Request, init?: RequestInit) => handler(new Request(input, init)),
    sessions,
    blobs,
    apiKeys,
    vaults,
    logs
  }
})

export type TestApi = Effect.Success<ReturnType<typeof make>>

/** What an answer in the error envelope says; throws where it is in no such envelope. */
export const errorOf = ({ status, headers, body }: Answer): string => {
  const { error, request_id } = decodeEnvelope(body)
  if (request_id !== headers.get("request-id"))
    throw new Error("the envelope and the header have different request ids")
  return `${status} ${error.type}: ${error.message}`
}

const decodeEnvelope = Schema.decodeUnknownSync(ErrorEnvelope)
