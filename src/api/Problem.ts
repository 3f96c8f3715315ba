export { describe } from "../domain/Issue.ts"

/** The path of a request, without its query. */
export const pathOf = ({ url }: { readonly url: string }): string => url.split("?", 1)[0] ?? ""
