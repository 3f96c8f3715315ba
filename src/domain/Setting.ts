import * as Schema from "effect/Schema"

/** A variable of the deployment that cannot be used as it stands. */
export class SettingInvalid extends Schema.TaggedError<SettingInvalid>()("SettingInvalid", {
  name: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `the setting ${this.name} ${this.detail}`
  }
}
