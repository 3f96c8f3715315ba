import Anthropic, { NotFoundError } from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Credential } from "../../src/domain/Vault.ts"
import * as TestApi from "./TestApi.ts"

const { errorOf } = TestApi
const secret = "hunter2-hunter2"

const client = (api: TestApi.TestApi) =>
  new Anthropic({
    baseURL: "http://ownloop.test",
    fetch: api.fetch,
    authToken: TestApi.key,
    apiKey: null,
    maxRetries: 0
  }).beta.vaults

const prepared = Effect.fnUntraced(function* (options: Parameters<typeof TestApi.make>[0] = {}) {
  const api = yield* TestApi.make(options)
  const vaults = client(api)
  const vault = yield* Effect.promise(() => vaults.create({ display_name: "Alice", metadata: { user: "1" } }))
  const path = `/v1/vaults/${vault.id}/credentials`
  return {
    api,
    vaults,
    vault,
    path,
    post: (auth: unknown, fields = {}) => api.post<Credential>(path, { auth, ...fields })
  }
})

/** Everything that may be stored or said of a credential. */
const everything = (api: TestApi.TestApi) =>
  Effect.gen(function* () {
    const stored = yield* api.vaults.all({ limit: 100 })
    return JSON.stringify([stored, api.logs])
  })

const bearer = { type: "static_bearer", mcp_server_url: "https://mcp.example.com/mcp", token: secret } as const
const variable = {
  type: "environment_variable",
  secret_name: "GITHUB_TOKEN",
  secret_value: secret,
  networking: { type: "limited", allowed_hosts: ["api.github.com", "*.example.com"] }
} as const
const header = {
  type: "http_header",
  secret_value: secret,
  networking: { type: "limited", allowed_hosts: ["api.example.com"] }
} as const

describe("vaults, by the official SDK", () => {
  it.effect("are created, read, changed, listed, archived and deleted", () =>
    Effect.gen(function* () {
      const { vaults, vault } = yield* prepared()
      yield* Effect.promise(async () => {
        assert.match(vault.id, /^vlt_[0-9A-Z]{26}$/)
        assert.deepInclude(vault, { type: "vault", display_name: "Alice", metadata: { user: "1" }, archived_at: null })
        assert.deepEqual(await vaults.retrieve(vault.id), vault)
        const changed = await vaults.update(vault.id, { display_name: "Bob", metadata: { user: null, team: "a" } })
        assert.deepInclude(changed, { display_name: "Bob", metadata: { team: "a" } })
        const other = await vaults.create({ display_name: "Carol" })
        const listed: Array<string> = []
        for await (const { id } of vaults.list({ limit: 1 })) listed.push(id)
        assert.deepStrictEqual(listed, [other.id, vault.id])
        assert.isString((await vaults.archive(other.id)).archived_at)
        assert.isString((await vaults.archive(other.id)).archived_at)
        assert.deepStrictEqual(
          (await vaults.list()).data.map(({ id }) => id),
          [vault.id]
        )
        assert.lengthOf((await vaults.list({ include_archived: true })).data, 2)
        assert.deepEqual(await vaults.delete(vault.id), { id: vault.id, type: "vault_deleted" })
        const gone: unknown = await vaults.retrieve(vault.id).catch((error) => error)
        assert.instanceOf(gone, NotFoundError)
      })
    })
  )
})

