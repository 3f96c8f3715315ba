import { Schema } from "effect"
import { Agent, SessionAgent } from "../../src/domain/Agent.ts"
import { ApprovalLink } from "../../src/domain/ApprovalLink.ts"
import { ApiKey } from "../../src/domain/ApiKey.ts"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { Delivery } from "../../src/domain/Delivery.ts"
import { EgressDecision } from "../../src/domain/Egress.ts"
import { Environment, noNetworking } from "../../src/domain/Environment.ts"
import { Mail, Mailbox } from "../../src/domain/Mail.ts"
import { Policy } from "../../src/domain/Policy.ts"
import { Session, SessionRecord } from "../../src/domain/Session.ts"
import { Sweep } from "../../src/domain/Sweep.ts"
import { Task } from "../../src/domain/Task.ts"
import { Credential, Vault } from "../../src/domain/Vault.ts"

/** Complete records to store, of which a test names only what it is about. */

/** All tools of the deployment, run without asking. */
export const toolset = {
  type: "agent_toolset_20260401",
  default_config: { enabled: true, permission_policy: { type: "always_allow" } },
  configs: []
} as const

const time = "2026-11-22T16:42:00.000Z"

const base = {
  version: 1,
  name: "Counter",
  description: null,
  model: { id: "demo" },
  system: "Count words.",
  tools: [],
  mcp_servers: [],
  skills: [],
  multiagent: null,
  execution_identity: { type: "service_account" }
} as const

const makeAgent = Schema.decodeUnknownSync(Agent)
const makeSessionAgent = Schema.decodeUnknownSync(SessionAgent)
const makeEnvironment = Schema.decodeUnknownSync(Environment)
const makeApiKey = Schema.decodeUnknownSync(ApiKey)
const makePolicy = Schema.decodeUnknownSync(Policy)
const makeRecord = Schema.decodeUnknownSync(SessionRecord)
const makeSession = Schema.decodeUnknownSync(Session)
const makeVault = Schema.decodeUnknownSync(Vault)
const makeCredential = Schema.decodeUnknownSync(Credential)
const makeApprovalLink = Schema.decodeUnknownSync(ApprovalLink)
const makeMailbox = Schema.decodeUnknownSync(Mailbox)
const makeMail = Schema.decodeUnknownSync(Mail)
const makeDecision = Schema.decodeUnknownSync(EgressDecision)

