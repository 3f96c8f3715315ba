import * as Memory from "../layers/storage/Memory.ts"
import { contractInNode } from "./support/contract.ts"
import { contract } from "./Vaults.contract.ts"

contractInNode("Vaults in memory", contract, Memory.vaults)
