import { bash } from "./builtin/bash.ts"
import { edit } from "./builtin/edit.ts"
import { glob } from "./builtin/glob.ts"
import { grep } from "./builtin/grep.ts"
import { read } from "./builtin/read.ts"
import { webFetch } from "./builtin/webFetch.ts"
import { write } from "./builtin/write.ts"
import type { Tool } from "./defineTool.ts"

/** The tools of the wire API, which every deployment has. */
export const builtIn: ReadonlyArray<Tool> = [bash, read, write, edit, glob, grep, webFetch]
