import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SettingInvalid } from "../domain/Setting.ts"
import { isAddress, isDomain, normalise } from "../mail/address.ts"

/** What the deployment says about mail, and about people who answer by it. */
export interface MailSettings {
  /** Of its mailboxes; without one there are none. */
  readonly domain: Option.Option<string>
  /** Who is asked when a session waits for a person and its mailbox names nobody. */
  readonly approver: Option.Option<string>
  /** The origin under which people reach the deployment; without one no link can be sent. */
  readonly url: Option.Option<string>
}

const given = (
  name: string,
  read: (text: string) => string | null,
  detail: string
): Effect.Effect<Option.Option<string>, SettingInvalid | Config.ConfigError> =>
  Effect.flatMap(Config.option(Config.NonEmptyString(name)), (text) => {
    if (Option.isNone(text)) return Effect.succeedNone
    const value = read(text.value)
    return value === null ? Effect.fail(new SettingInvalid({ name, detail })) : Effect.succeedSome(value)
  })

const local = /^(localhost|127\.0\.0\.1|\[::1\])$/

const origin = (text: string) => {
  const url = URL.parse(text)
  if (url === null || url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") return null
  return url.protocol === "https:" || (url.protocol === "http:" && local.test(url.hostname)) ? url.origin : null
}

const checked = (isRight: (text: string) => boolean) => (text: string) => {
  const value = normalise(text)
  return isRight(value) ? value : null
}

export const settings: Effect.Effect<MailSettings, SettingInvalid | Config.ConfigError> = Effect.all({
  domain: given("OWNLOOP_MAIL_DOMAIN", checked(isDomain), "is no domain such as agents.example.com"),
  approver: given("OWNLOOP_APPROVER", checked(isAddress), "is no address such as ada@example.com"),
  url: given("OWNLOOP_URL", origin, "is not of the form https://ownloop.example.com, without a path")
})
