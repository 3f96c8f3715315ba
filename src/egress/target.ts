import type { EgressTarget } from "../domain/Egress.ts"

/** As a URL, without its query. */
export const urlOf = ({ scheme, host, port, path }: EgressTarget): string =>
  `${scheme}://${host}${port === (scheme === "https" ? 443 : 80) ? "" : `:${port}`}${path}`
