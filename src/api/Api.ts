import * as Layer from "effect/Layer"
import * as Digest from "effect/crypto/Digest"
import type * as SecureRandom from "effect/crypto/SecureRandom"
import type * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { Artifacts } from "../Artifacts.ts"
import type { AccessTokens } from "../AccessTokens.ts"
import type { ApiKeys as ApiKeyStore } from "../ApiKeys.ts"
import type { Blobs } from "../Blobs.ts"
import type { Catalog } from "../Catalog.ts"
import type { Deliveries } from "../Deliveries.ts"
import type { Mailboxes } from "../Mailboxes.ts"
import type { RateLimiter } from "../RateLimiter.ts"
import type { SecretBox } from "../SecretBox.ts"
import type { Sessions } from "../Sessions.ts"
import type { Tasks } from "../Tasks.ts"
import type { ApprovalRequests } from "../triggers/ApprovalRequests.ts"
import type { Deliverer } from "../triggers/Deliver.ts"
import type { TriggerSettings } from "../triggers/Settings.ts"
import type { TaskConsumer } from "../triggers/TaskConsumer.ts"
import type { TaskRunner } from "../triggers/TaskRunner.ts"
import type { Vaults } from "../Vaults.ts"
import * as ApprovalPage from "./ApprovalPage.ts"
import * as Answer from "./Answer.ts"
import { Authorization, SocketAuthorization } from "./Auth.ts"
import { Api } from "./Contract.ts"
import type { Deployment } from "./Deployment.ts"
import * as Agents from "./handlers/Agents.ts"
import * as ApiKeys from "./handlers/ApiKeys.ts"
import * as Credentials from "./handlers/Credentials.ts"
import * as Egress from "./handlers/Egress.ts"
import * as Environments from "./handlers/Environments.ts"
import * as Events from "./handlers/Events.ts"
import * as Health from "./handlers/Health.ts"
import * as MailboxesHandlers from "./handlers/Mailboxes.ts"
import * as Policies from "./handlers/Policies.ts"
import * as RootKeys from "./handlers/RootKeys.ts"
import * as Runs from "./handlers/Runs.ts"
import * as SessionsHandlers from "./handlers/Sessions.ts"
import * as TasksHandlers from "./handlers/Tasks.ts"
import * as Tools from "./handlers/Tools.ts"
import * as VaultsHandlers from "./handlers/Vaults.ts"
import type { DeploymentKey } from "./Identity.ts"
import { KnownKeys } from "./KnownKeys.ts"
import type { AllowedOrigins } from "./Origins.ts"
import { RequestErrors } from "./RequestErrors.ts"

export { Api } from "./Contract.ts"

/** The wire API as routes: a composition root makes a web handler of it, once, with `HttpRouter.toWebHandler`. */
export const layer: Layer.Layer<
  never,
  never,
  | HttpRouter.HttpRouter
  | Artifacts
  | Blobs
  | Catalog
  | Vaults
  | SecretBox
  | Sessions
  | Tasks
  | Deliveries
  | Deliverer
  | TaskConsumer
  | TaskRunner
  | Mailboxes
  | ApprovalRequests
  | TriggerSettings
  | Deployment
  | DeploymentKey
  | ApiKeyStore
  | AccessTokens
  | RateLimiter
  | AllowedOrigins
  | SecureRandom.SecureRandom
> = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([
    Agents.layer,
    Environments.layer,
    Policies.layer,
    SessionsHandlers.layer,
    Events.layer,
    VaultsHandlers.layer,
    Credentials.layer,
    RootKeys.layer,
    Runs.layer,
    TasksHandlers.layer,
    MailboxesHandlers.layer,
    Tools.layer,
    Egress.layer,
    ApiKeys.layer,
    Health.layer
  ]),
  Layer.provide([Authorization.layer, SocketAuthorization.layer, RequestErrors.layer, HttpServer.layerServices]),
  Layer.provide(KnownKeys.layer),
  Layer.provide(Digest.layerWebCrypto),
  Layer.merge(ApprovalPage.layer),
  Layer.merge(Answer.layer)
)
