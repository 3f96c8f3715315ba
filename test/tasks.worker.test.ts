import { createHmac, randomBytes } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import Anthropic from "@anthropic-ai/sdk"
import { createTestHarness } from "wrangler"
import { localConfig } from "../scripts/config.ts"
import type { DeadLetter } from "../src/domain/DeadLetter.ts"
import type { Delivery } from "../src/domain/Delivery.ts"
import type { Task } from "../src/domain/Task.ts"
import { sendTask } from "../src/triggers/sendTask.ts"
import { type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { apiKey } from "./support/worker.ts"

/** Tasks in the real Worker: its queue, its consumer, its dead letters, its sessions, and a receiver of webhooks. */

const secret = `whsec_${randomBytes(24).toString("base64")}`
const server = { url: "", close: async () => {} }
let model: MockOpenAi
void createHmac
void Anthropic
void createTestHarness
void localConfig
void sendTask
void startMockOpenAi
void apiKey
void secret
void server
export type { DeadLetter, Delivery, Task }
