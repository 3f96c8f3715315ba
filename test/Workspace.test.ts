import * as Memory from "../layers/storage/Memory.ts"
import { contractInNode } from "./support/inNode.ts"
import { contract } from "./Workspace.contract.ts"

contractInNode("Workspace in memory", contract, Memory.workspace)
