/** A token of RFC 9110. */
export const isHeaderName = (name: string): boolean => /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)

/** Not empty. Line breaks would smuggle further headers in. */
export const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7e\x80-\xff]+$/.test(value)
