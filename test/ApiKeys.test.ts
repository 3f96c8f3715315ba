import * as Memory from "../layers/storage/ApiKeysMemory.ts"
import { contract } from "./ApiKeys.contract.ts"
import { contractInNode } from "./support/contract.ts"

contractInNode("ApiKeys in memory", contract, Memory.layer)
