// The lossc side of the comparison: the library's loss as a kernel that writes into the caller's buffers.
import * as library from "lossc/stdlib"
import type { Loss } from "lossc"
import type { Row } from "./rows.ts"

/** One side of the comparison on the data of a row: a call, and the arrays that it writes gradients into. */
export interface Side {
  readonly run: () => number
  readonly out: Readonly<Record<string, Float32Array>>
}

/** Arrays for the gradients of a row. */
export const buffers = (row: Row): Record<string, Float32Array> =>
  Object.fromEntries(row.grad.map((name) => [name, new Float32Array(row.inputs[name]!.length)]))

/** Calls of one generated kernel on the data of any row of its loss; for wasm all arrays are in its memory. */
export function generated(of: Row, target: "js" | "wasm"): (row: Row) => Side {
  const loss = (library as unknown as Readonly<Record<string, Loss>>)[of.loss]!
  const kernel = loss.kernel({ target, dtype: "f32", reduction: "mean", grad: of.grad })
  return (row) => {
    const lengths = Object.values(row.inputs).map((data) => data.byteLength)
    // Inputs, gradients, and scratch of twice as many bytes an element.
    kernel.memory?.reserve(2 ** 20 + 4 * lengths.reduce((x, y) => x + y, 0))
    const inputs = Object.fromEntries(
      Object.entries(row.inputs).map(([name, data]) => {
        const own = target === "wasm" ? kernel.alloc(name, data.length) : data
        if (own !== data) own.set(data)
        return [name, { data: own, shape: row.shapes[name]! }]
      }),
    )
    const out =
      target === "js"
        ? buffers(row)
        : Object.fromEntries(
            row.grad.map((name) => [name, kernel.alloc(name, row.inputs[name]!.length) as Float32Array]),
          )
    return { run: () => kernel(inputs, { grad: out }).loss as number, out }
  }
}
