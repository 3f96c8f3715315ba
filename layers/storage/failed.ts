import { StorageError } from "../../src/Storage.ts"

/** Turns whatever a store threw into the one error of the storage contracts. */
export const failed = (operation: string) => (cause: unknown) => new StorageError({ operation, cause })
