import { defineConfig } from "vitest/config"

/** What needs node-llama-cpp, which is not installed by default: `npm run test:local-model`. */
export default defineConfig({
  test: {
    include: ["test/localModel/*.llama.ts"],
    environment: "node",
    globalSetup: ["test/support/setup.ts"],
    testTimeout: 300_000
  }
})
