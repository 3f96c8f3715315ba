import * as Option from "effect/Option"
import type { Checkpoint } from "../../src/Storage.ts"

/** Bytes: well below the 2 MB that a row can hold. */
const partSize = 1024 * 1024

export const read = (sql: SqlStorage): Option.Option<Checkpoint> => {
  const parts = sql.exec<{ seq: number; body: ArrayBuffer }>("SELECT seq, body FROM checkpoint ORDER BY part").toArray()
  const [first] = parts
  if (first === undefined) return Option.none()
  // One decoder for all: a part can end in the middle of a character. It keeps a U+FEFF that the text begins with.
  const utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })
  const texts = parts.map(({ body }) => utf8.decode(body, { stream: true }))
  return Option.some({ seq: first.seq, body: texts.join("") })
}

export const write = (storage: DurableObjectStorage, { seq, body }: Checkpoint): void => {
  const { sql } = storage
  const utf8 = new TextEncoder().encode(body)
  const parts = Math.max(1, Math.ceil(utf8.length / partSize))
  storage.transactionSync(() => {
    for (let part = 0; part < parts; part++) {
      const start = part * partSize
      sql.exec("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", part, seq, utf8.subarray(start, start + partSize))
    }
    sql.exec("DELETE FROM checkpoint WHERE part >= ?", parts)
  })
}
