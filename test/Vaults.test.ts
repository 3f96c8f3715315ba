import * as Memory from "../layers/storage/Memory.ts"
import { contractInNode } from "./support/inNode.ts"
import { contract } from "./Vaults.contract.ts"

contractInNode("Vaults in memory", contract, Memory.vaults)