export const agent = (id: string, fields: Partial<Agent> = {}): Agent =>
  makeAgent({
    type: "agent",
    id: `agent_${id}`,
    ...base,
    metadata: {},
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const sessionAgent = (id: string): SessionAgent =>
  makeSessionAgent({ type: "agent", id: `agent_${id}`, ...base })

export const environment = (id: string, fields: Partial<Environment> = {}): Environment =>
  makeEnvironment({
    type: "environment",
    id: `env_${id}`,
    name: `environment ${id}`,
    description: null,
    config: { type: "cloud", backend: "isolate", networking: noNetworking },
    metadata: {},
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const policy = (id: string, fields: Partial<Policy> = {}): Policy =>
  makePolicy({
    type: "policy",
    id: `pol_${id}`,
    version: "00",
    revision: 1,
    name: `policy ${id}`,
    description: null,
    author: "test",
    rules: [],
    limits: {},
    warnings: [],
    metadata: {},
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const record = (id: string, fields: Partial<SessionRecord> = {}): SessionRecord =>
  makeRecord({
    id: `sesn_${id}`,
    agent: sessionAgent("1"),
    environment_id: "env_1",
    environment: { type: "cloud", backend: "isolate", networking: noNetworking },
    budget: null,
    title: null,
    metadata: {},
    created_at: time,
    archived_at: null,
    ...fields
  })

export const session = (id: string, fields: Partial<Session> = {}): Session =>
  makeSession({
    type: "session",
    id: `sesn_${id}`,
    status: "idle",
    agent: sessionAgent("1"),
    environment_id: "env_1",
    title: null,
    metadata: {},
    resources: [],
    vault_ids: [],
    outcome_evaluations: [],
    budget: null,
    stats: {},
    usage: { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 },
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const vault = (id: string, fields: Partial<Vault> = {}): Vault =>
  makeVault({
    type: "vault",
    id: `vlt_${id}`,
    display_name: `vault ${id}`,
    metadata: {},
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

/** A header for `api.example.com`, in vault 1, where nothing else is said. */
export const credential = (id: string, fields: Partial<Credential> = {}): Credential =>
  makeCredential({
    type: "vault_credential",
    id: `vcrd_${id}`,
    vault_id: "vlt_1",
    display_name: null,
    metadata: {},
    auth: {
      type: "http_header",
      header_name: "Authorization",
      scheme: "bearer",
      username: null,
      networking: { type: "limited", allowed_hosts: ["api.example.com"] }
    },
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const decision = (id: string, fields: Partial<Omit<EgressDecision, "id">> = {}): EgressDecision =>
  makeDecision({
    type: "egress_decision",
    id: `egrs_${id}`,
    session_id: "sesn_1",
    agent_id: "agent_1",
    tool_use_id: null,
    method: "GET",
    scheme: "https",
    host: "example.com",
    port: 443,
    path: "/",
    outcome: "allowed",
    reason: "allowed_hosts: example.com",
    policy_id: null,
    policy_version: null,
    rule: "allowed_hosts: example.com",
    approval: null,
    status: 200,
    bytes_out: 0,
    bytes_in: 2,
    duration_ms: 3,
    created_at: time,
    ...fields
  })

export const apiKey = (id: string, fields: Partial<ApiKey> = {}): ApiKey =>
  makeApiKey({
    type: "api_key",
    id: `apikey_${id}`,
    name: "Key",
    scope: "run",
    status: "active",
    partial_key_hint: "ol_Abcd...wxyz",
    created_at: time,
    created_by: { type: "deployment_key", id: "OWNLOOP_API_KEY" },
    last_used_at: null,
    ...fields
  })

const makeTask = Schema.decodeUnknownSync(Task)
const makeDelivery = Schema.decodeUnknownSync(Delivery)
const makeLetter = Schema.decodeUnknownSync(DeadLetter)
const makeSweep = Schema.decodeUnknownSync(Sweep)

export const task = (id: string, fields: Partial<Omit<Task, "id">> = {}): Task =>
  makeTask({
    type: "task",
    id: `task_${id}`,
    idempotency_key: `key ${id}`,
    status: "queued",
    agent: { type: "agent", id: "agent_1", version: null },
    environment_id: "env_1",
    initial_events: [{ type: "user.message", content: [{ type: "text", text: "Go" }] }],
    deadline: null,
    budget: null,
    reply_to: null,
    metadata: {},
    attempt: 1,
    session_id: null,
    ending: null,
    transitions: [{ status: "queued", at: time, reason: null }],
    outcome: null,
    created_at: time,
    updated_at: time,
    ...fields
  })

export const delivery = (id: string, fields: Partial<Omit<Delivery, "id">> = {}): Delivery =>
  makeDelivery({
    type: "delivery",
    id: `dlvr_${id}`,
    to: { type: "webhook", url: "https://example.com/" },
    session_id: "sesn_1",
    task_id: null,
    event: "session.status_idled",
    status: "pending",
    attempts: 0,
    last_error: null,
    created_at: time,
    updated_at: time,
    payload: { type: "event" },
    ...fields
  })

export const letter = (id: string, fields: Partial<Omit<DeadLetter, "id">> = {}): DeadLetter =>
  makeLetter({
    type: "dead_letter",
    id: `dead_${id}`,
    reason: "agent: is required",
    message: { input: "Go" },
    created_at: time,
    replayed_at: null,
    ...fields
  })

export const sweep = (id: string, fields: Partial<Omit<Sweep, "id">> = {}): Sweep =>
  makeSweep({
    type: "sweep",
    id: `swep_${id}`,
    found: "session_asleep",
    session_id: "sesn_1",
    task_id: null,
    action: "it goes on",
    created_at: time,
    ...fields
  })

export const mailbox = (id: string, fields: Partial<Omit<Mailbox, "id">> = {}): Mailbox =>
  makeMailbox({
    type: "mailbox",
    id: `mbox_${id}`,
    address: `box${id}@agents.example.com`,
    agent: { type: "agent", id: "agent_1", version: null },
    environment_id: null,
    budget: null,
    allowed_senders: [],
    approver: null,
    max_mails_per_hour: 60,
    created_at: time,
    updated_at: time,
    archived_at: null,
    ...fields
  })

export const mail = (id: string, fields: Partial<Omit<Mail, "id">> = {}): Mail =>
  makeMail({
    type: "mail",
    id: `mail_${id}`,
    status: "accepted",
    refusal: null,
    mailbox_id: "mbox_1",
    thread: "thread",
    session_id: "sesn_1",
    task_id: null,
    message_id: `<${id}@example.com>`,
    references: [],
    from: { name: "Ada", address: "ada@example.com" },
    to: "box1@agents.example.com",
    subject: "A question",
    text: "Hello",
    quoted: "",
    signature: "",
    attachments: [],
    warnings: [],
    created_at: time,
    ...fields
  })

export const approvalLink = (id: string, fields: Partial<Omit<ApprovalLink, "id">> = {}): ApprovalLink =>
  makeApprovalLink({
    type: "approval_link",
    id: `alnk_${id}`,
    session_id: "sesn_1",
    event_ids: ["sevt_1"],
    expires_at: time,
    answer: null,
    created_at: time,
    ...fields
  })
