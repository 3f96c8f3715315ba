/** The named references that pages use in text; every other character comes as itself or as a number. */
const named: ReadonlyMap<string, string> = new Map([
  ...["nbsp", "ensp", "emsp", "thinsp"].map((name) => [name, " "] as const),
  ...["shy", "zwj", "zwnj"].map((name) => [name, ""] as const),
  ...`
amp=& lt=< gt=> quot=" apos=' copy=© reg=® trade=™ deg=° plusmn=± times=× divide=÷ frac12=½ micro=µ middot=· para=¶ sect=§
hellip=… bull=• ndash=– mdash=— minus=− lsquo=‘ rsquo=’ sbquo=‚ ldquo=“ rdquo=” bdquo=„ laquo=« raquo=» lsaquo=‹ rsaquo=›
larr=← uarr=↑ rarr=→ darr=↓ rArr=⇒ le=≤ ge=≥ ne=≠ infin=∞ euro=€ pound=£ yen=¥ cent=¢ szlig=ß auml=ä ouml=ö uuml=ü Auml=Ä Ouml=Ö
Uuml=Ü eacute=é egrave=è ecirc=ê agrave=à aacute=á acirc=â aring=å atilde=ã ccedil=ç iacute=í ntilde=ñ oacute=ó ocirc=ô oslash=ø
uacute=ú ugrave=ù aelig=æ check=✓
`
    .trim()
    .split(/\s/)
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const)
])

export const decodeEntities = (text: string): string =>
  text.includes("&")
    ? text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]{1,10}));?/gi, (all, decimal, hex, name) => {
        if (name !== undefined) return named.get(name) ?? all
        return character(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal))
      })
    : text

const character = (code: number): string =>
  code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? "\ufffd" : String.fromCodePoint(code)
