import * as Effect from "effect/Effect"
import type { EgressPolicy, EgressRequest, Renew } from "../EgressPolicy.ts"
import { portOfScheme } from "./decide.ts"
import { masked } from "./hop.ts"
import { namedBy } from "./verdict.ts"

/** Characters of a path that the audit keeps. */
const maxPath = 2_048

/** What the audit keeps of a request itself. */
export const audited = ({ method, url }: EgressRequest) => ({
  method,
  scheme: url.protocol.slice(0, -1),
  host: masked(url.hostname),
  port: url.port === "" ? (portOfScheme(url.protocol) ?? 0) : Number(url.port),
  path: masked(url.pathname).slice(0, maxPath)
})

/** Gets credentials other values. The requests for them are sent by the deployment, and for the session: each has its record. */
export const renewAll = ({
  note,
  record
}: Pick<EgressPolicy["Service"], "note" | "record">): EgressPolicy["Service"]["renew"] =>
  Effect.fn("EgressPolicy.renew")(function* (renewals: ReadonlyArray<Renew>) {
    const renewed = yield* Effect.all(renewals)
    for (const { asked, reason } of renewed) {
      if (asked === null) continue
      const request = audited({ method: "POST", url: new URL(asked.url) })
      const said = { ...namedBy(null), outcome: "injected", reason, approval: null, status: asked.status } as const
      yield* note(yield* record({ ...request, ...said }))
    }
    return renewed.some(({ isNew }) => isNew)
  })
