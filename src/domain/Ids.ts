import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SecureRandom from "effect/crypto/SecureRandom"

/** Ids are `<prefix>_<ULID>`: unguessable enough to be public, and sortable by creation time. */
const id = (prefix: string) => Schema.String.check(Schema.isPattern(new RegExp(`^${prefix}_[0-9A-Za-z]{1,64}$`)))

export const AgentId = id("agent").pipe(Schema.brand("AgentId"))
export type AgentId = typeof AgentId.Type

export const EnvironmentId = id("env").pipe(Schema.brand("EnvironmentId"))
export type EnvironmentId = typeof EnvironmentId.Type

export const SessionId = id("sesn").pipe(Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

export const PolicyId = id("pol").pipe(Schema.brand("PolicyId"))
export type PolicyId = typeof PolicyId.Type

export const VaultId = id("vlt").pipe(Schema.brand("VaultId"))
export type VaultId = typeof VaultId.Type

export const CredentialId = id("vcrd").pipe(Schema.brand("CredentialId"))
export type CredentialId = typeof CredentialId.Type

/** Also the id of the tool call that a `*_tool_use` event records. */
export const EventId = id("sevt").pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

export const TaskId = id("task").pipe(Schema.brand("TaskId"))
export type TaskId = typeof TaskId.Type

export const MailboxId = id("mbox").pipe(Schema.brand("MailboxId"))
export type MailboxId = typeof MailboxId.Type

export const MailId = id("mail").pipe(Schema.brand("MailId"))
export type MailId = typeof MailId.Type

export const ApprovalLinkId = id("alnk").pipe(Schema.brand("ApprovalLinkId"))
export type ApprovalLinkId = typeof ApprovalLinkId.Type

export const ApiKeyId = id("apikey").pipe(Schema.brand("ApiKeyId"))
export type ApiKeyId = typeof ApiKeyId.Type

const make = <A extends string>(prefix: string) =>
  SecureRandom.SecureRandom.use((random) => Effect.map(random.ulid, (ulid) => `${prefix}_${ulid}` as A))

export const nextAgentId = make<AgentId>("agent")
export const nextEnvironmentId = make<EnvironmentId>("env")
export const nextPolicyId = make<PolicyId>("pol")
export const nextSessionId = make<SessionId>("sesn")
export const nextEventId = make<EventId>("sevt")
export const nextTaskId = make<TaskId>("task")
export const nextMailboxId = make<MailboxId>("mbox")
export const nextMailId = make<MailId>("mail")
export const nextApprovalLinkId = make<ApprovalLinkId>("alnk")
export const nextApiKeyId = make<ApiKeyId>("apikey")
export const nextVaultId = make<VaultId>("vlt")
export const nextCredentialId = make<CredentialId>("vcrd")
