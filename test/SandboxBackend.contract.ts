import type { SandboxBackend } from "../src/SandboxBackend.ts"
import { files, isolated as isolatedFiles } from "./SandboxBackend.files.ts"
import { javascript, isolated as isolatedJavascript } from "./SandboxBackend.javascript.ts"
import { limits, isolated as isolatedLimits } from "./SandboxBackend.limits.ts"
import { shell, isolated as isolatedShell } from "./SandboxBackend.shell.ts"
import type { Contract } from "./support/contract.ts"

/** What every backend does. */
export const contract: Contract<SandboxBackend> = { ...files, ...shell, ...javascript, ...limits }

/** What holds beside it where there is no machine: the isolate's own limits, and how its shell and its Node say things. */
export const isolated: Contract<SandboxBackend> = {
  ...isolatedFiles,
  ...isolatedShell,
  ...isolatedJavascript,
  ...isolatedLimits
}
