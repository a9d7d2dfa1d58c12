// The lossc side of the comparison: the library's loss as a kernel that writes into the caller's buffers.
import * as library from "lossc/stdlib"
import type { Loss } from "lossc"
import type { Row } from "./rows.ts"

/** Calls of one generated kernel on the data of any row of its loss. */
export function generated(of: Row): (row: Row, out: Readonly<Record<string, Float32Array>>) => () => number {
  const loss = (library as unknown as Readonly<Record<string, Loss>>)[of.loss]!
  const kernel = loss.kernel({ target: "js", dtype: "f32", reduction: "mean", grad: of.grad })
  return (row, out) => {
    const inputs = Object.fromEntries(
      Object.entries(row.inputs).map(([name, data]) => [name, { data, shape: row.shapes[name]! }]),
    )
    return () => kernel(inputs, { grad: out }).loss as number
  }
}
