import { HttpApi, OpenApi } from "effect/http-api"
import { AgentsGroup } from "./Agents.ts"
import { EgressGroup } from "./Egress.ts"
import { EnvironmentsGroup } from "./Environments.ts"
import { EventsGroup } from "./Events.ts"
import { HealthGroup } from "./Health.ts"
import { PoliciesGroup } from "./Policies.ts"
import { RequestErrors } from "./RequestErrors.ts"
import { SessionsGroup } from "./Sessions.ts"
import { ToolsGroup } from "./Tools.ts"

/** The wire API: that of Managed Agents, and what is ours beside it (`/v1/policies`, `/v1/egress`, `/v1/tools`). */
export class Api extends HttpApi.make("ownloop")
  .add(AgentsGroup, EnvironmentsGroup, PoliciesGroup, SessionsGroup, EventsGroup, ToolsGroup, EgressGroup, HealthGroup)
  .middleware(RequestErrors)
  .annotate(OpenApi.Title, "Ownloop") {}
