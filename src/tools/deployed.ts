import { bash } from "./builtin/bash.ts"
import { edit } from "./builtin/edit.ts"
import { glob } from "./builtin/glob.ts"
import { grep } from "./builtin/grep.ts"
import { read } from "./builtin/read.ts"
import { webFetch } from "./builtin/webFetch.ts"
import { write } from "./builtin/write.ts"
import { customTools } from "./custom-tools.ts"
import * as Toolset from "./Toolset.ts"

/** The tools of this deployment. */
export const deployed: Toolset.Toolset = Toolset.make({
  builtIn: [bash, read, write, edit, glob, grep, webFetch],
  custom: customTools
})
