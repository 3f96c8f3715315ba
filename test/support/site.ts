import type { RequestListener } from "node:http"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"

/** Good for nothing but a server on this machine. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTXjKpBZAbOUGRX2b
wLsVcqbdV6t8JavRgDXkYaDWR+yhRANCAAQZwlrfUqHlC0BTWC1huJff5/Q1FC4t
r+lUPGOVhE6P46/D3qGMrymaFEgGQq2HVzTDv9dGxAGvR/lzkz3edAyh
-----END PRIVATE KEY-----`
const cert = `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUHQedAnle1LlEbm13mdX+8PgRVPYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNDE1MzY1MFoYDzIxMjYxMDMx
MTUzNjUwWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQZwlrfUqHlC0BTWC1huJff5/Q1FC4tr+lUPGOVhE6P46/D3qGMryma
FEgGQq2HVzTDv9dGxAGvR/lzkz3edAyho2QwYjAdBgNVHQ4EFgQUbKpLSMTaUFhN
N049vRb0OmrKi5QwHwYDVR0jBBgwFoAUbKpLSMTaUFhNN049vRb0OmrKi5QwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQClAj6mrzctsXM4rwzZGx0cPA1bpntCa5Z7B19YVl1KegIgfREPAlzvOpnsk9pu
K7Drs1LfcAn3eFpA+BFjOraczdU=
-----END CERTIFICATE-----`

/** A server on 127.0.0.1 that speaks TLS. What leaves a Worker of the test harness goes through this process, which trusts it from now on. */
export const startSecureSite = async (listener: RequestListener) => {
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
  const server = createServer({ key, cert }, listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    url: `https://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections())
  }
}
