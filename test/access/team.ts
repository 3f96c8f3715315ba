import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose"

/** A Cloudflare Access team of a test: real keys, real tokens, and a server that publishes the keys as Access does. */

export const domain = "team-of-this-test.cloudflareaccess.com"
export const audience = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"

export type Signer = Awaited<ReturnType<typeof makeSigner>>

export const makeSigner = async (kid: string) => {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true })
  return { kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } }
}

/** What Access puts into the token of a person. */
export const person = (now: number): JWTPayload => ({
  aud: [audience],
  email: "ada@example.com",
  exp: now + 60,
  iat: now,
  nbf: now,
  iss: `https://${domain}`,
  type: "app",
  sub: "7335d417-61da-459d-899c-0a01c76a2f94",
  country: "NL"
})

/** And into that of a service token. */
export const service = (now: number): JWTPayload => ({
  type: "app",
  aud: [audience],
  exp: now + 60,
  iss: `https://${domain}`,
  common_name: "e367826f93b8d71185e03fe518aff3b4.access",
  iat: now,
  sub: ""
})

export const sign = (claims: JWTPayload, { kid, privateKey }: Signer): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid, typ: "JWT" }).sign(privateKey)

/** Serves the keys of these signers. `served` counts how often. */
export const serveKeys = async (...signers: ReadonlyArray<Signer>) => {
  const state = { signers, served: 0, status: 200 }
  const server = createServer((request, response) => {
    state.served++
    const isCerts = request.url === "/cdn-cgi/access/certs"
    response.writeHead(isCerts ? state.status : 404, { "content-type": "application/json" })
    response.end(JSON.stringify({ keys: state.signers.map(({ jwk }) => jwk), public_cert: {}, public_certs: [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const fetch = globalThis.fetch
  return {
    state,
    /** Sends what is for the team's domain to this server. */
    fetch: (request: Request) => {
      const url = new URL(request.url)
      if (url.origin !== `https://${domain}`) throw new Error(`nobody asked for ${url.origin}`)
      return fetch(`http://127.0.0.1:${port}${url.pathname}`, request)
    },
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  }
}
