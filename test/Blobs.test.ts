import * as Memory from "../layers/storage/Memory.ts"
import { contract } from "./Blobs.contract.ts"
import { contractInNode } from "./support/inNode.ts"

contractInNode("Blobs in memory", contract, Memory.blobs)
