import * as Memory from "../layers/storage/ApiKeysMemory.ts"
import { contract } from "./ApiKeys.contract.ts"
import { contractInNode } from "./support/inNode.ts"

contractInNode("ApiKeys in memory", contract, Memory.layer)
