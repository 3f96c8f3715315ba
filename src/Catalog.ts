import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Agent } from "./domain/Agent.ts"
import type { Timestamp } from "./domain/Common.ts"
import type { EgressDecision, EgressOutcome } from "./domain/Egress.ts"
import type { Environment } from "./domain/Environment.ts"
import type { AgentId, EnvironmentId, PolicyId, SessionId } from "./domain/Ids.ts"
import type { Policy } from "./domain/Policy.ts"
import type { Session, SessionStatus } from "./domain/Session.ts"
import type { StorageError, TimeRange } from "./Storage.ts"

/** `after` is the id of the last item of the page before. Lists are newest first. */
export interface PageQuery {
  readonly limit: number
  readonly after?: string
}

/** What all sessions share: agents, environments and policies, an index of sessions, and the egress audit. */
export class Catalog extends Context.Service<
  Catalog,
  {
    /** Adds a version. False, and nothing written, where that version exists already. */
    addAgentVersion(agent: Agent): Effect.Effect<boolean, StorageError>
    /** One version, or the newest. */
    agent(id: AgentId, version?: number): Effect.Effect<Option.Option<Agent>, StorageError>
    /** `after` is a version, in digits: all of them have the same id. */
    agentVersions(id: AgentId, page: PageQuery): Effect.Effect<ReadonlyArray<Agent>, StorageError>
    agents(page: PageQuery & { readonly includeArchived: boolean }): Effect.Effect<ReadonlyArray<Agent>, StorageError>
    /** Sets `archived_at` on every version. */
    archiveAgent(id: AgentId, at: string): Effect.Effect<void, StorageError>

    /** Creates or replaces. False, and nothing written, where another environment has the name. */
    putEnvironment(environment: Environment): Effect.Effect<boolean, StorageError>
    environment(id: EnvironmentId): Effect.Effect<Option.Option<Environment>, StorageError>
    environments(
      page: PageQuery & { readonly includeArchived: boolean }
    ): Effect.Effect<ReadonlyArray<Environment>, StorageError>
    deleteEnvironment(id: EnvironmentId): Effect.Effect<void, StorageError>

    /** Adds a version. False, and nothing written, where that revision exists already. */
    addPolicyVersion(policy: Policy): Effect.Effect<boolean, StorageError>
    /** The newest revision, of one version where it is named. */
    policy(id: PolicyId, version?: string): Effect.Effect<Option.Option<Policy>, StorageError>
    /** `after` is a revision, in digits: all of them have the same id. */
    policyVersions(id: PolicyId, page: PageQuery): Effect.Effect<ReadonlyArray<Policy>, StorageError>
    policies(
      page: PageQuery & { readonly includeArchived: boolean }
    ): Effect.Effect<ReadonlyArray<Policy>, StorageError>
    /** Sets `archived_at` on every version. */
    archivePolicy(id: PolicyId, at: Timestamp): Effect.Effect<void, StorageError>
    /** In one read what decides about a session's requests: its environment, and of the policies which that and `policyIds` name the newest. */
    boundary(
      environment: EnvironmentId,
      policyIds: ReadonlyArray<PolicyId>
    ): Effect.Effect<
      { readonly environment: Option.Option<Environment>; readonly policies: ReadonlyArray<Policy> },
      StorageError
    >

    /** Creates or replaces the index entry of a session: what lists show of it. */
    putSession(session: Session): Effect.Effect<void, StorageError>
    sessions(
      page: PageQuery & {
        readonly includeArchived: boolean
        readonly agentId?: AgentId
        readonly statuses?: ReadonlyArray<SessionStatus>
      }
    ): Effect.Effect<ReadonlyArray<Session>, StorageError>
    /** Forgets the session and its egress decisions. */
    deleteSession(id: SessionId): Effect.Effect<void, StorageError>

    /** Adding the same decision again changes nothing. */
    addDecision(decision: EgressDecision): Effect.Effect<void, StorageError>
    /** Puts a decision in the place of itself, where it is kept: what came of it is known by then. */
    completeDecision(decision: EgressDecision): Effect.Effect<void, StorageError>
    decisions(
      page: PageQuery & {
        readonly sessionId?: SessionId
        readonly agentId?: AgentId
        readonly outcome?: EgressOutcome
        readonly host?: string
        readonly createdAt?: TimeRange
      }
    ): Effect.Effect<ReadonlyArray<EgressDecision>, StorageError>
    /** Forgets the decisions of all sessions that were made before this time: they are kept only for a while. */
    deleteDecisionsBefore(time: Timestamp): Effect.Effect<void, StorageError>
  }
>()("ownloop/Catalog") {}
