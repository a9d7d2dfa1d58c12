// Confident predictions: losses and gradients far below the rounding of their logits keep their relative accuracy.
import { describe, expect, test } from "vitest"
import { crossEntropy, crossEntropyProbs } from "../src/stdlib.ts"

const close = (value: number, exact: number): void =>
  expect(Math.abs(value - exact), `${value} against ${exact}`).toBeLessThanOrEqual(1e-14 * exact)

for (const target of ["js", "interpret"] as const)
  describe(target, () => {
    // With two logits the loss is log(1 + exp(-gap)) and both gradients are sigmoid(-gap).
    for (const gap of [20, 40, 300])
      for (const offset of [0, 1e4])
        test(`cross-entropy at a gap of ${gap} and an offset of ${offset}`, () => {
          const kernel = crossEntropy.kernel({ target, dtype: "f64", grad: ["logits"] })
          const logits = Float64Array.of(offset, offset - gap)
          const { loss, grad } = kernel({
            logits: { data: logits, shape: [1, 2] },
            target: Int32Array.of(0),
          })
          close(loss, Math.log1p(Math.exp(-gap)))
          const exact = Math.exp(-gap) / (1 + Math.exp(-gap))
          close(-grad.logits[0]!, exact)
          close(grad.logits[1]!, exact)
        })

    test("probability targets", () => {
      const kernel = crossEntropyProbs.kernel({ target, dtype: "f64" })
      const logits = { data: Float64Array.of(40, 0), shape: [1, 2] }
      const { loss } = kernel({ logits, target: { data: Float64Array.of(1, 0), shape: [1, 2] } })
      close(loss, Math.log1p(Math.exp(-40)))
    })
  })
