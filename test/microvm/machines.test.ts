import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { createTestHarness } from "wrangler"
import { localConfig } from "../../scripts/config.ts"
import { contract } from "../SandboxBackend.contract.ts"
import { machines, vars } from "./image.ts"
import { egress, lifecycle, machine } from "./machine.ts"
import { snapshots } from "./snapshots.ts"

/**
 * The microvm backend in real containers. The machine's server is a stand-in for Cloudflare's (`server.mjs`); all else is the product's. With
 * `OWNLOOP_TEST_IMAGE=official` it is the product's own image, which Docker builds on Cloudflare's, and the transport is `rpc`.
 */
const suites: Record<string, Readonly<Record<string, unknown>>> = { contract, machine, lifecycle, snapshots, egress }

const server = createTestHarness({
  workers: [
    {
      config: localConfig({
        main: "test/microvm/machines.worker.ts",
        vars: { ...vars, OWNLOOP_SANDBOX_RESTORE_TIMEOUT: "5" },
        without: ["build", "assets"],
        machines: machines()
      })
    }
  ]
})

beforeAll(() => server.listen())
afterAll(() => server.close())

for (const [name, tests] of Object.entries(suites)) {
  describe(name, () => {
    for (const test of Object.keys(tests)) {
      it(test, async () => {
        const response = await server.fetch("/", { method: "POST", body: JSON.stringify([name, test]) })
        assert.strictEqual(await response.json(), null)
      })
    }
  })
}
