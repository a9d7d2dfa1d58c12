// Values and texts -> what modules may hold of them: literals of ASCII, and a hash.

/** A value as a literal of ASCII characters. */
export const json = (value: unknown): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)
/** A string as a literal. */
export const quoted: (text: string) => string = json

/** Items as an array. */
export const list = (items: readonly string[]): string => `[${items.join(", ")}]`
/** One item a line. */
export const table = (items: readonly string[]): string =>
  items.length === 0 ? "[]" : `[\n${items.map((item) => `  ${item},\n`).join("")}]`

/** FNV-1a over the UTF-16 units of a text, 64 bits (Fowler, Noll, Vo): tells sources apart, proves nothing. */
export function hash(text: string): string {
  let h = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++)
    h = BigInt.asUintN(64, (h ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n)
  return h.toString(16).padStart(16, "0")
}
