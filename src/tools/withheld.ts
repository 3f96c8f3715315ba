/** What tools do not get of a deployment's bindings: its own credentials, and other sessions. */
export const withheld = [
  "EGRESS_HEADERS",
  "OWNLOOP_ROOT_KEY",
  "OWNLOOP_API_KEY",
  "OPENAI_API_KEY",
  "OTLP_HEADERS",
  "CLOUDFLARE_API_TOKEN",
  "SESSIONS"
] as const
export type Withheld = (typeof withheld)[number]
