// The lossc side of the comparison: a loss as a kernel that writes into the caller's buffers.
import type { Row } from "./rows.ts"

/** One side of the comparison on the data of a row: a call, and the arrays that it writes gradients into. */
export interface Side {
  readonly run: () => number
  readonly out: Readonly<Record<string, Float32Array>>
}

/** How lossc runs a row. */
export interface Way {
  readonly target: "js" | "wasm"
  readonly threads?: number
  readonly relaxed?: boolean
}

/** Arrays for the gradients of a row. */
export const buffers = (row: Row): Record<string, Float32Array> =>
  Object.fromEntries(row.grad.map((name) => [name, new Float32Array(row.inputs[name]!.length)]))

/** The loop by hand on the data of a row. */
export function byHand(row: Row): Side {
  const out = buffers(row)
  return { run: () => row.byHand(out), out }
}

/** Calls of one generated kernel on the data of any row of its loss; for wasm all arrays are in its memory. */
export function generated(of: Row, way: Way): (row: Row) => Side {
  const kernel = of.loss.kernel({
    ...way,
    dtype: "f32",
    reduction: "mean",
    grad: of.grad,
    static: of.statics ?? {},
  })
  return (row) => {
    const given = Object.entries(row.inputs).map(
      ([name, data]) => [name, { data, shape: row.shapes[name]! }] as const,
    )
    // A call with arrays from elsewhere makes as much room as one with arrays in the memory of the kernel needs.
    if (way.target === "wasm") kernel(Object.fromEntries(given))
    const inputs = Object.fromEntries(
      given.map(([name, { data, shape }]) => {
        const own = way.target === "wasm" ? kernel.alloc(name, data.length) : data
        if (own !== data) own.set(data)
        return [name, { data: own, shape }]
      }),
    )
    const out =
      way.target === "js"
        ? buffers(row)
        : Object.fromEntries(
            row.grad.map((name) => [name, kernel.alloc(name, row.inputs[name]!.length) as Float32Array]),
          )
    return { run: () => kernel(inputs, { grad: out }).loss as number, out }
  }
}
