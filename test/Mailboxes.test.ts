import * as MailboxesMemory from "../layers/storage/MailboxesMemory.ts"
import { contract } from "./Mailboxes.contract.ts"
import { contractInNode } from "./support/contract.ts"

contractInNode("Mailboxes in memory", contract, MailboxesMemory.layer)