describe("credentials, by the official SDK", () => {
  it.effect("of each type are created, read, changed, listed, archived and deleted, and never show a value", () =>
    Effect.gen(function* () {
      const { api, vaults, vault } = yield* prepared()
      const { credentials } = vaults
      const seen = yield* Effect.promise(async () => {
        const expires_at = "2999-01-01T00:00:00.000Z"
        const refresh = {
          client_id: "client",
          refresh_token: secret,
          token_endpoint: "https://auth.example.com/token",
          token_endpoint_auth: { type: "client_secret_basic", client_secret: secret },
          scope: "read"
        } as const
        const oauth = {
          type: "mcp_oauth",
          access_token: secret,
          mcp_server_url: "https://oauth.example.com/mcp"
        } as const
        const made = [
          await credentials.create(vault.id, { auth: bearer, display_name: "mcp", metadata: { a: "b" } }),
          await credentials.create(vault.id, { auth: { ...oauth, expires_at, refresh } }),
          await credentials.create(vault.id, {
            auth: {
              ...variable,
              networking: { ...variable.networking, allowed_hosts: [...variable.networking.allowed_hosts] }
            }
          })
        ] as const
        assert.deepEqual<unknown>(
          made.map(({ auth }) => auth),
          [
            { type: "static_bearer", mcp_server_url: bearer.mcp_server_url },
            {
              type: "mcp_oauth",
              mcp_server_url: oauth.mcp_server_url,
              expires_at,
              refresh: {
                client_id: "client",
                token_endpoint: refresh.token_endpoint,
                token_endpoint_auth: { type: "client_secret_basic" },
                resource: null,
                scope: "read"
              }
            },
            {
              type: "environment_variable",
              secret_name: "GITHUB_TOKEN",
              networking: variable.networking,
              injection_location: { header: true, body: false }
            }
          ]
        )
        assert.match(made[0].id, /^vcrd_[0-9A-Z]{26}$/)
        assert.deepInclude(made[0], { type: "vault_credential", vault_id: vault.id, display_name: "mcp" })
        const of = { vault_id: vault.id }
        const read = await credentials.retrieve(made[0].id, of)
        assert.deepEqual(read, made[0])

        const changed = [
          await credentials.update(made[0].id, {
            ...of,
            auth: { type: "static_bearer", token: `${secret}-2` },
            metadata: { a: null }
          }),
          await credentials.update(made[1].id, {
            ...of,
            auth: {
              type: "mcp_oauth",
              refresh: { scope: "", token_endpoint_auth: { type: "client_secret_basic", client_secret: `${secret}-2` } }
            }
          }),
          await credentials.update(made[2].id, {
            ...of,
            display_name: "GitHub",
            auth: {
              type: "environment_variable",
              injection_location: { body: true },
              networking: { type: "unrestricted" }
            }
          })
        ] as const
        assert.deepEqual(changed[0].metadata, {})
        assert.deepNestedInclude(changed[1], { "auth.refresh.scope": null, "auth.expires_at": expires_at })
        assert.deepNestedInclude(changed[2], {
          display_name: "GitHub",
          "auth.networking": { type: "unrestricted" },
          "auth.injection_location": { header: true, body: true }
        })
        const listed: Array<string> = []
        for await (const { id } of credentials.list(vault.id, { limit: 2 })) listed.push(id)
        assert.deepStrictEqual(listed, made.map(({ id }) => id).toReversed())
        assert.isString((await credentials.archive(made[2].id, of)).archived_at)
        assert.lengthOf((await credentials.list(vault.id)).data, 2)
        assert.lengthOf((await credentials.list(vault.id, { include_archived: true })).data, 3)
        assert.deepEqual(await credentials.delete(made[0].id, of), { id: made[0].id, type: "vault_credential_deleted" })
        const refused: unknown = await credentials.mcpOAuthValidate(made[1].id, of).catch((error) => error)
        assert.include(String(refused), "mcp_oauth_validate: MCP servers are not supported yet")
        return JSON.stringify([made, read, changed, await credentials.list(vault.id, { include_archived: true })])
      })
      assert.notInclude(`${seen} ${yield* everything(api)}`, "hunter2")
    })
  )

  it.effect("lose their values when they are archived, by themselves or with their vault", () =>
    Effect.gen(function* () {
      const { api, path, post, vault } = yield* prepared()
      const first = (yield* post(bearer)).body
      yield* post(variable)
      yield* api.post(`${path}/${first.id}/archive`)
      const kept = () =>
        Effect.map(api.vaults.all({ limit: 9 }), (all) => all.map(({ secrets }) => Object.keys(secrets)))
      assert.deepStrictEqual(yield* kept(), [[], ["secret_value"]])
      yield* api.post(`/v1/vaults/${vault.id}/archive`)
      assert.deepStrictEqual(yield* kept(), [[], []])
      assert.strictEqual(
        errorOf(yield* api.post(`${path}/${first.id}`, { display_name: "x" })),
        `409 invalid_request_error: credential ${first.id} is archived`
      )
      assert.strictEqual(errorOf(yield* post(bearer)), `409 invalid_request_error: vault ${vault.id} is archived`)
    })
  )
})

