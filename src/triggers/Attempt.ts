/** What an attempt to send something came to; `retry` says whether another may do better. */
export type Attempt = { readonly ok: true } | { readonly ok: false; readonly error: string; readonly retry: boolean }

export const failure = (error: string, retry = true): Attempt => ({ ok: false, error, retry })
