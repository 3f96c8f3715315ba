import { Layer } from "effect"
import * as CatalogMemory from "../layers/storage/CatalogMemory.ts"
import * as TasksMemory from "../layers/storage/TasksMemory.ts"
import { contractInNode } from "./support/inNode.ts"
import { contract } from "./Tasks.contract.ts"

contractInNode("Tasks in memory", contract, TasksMemory.layer.pipe(Layer.provideMerge(CatalogMemory.layer)))
