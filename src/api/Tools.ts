import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { Authorization } from "./Auth.ts"
import * as Paging from "./Paging.ts"

/** A tool of this deployment, as `ToolRegistry` lists it. */
export const Tool = Schema.Struct({
  type: Schema.Literal("tool"),
  name: Schema.String,
  description: Schema.String,
  input_schema: Schema.StructWithRest(Schema.Struct({ type: Schema.Literal("object") }), [
    Schema.Record(Schema.String, Schema.Json)
  ]),
  source: Schema.Literals(["built_in", "custom"]),
  available: Schema.Boolean,
  reason: Schema.NullOr(Schema.String)
})

export class ToolsGroup extends HttpApiGroup.make("tools")
  .add(HttpApiEndpoint.get("list", "/v1/tools", { success: Paging.response(Tool) }))
  .middleware(Authorization) {}