describe("credentials that are ours", () => {
  it.effect("are headers of any scheme, for hosts, methods and paths", () =>
    Effect.gen(function* () {
      const { api, path, post } = yield* prepared()
      assert.deepEqual((yield* post(header)).body.auth, {
        type: "http_header",
        header_name: "Authorization",
        scheme: "none",
        username: null,
        networking: header.networking
      })
      const narrow = { header_name: "X-Team", scheme: "basic", username: "me", methods: ["GET"], paths: ["/v1/*"] }
      const { body } = yield* post({ ...header, ...narrow })
      assert.deepInclude(body.auth, narrow)
      const changed = yield* api.post<Credential>(`${path}/${body.id}`, {
        auth: { type: "http_header", methods: null, paths: ["/v2"] }
      })
      assert.notProperty(changed.body.auth, "methods")
      assert.deepNestedInclude(changed.body, { "auth.paths": ["/v2"], "auth.username": "me" })
    })
  )
})

describe("a credential is refused, by the name of its field and never by its value,", () => {
  const limited = (...allowed_hosts: ReadonlyArray<string>) => ({ networking: { type: "limited", allowed_hosts } })
  const oauth = { type: "mcp_oauth", access_token: secret, mcp_server_url: "https://x.example/mcp" }
  it.effect.each<[auth: unknown, problem: string]>([
    [undefined, "auth: is required"],
    [{ type: "password" }, "auth: expected the type static_bearer, mcp_oauth, environment_variable or http_header"],
    [{ ...bearer, token: 3 }, "auth.token: expected string, got number"],
    [{ ...bearer, token: "hunter2" }, "auth.token: expected a value with a length of at least 8"],
    [{ ...bearer, token: `${secret}\r\nx-evil: 1` }, "auth.token: holds what no header may hold"],
    [{ ...bearer, token: ` ${secret}` }, "auth.token: holds what no header may hold"],
    [{ ...bearer, mcp_server_url: "http://mcp.example.com" }, "auth.mcp_server_url: expected an https URL"],
    [
      { ...bearer, mcp_server_url: "https://a:b@mcp.example.com" },
      "auth.mcp_server_url: holds a user name or password"
    ],
    [{ ...oauth, expires_at: "2020-01-01T00:00:00Z" }, "auth.expires_at: is not in the future"],
    [{ ...oauth, expires_at: "soon" }, "auth.expires_at: expected an RFC 3339 timestamp"],
    [{ ...variable, secret_name: "A-B" }, "auth.secret_name: is not the name of a variable"],
    [{ ...variable, secret_name: "PATH" }, "auth.secret_name: is a variable of the shell itself"],
    [
      { ...variable, secret_value: `${secret}\nmore` },
      "auth.secret_value: holds what no header may hold; set injection_location.header to false"
    ],
    [
      { ...variable, injection_location: { header: false } },
      "auth.injection_location: neither header nor body is left"
    ],
    [
      { ...variable, ...limited("*") },
      "auth.networking.allowed_hosts[0]: names every host: list those that the credential is for"
    ],
    [
      { ...variable, ...limited("https://x/") },
      "auth.networking.allowed_hosts[0]: is not a host: write example.com, *.example.com or example.com:8443"
    ],
    [{ ...variable, ...limited() }, "auth.networking.allowed_hosts: expected a value with a length of at least 1"],
    [{ ...variable, paths: ["v1"] }, "auth.paths[0]: is not a path: write /v1/items, or /v1/items/* for all below it"],
    [{ ...variable, methods: ["get"] }, "auth.methods[0]: expected a string matching the RegExp ^[A-Z]{1,20}$"],
    [{ ...header, networking: { type: "unrestricted" } }, 'auth.networking.type: expected "limited", got string'],
    [{ ...header, header_name: "Host" }, "auth.header_name: is not a header that can be attached"],
    [{ ...header, header_name: "x\r\ny" }, "auth.header_name: is not a header that can be attached"],
    [{ ...header, scheme: "basic" }, "auth.username: goes with the scheme basic, and with no other"],
    [{ ...header, username: "me" }, "auth.username: goes with the scheme basic, and with no other"]
  ])("%j", ([auth, problem]) =>
    Effect.gen(function* () {
      const { api, post } = yield* prepared()
      const answer = yield* post(auth)
      assert.strictEqual(errorOf(answer), `400 invalid_request_error: ${problem}`)
      assert.notInclude(`${JSON.stringify(answer.body)} ${yield* everything(api)}`, "hunter2")
    })
  )

  it.effect("where the vault has one for the same server or variable, has 20, or does not exist", () =>
    Effect.gen(function* () {
      const { api, path, post, vault } = yield* prepared()
      yield* post(variable)
      assert.strictEqual(
        errorOf(yield* post(variable)),
        "409 invalid_request_error: auth.secret_name: another credential of the vault is for GITHUB_TOKEN"
      )
      yield* Effect.forEach(Array.from({ length: 19 }), () => post(header))
      assert.strictEqual(
        errorOf(yield* post(header)),
        `400 invalid_request_error: vault ${vault.id} has 20 credentials already`
      )
      const other = path.replace(vault.id, "vlt_1")
      assert.strictEqual(
        errorOf(yield* api.post(other, { auth: header })),
        "404 not_found_error: vault vlt_1 does not exist"
      )
      assert.strictEqual(errorOf(yield* api.get(other)), "404 not_found_error: vault vlt_1 does not exist")
      assert.strictEqual(
        errorOf(yield* api.get(`${path}/vcrd_1`)),
        `404 not_found_error: credential vcrd_1 of vault ${vault.id} does not exist`
      )
    })
  )

  it.effect("where a change would make another one of it", () =>
    Effect.gen(function* () {
      const { api, path, post } = yield* prepared()
      const { id } = (yield* post(variable)).body
      const change = (auth: object) => Effect.map(api.post(`${path}/${id}`, { auth }), errorOf)
      assert.strictEqual(
        yield* change({ type: "static_bearer", token: secret }),
        "400 invalid_request_error: auth.type: the credential is of the type environment_variable, which cannot be changed"
      )
      assert.strictEqual(
        yield* change({ type: "environment_variable", secret_name: "OTHER" }),
        "400 invalid_request_error: auth.secret_name: cannot be changed: archive the credential and create another"
      )
    })
  )

  it.effect("where it holds an Anthropic key, anywhere", () =>
    Effect.gen(function* () {
      const { api, post } = yield* prepared()
      const stolen = "sk-ant-hunter2-hunter2"
      const cases: ReadonlyArray<readonly [auth: object, fields: object, field: string]> = [
        [{ ...bearer, token: stolen }, {}, "auth.token"],
        [{ ...header, secret_value: `Bearer ${stolen}` }, {}, "auth.secret_value"],
        [variable, { display_name: stolen }, "display_name"]
      ]
      for (const [auth, fields, field] of cases) {
        const answer = yield* post(auth, fields)
        assert.strictEqual(
          errorOf(answer),
          `400 invalid_request_error: ${field} holds an Anthropic API key, which is refused everywhere: Ownloop runs on open models`
        )
        assert.notInclude(`${JSON.stringify(answer.body)} ${yield* everything(api)}`, "hunter2")
      }
      const masked = yield* post(variable, { metadata: { key: stolen } })
      assert.notInclude(`${JSON.stringify(masked.body)} ${yield* everything(api)}`, "hunter2")
      assert.strictEqual(
        errorOf(yield* post({ ...variable, secret_name: "ANTHROPIC_API_KEY" })),
        "400 invalid_request_error: auth.secret_name: is refused: Ownloop runs on open models"
      )
    })
  )

  it.effect("where the deployment has no root key; vaults themselves can be made", () =>
    Effect.gen(function* () {
      const { api, post } = yield* prepared({ rootKey: null })
      const answer = yield* post(bearer)
      assert.match(
        errorOf(answer),
        /^503 api_error: no secret can be stored: OWNLOOP_ROOT_KEY is not set\. Make one with `echo/
      )
      assert.deepEqual(yield* api.vaults.all({ limit: 9 }), [])
      assert.match(errorOf(yield* api.post("/v1/root_keys/rotate")), /^503 api_error/)
    })
  )
})
