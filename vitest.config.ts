import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // Vitest would leave a core to itself: these tests wait for processes more than they compute.
    maxWorkers: availableParallelism(),
    projects: [
      {
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.worker.test.ts", "test/microvm/**"],
          environment: "node"
        }
      },
      {
        test: {
          name: "workerd",
          include: ["test/**/*.worker.test.ts"],
          environment: "node",
          globalSetup: ["test/support/setup.ts"],
          maxConcurrency: 10,
          testTimeout: 30_000,
          hookTimeout: 90_000
        }
      },
      {
        test: {
          name: "microvm",
          include: ["test/microvm/**/*.test.ts"],
          environment: "node",
          globalSetup: ["test/support/setup.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 180_000
        }
      }
    ]
  }
})
