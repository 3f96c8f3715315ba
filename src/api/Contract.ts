import * as HttpApi from "effect/http-api/HttpApi"
import * as OpenApi from "effect/http-api/OpenApi"
import { AgentsGroup } from "./Agents.ts"
import { ApiKeysGroup } from "./ApiKeys.ts"
import { CredentialsGroup } from "./Credentials.ts"
import { EgressGroup } from "./Egress.ts"
import { EnvironmentsGroup } from "./Environments.ts"
import { EventsGroup } from "./Events.ts"
import { HealthGroup } from "./Health.ts"
import { MailboxesGroup } from "./Mailboxes.ts"
import { PoliciesGroup } from "./Policies.ts"
import { RequestErrors } from "./RequestErrors.ts"
import { RootKeysGroup } from "./RootKeys.ts"
import { RunsGroup } from "./Runs.ts"
import { SessionsGroup } from "./Sessions.ts"
import { TasksGroup } from "./Tasks.ts"
import { ToolsGroup } from "./Tools.ts"
import { VaultsGroup } from "./Vaults.ts"

/**
 * The wire API: that of Managed Agents, and what is ours beside it (`/v1/tasks`, `/v1/mailboxes`, `/v1/policies`, `/v1/egress`, `/v1/tools`, `/v1/api_keys`,
 * `/v1/root_keys`, what `Runs` has).
 */
export class Api extends HttpApi.make("ownloop")
  .add(
    AgentsGroup,
    EnvironmentsGroup,
    PoliciesGroup,
    SessionsGroup,
    EventsGroup,
    RunsGroup,
    VaultsGroup,
    CredentialsGroup,
    RootKeysGroup,
    TasksGroup,
    MailboxesGroup,
    ToolsGroup,
    EgressGroup,
    ApiKeysGroup,
    HealthGroup
  )
  .middleware(RequestErrors)
  .annotate(OpenApi.Title, "Ownloop") {}
