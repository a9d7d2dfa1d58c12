/** The text of one file and its name, and the way from offsets in it to lines and columns. */

/** A piece of a source as offsets in UTF-16 code units: `start` is inside, `end` is not. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A place as people count: both numbers start at 1, and a column counts code units. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What was written, and what to call it in messages. */
export interface Source {
  readonly name: string
  readonly text: string
}

/** Makes a source; a text that came from nowhere in particular is called `input`. */
export function source(text: string, name = "input"): Source {
  return { name, text }
}

/** The smallest span that covers both. */
export function cover(first: Span, last: Span): Span {
  return { start: Math.min(first.start, last.start), end: Math.max(first.end, last.end) }
}

const lineStarts = new WeakMap<Source, readonly number[]>()

/** The offset at which each line begins. Lines end with a line feed, a carriage return, or both. */
function startsOf(of: Source): readonly number[] {
  const known = lineStarts.get(of)
  if (known) return known
  const starts = [0]
  for (let at = 0; at < of.text.length; at++) {
    const code = of.text.charCodeAt(at)
    if (code === 10 || (code === 13 && of.text.charCodeAt(at + 1) !== 10)) starts.push(at + 1)
  }
  lineStarts.set(of, starts)
  return starts
}

/** Line and column of an offset; an offset beyond the end is at the end. */
export function position(of: Source, offset: number): Position {
  const starts = startsOf(of)
  const inside = Math.max(0, Math.min(offset, of.text.length))
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (starts[middle]! <= inside) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: inside - starts[low]! + 1 }
}

/** The text of a line, counted from 1, without its end. */
export function lineText(of: Source, line: number): string {
  const starts = startsOf(of)
  const start = starts[line - 1]
  if (start === undefined) return ""
  return of.text.slice(start, starts[line] ?? of.text.length).replace(/[\r\n]+$/, "")
}
