import { Layer } from "effect"
import * as CatalogMemory from "../layers/storage/CatalogMemory.ts"
import * as TasksMemory from "../layers/storage/TasksMemory.ts"
import { contract } from "./Deployments.contract.ts"
import { contractInNode } from "./support/contract.ts"

contractInNode("Deployments in memory", contract, TasksMemory.layer.pipe(Layer.provideMerge(CatalogMemory.layer)))
