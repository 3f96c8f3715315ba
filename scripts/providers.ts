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

/** The secrets that these providers are asked with. */
export const secretsOf = (providers: ReadonlyArray<ProviderSettings.Named>): ReadonlyArray<string> =>
  providers.flatMap(({ api_key_secret, secret_headers = {} }) => [
    ...(api_key_secret === undefined ? [] : [api_key_secret]),
    ...Object.values(secret_headers)
  ])
