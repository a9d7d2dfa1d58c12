// Kernel -> the memory of its own that it works in, in bytes: as a formula of the sizes, and as a number where these are known.
import type { Buffer, Kernel, Operand } from "./loops.ts"
import { type OpName, ops } from "./ops.ts"

const infix: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*" }

const bytesOf = ({ element }: Buffer): number => (element === "int" ? 4 : 8)

/** The bytes of all scratch arrays: `16 * size(c) * size(d) + 8 * size(d)`; `sizes` are those that are known. */
export function scratchText(kernel: Kernel, sizes: ReadonlyMap<string, number>): string {
  const { scratch } = kernel
  const what = `${scratch.length} scratch ${scratch.length === 1 ? "array" : "arrays"}`
  if (scratch.length === 0) return what
  const texts = textsOf(kernel)
  const terms = new Map<string, number>()
  for (const b of scratch) {
    const text = textOf(b.length, texts)
    terms.set(text, (terms.get(text) ?? 0) + bytesOf(b))
  }
  const formula = [...terms].map(([text, bytes]) => `${bytes} * ${text}`).join(" + ")
  const total = scratchBytes(kernel, sizes)
  return `${what} of ${formula}${total === undefined ? "" : ` = ${total}`} bytes`
}

/** The bytes of all scratch arrays for these sizes; undefined if one is missing. */
export function scratchBytes(kernel: Kernel, sizes: ReadonlyMap<string, number>): number | undefined {
  const values = new Map<number, number>()
  const read = (x: Operand): number => (x.kind === "number" ? x.value : (values.get(x.id) ?? NaN))
  for (const { id, value } of kernel.sizes)
    values.set(
      id,
      value.kind === "size" ? (sizes.get(value.name) ?? NaN) : ops[value.op].eval(...value.args.map(read)),
    )
  const total = kernel.scratch.reduce((sum, b) => sum + bytesOf(b) * read(b.length), 0)
  return Number.isNaN(total) ? undefined : total
}

function textsOf(kernel: Kernel): ReadonlyMap<number, string> {
  const texts = new Map(kernel.scalars.map(({ id, input }) => [id, input.name]))
  for (const { id, value } of kernel.sizes)
    if (value.kind === "size") texts.set(id, `size(${value.name})`)
    else {
      const args = value.args.map((x) => textOf(x, texts))
      const symbol = infix[value.op]
      const text = symbol ? args.join(` ${symbol} `) : `${value.op}(${args.join(", ")})`
      texts.set(id, symbol && value.op !== "mul" ? `(${text})` : text)
    }
  return texts
}

const textOf = (x: Operand, texts: ReadonlyMap<number, string>): string =>
  x.kind === "number" ? String(x.value) : texts.get(x.id)!
