/** What the note takes of a text, at most. */
const noteRoom = 60

/** A text of at most so many characters (100 or more): of a longer one the two ends, and a note between them. */
export const middleOut = (text: string, limit: number): string => {
  if (text.length <= limit) return text
  const end = Math.floor((limit - noteRoom) / 2)
  const note = `\n[... ${text.length - 2 * end} characters are left out here ...]\n`
  // The cuts may go through a character of two halves, which is not text that every server reads.
  return `${text.slice(0, end)}${note}${text.slice(text.length - end)}`.toWellFormed()
}
