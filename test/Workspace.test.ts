import * as Memory from "../layers/storage/Memory.ts"
import { contractInNode } from "./support/contract.ts"
import { contract } from "./Workspace.contract.ts"

contractInNode("Workspace in memory", contract, Memory.workspace)
