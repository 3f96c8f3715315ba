import * as Memory from "../layers/storage/Memory.ts"
import { contract } from "./Catalog.contract.ts"
import { contractInNode } from "./support/inNode.ts"

contractInNode("Catalog in memory", contract, Memory.catalog)
