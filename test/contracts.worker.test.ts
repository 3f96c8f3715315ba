import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Layer } from "effect"
import { createTestHarness } from "wrangler"
import { localConfig } from "../scripts/config.ts"
import * as ApiKeys from "./ApiKeys.contract.ts"
import * as Blobs from "./Blobs.contract.ts"
import * as Catalog from "./Catalog.contract.ts"
import * as EgressPolicy from "./EgressPolicy.contract.ts"
import * as Mailboxes from "./Mailboxes.contract.ts"
import * as Replay from "./Replay.contract.ts"
import * as SandboxBackend from "./SandboxBackend.contract.ts"
import * as Sandboxes from "./SandboxBackend.workspace.ts"
import * as Storage from "./Storage.contract.ts"
import * as StorageSqlite from "./StorageSqlite.contract.ts"
import * as Tasks from "./Tasks.contract.ts"
import * as ToolRegistry from "./ToolRegistry.contract.ts"
import * as Vaults from "./Vaults.contract.ts"
import * as Workspace from "./Workspace.contract.ts"

/** The live layers against their contracts, each test in a Durable Object of its own (`support/contracts.worker.ts`). */
const suites: Record<string, Readonly<Record<string, unknown>>> = {
  SessionLogSqlite: Storage.contract,
  WorkspaceSqlite: Workspace.contract,
  Isolate: { ...SandboxBackend.contract, ...SandboxBackend.isolated },
  // Only the names count here.
  IsolateRestarts: Sandboxes.restarts(Layer.empty as never), // Only its names count here: it runs in the Worker.
  IsolateFull: Sandboxes.full,
  IsolateDies: Sandboxes.recovery,
  StorageSqlite: StorageSqlite.contract,
  StorageDies: StorageSqlite.deaths,
  BlobsR2: { ...Blobs.contract, ...Blobs.inBucket },
  CatalogD1: Catalog.contract,
  ApiKeysD1: ApiKeys.contract,
  VaultsD1: Vaults.contract,
  TasksD1: Tasks.contract,
  MailboxesD1: Mailboxes.contract,
  PolicyStore: EgressPolicy.contract,
  Replay: Replay.contract,
  DeploymentTools: ToolRegistry.contract
}

// Locally nothing else ends a regular expression that backtracks without end.
process.env["MINIFLARE_WORKERD_V8_FLAGS"] = "--enable-experimental-regexp-engine-on-excessive-backtracks"

const server = createTestHarness({
  workers: [{ config: localConfig({ main: "test/support/contracts.worker.ts", without: ["build", "assets"] }) }]
})

beforeAll(async () => {
  await server.listen()
  await server.getWorker().applyD1Migrations("CATALOG")
})

afterAll(() => server.close())

for (const [name, contract] of Object.entries(suites)) {
  describe(name, () => {
    for (const test of Object.keys(contract)) {
      it(test, async () => {
        const response = await server.fetch("/", { method: "POST", body: JSON.stringify([name, test]) })
        assert.isNull(await response.json())
      })
    }
  })
}
