// Tries ten margins with one compiled kernel: an option is an argument of the call, so changing it compiles nothing.
import { triplet } from "lossc/stdlib"
import { normal } from "./seven.ts"

/** The loss and the share of rows that still pull, for margins from 0.1 to 1. */
export function sweep(): { margin: number; loss: number; active: number }[] {
  const shape = [256, 16]
  const draw = (seed: number, scale: number, around?: Float64Array): Float64Array =>
    normal(256 * 16, seed).map((x, i) => scale * x + (around ? around[i]! : 0))
  const a = draw(11, 0.15)
  const inputs = {
    a: { data: a, shape },
    p: { data: draw(12, 0.1, a), shape },
    n: { data: draw(13, 0.15), shape },
  }
  const rows = triplet.kernel({ target: "js", dtype: "f64", reduction: "none" })
  return Array.from({ length: 10 }, (_, i) => (i + 1) / 10).map((margin) => {
    const losses = rows({ ...inputs, margin }).loss as Float64Array
    return {
      margin,
      loss: losses.reduce((sum, x) => sum + x, 0) / losses.length,
      active: losses.filter((x) => x > 0).length / losses.length,
    }
  })
}
