import { Effect, Result } from "effect"
import * as ProviderSettings from "../src/model/ProviderSettings.ts"
import { StartError } from "./brain.ts"

/** The providers that `OWNLOOP_PROVIDERS` names; what is wrong with it is said before anything starts. */
export const namedProviders = (env: NodeJS.ProcessEnv): ReadonlyArray<ProviderSettings.Named> => {
  const text = env[ProviderSettings.variable] ?? ""
  if (text.trim() === "") return []
  const parsed = Effect.runSync(Effect.result(ProviderSettings.parse(text)))
  if (Result.isFailure(parsed)) throw new StartError(parsed.failure.message)
  return parsed.success.named
}
