// A loss of one's own: its inputs are typed from its header, its gradients are derived, its options have constraints.
import { compile, LossError } from "lossc"

// TypeScript reads the header: `pred` and `target` are required, `delta` is optional, and anything else is a compile error.
const huber = compile(`
  loss pseudoHuber[...](pred, target; delta: real > 0 = 1) =
    delta^2 * (sqrt(1 + ((pred - target) / delta)^2) - 1)
`)

const kernel = huber.kernel({ target: "js", dtype: "f64", reduction: "mean", grad: ["pred"] })
const pred = Float64Array.of(2.5, 0, 2, 8)
const target = Float64Array.of(3, -0.5, 2, 7)

/** The loss and its gradient, and what a wrong option gets. */
export function run(): { loss: number; grad: number[]; refused: string } {
  const { loss, grad } = kernel({ pred, target, delta: 0.5 })
  let refused = ""
  try {
    kernel({ pred, target, delta: -1 })
  } catch (error) {
    if (!(error instanceof LossError)) throw error
    refused = error.message
  }
  return { loss: loss as number, grad: Array.from(grad.pred), refused }
}
