import { Layer } from "effect"
import type { SecureRandom } from "effect/crypto"
import { type HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import type { Blobs } from "../Blobs.ts"
import type { Catalog } from "../Catalog.ts"
import type { Sessions } from "../Sessions.ts"
import * as Answer from "./Answer.ts"
import { type ApiKey, Authorization, SocketAuthorization } from "./Auth.ts"
import { Api } from "./Contract.ts"
import type { Deployment } from "./Deployment.ts"
import * as Agents from "./handlers/Agents.ts"
import * as Egress from "./handlers/Egress.ts"
import * as Environments from "./handlers/Environments.ts"
import * as Events from "./handlers/Events.ts"
import * as Health from "./handlers/Health.ts"
import * as Policies from "./handlers/Policies.ts"
import * as SessionsHandlers from "./handlers/Sessions.ts"
import * as Tools from "./handlers/Tools.ts"
import { RequestErrors } from "./RequestErrors.ts"

export { Api } from "./Contract.ts"

/** The wire API as routes: a composition root makes a web handler of it, once, with `HttpRouter.toWebHandler`. */
export const layer: Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter | Blobs | Catalog | Sessions | Deployment | ApiKey | SecureRandom.SecureRandom
> = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([
    Agents.layer,
    Environments.layer,
    Policies.layer,
    SessionsHandlers.layer,
    Events.layer,
    Tools.layer,
    Egress.layer,
    Health.layer
  ]),
  Layer.provide([Authorization.layer, SocketAuthorization.layer, RequestErrors.layer, HttpServer.layerServices]),
  Layer.merge(Answer.layer)
)
