import type { SandboxBackend } from "../src/SandboxBackend.ts"
import { files } from "./SandboxBackend.files.ts"
import { javascript } from "./SandboxBackend.javascript.ts"
import { limits } from "./SandboxBackend.limits.ts"
import { shell } from "./SandboxBackend.shell.ts"
import type { Contract } from "./support/contract.ts"

export const contract: Contract<SandboxBackend> = { ...files, ...shell, ...javascript, ...limits }
