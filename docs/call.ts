// Reads calls as documentation comments write them: `triplet([[0, 0]], [[x, 0]], [[1, 0]], margin = 0.5 | 1)`.

/** An argument: a nested list, or the text of one value. */
export type Value = { readonly items: readonly Value[] } | { readonly text: string }

/** A call with its arguments by position and by name. */
export interface Call {
  readonly name: string
  readonly positional: readonly Value[]
  readonly named: readonly (readonly [name: string, value: Value])[]
}

/** Reads a call. */
export function readCall(text: string): Call {
  const match = /^\s*(\w+)\((.*)\)\s*$/s.exec(text)
  if (!match) throw new Error(`not a call: ${text}`)
  const parts = splitArguments(match[2]!)
  const isNamed = (part: string): boolean => /^\w+ = /.test(part)
  return {
    name: match[1]!,
    positional: parts.filter((part) => !isNamed(part)).map(readValue),
    named: parts.filter(isNamed).map((part) => {
      const at = part.indexOf(" = ")
      return [part.slice(0, at), readValue(part.slice(at + 3))] as const
    }),
  }
}

function readValue(text: string): Value {
  return text.startsWith("[") ? { items: splitArguments(text.slice(1, -1)).map(readValue) } : { text }
}

/** Cuts at the commas outside all brackets. */
export function splitArguments(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= text.length; at++) {
    const c = text[at]
    if (c === "[" || c === "(") depth++
    else if (c === "]" || c === ")") depth--
    else if (c === undefined || (c === "," && depth === 0)) {
      parts.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  return parts.filter((part) => part !== "")
}

/** Writes a call as it is read. */
export function writeCall({ name, positional, named }: Call): string {
  const args = [
    ...positional.map(writeValue),
    ...named.map(([key, value]) => `${key} = ${writeValue(value)}`),
  ]
  return `${name}(${args.join(", ")})`
}

const writeValue = (value: Value): string =>
  "text" in value ? value.text : `[${value.items.map(writeValue).join(", ")}]`

/** The sizes of a nested list. */
export const shapeOf = (value: Value): readonly number[] =>
  "text" in value ? [] : [value.items.length, ...(value.items[0] ? shapeOf(value.items[0]) : [])]

/** The single values of a nested list in order. */
export const leaves = (value: Value): readonly string[] =>
  "text" in value ? [value.text] : value.items.flatMap(leaves)

/** The same lists with each single value replaced. */
export const mapLeaves = (value: Value, change: (text: string) => string): Value =>
  "text" in value
    ? { text: change(value.text) }
    : { items: value.items.map((item) => mapLeaves(item, change)) }
