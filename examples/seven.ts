// The seven losses of a survey of common loss functions, on the survey's own values: value, and gradient against finite differences.
import { compile, type Loss } from "lossc"
import {
  binaryCrossEntropy,
  crossEntropy,
  mae,
  mse,
  nll,
  triplet,
  tripletCosine,
  tripletEuclidean,
} from "lossc/stdlib"

/** An array as kernels take it. */
interface Tensor {
  readonly data: Float64Array
  readonly shape: readonly number[]
}

/** A loss, what it is called with, and the arguments to differentiate by. */
interface Case {
  readonly title: string
  readonly loss: Loss
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly grad: readonly string[]
}

/** What came out. */
export interface Outcome {
  readonly title: string
  readonly value: number
  /** The largest difference between a gradient and its finite difference, relative to the largest gradient. */
  readonly error: number
  readonly entries: number
}

const vector = (...data: number[]): Tensor => ({ data: Float64Array.from(data), shape: [data.length] })
const matrix = (...rows: number[][]): Tensor => ({
  data: Float64Array.from(rows.flat()),
  shape: [rows.length, rows[0]!.length],
})

/** Standard normal numbers, the same on every run. */
export function normal(length: number, seed: number): Float64Array {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 1) / 2 ** 32
  }
  return Float64Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  )
}

const logits = matrix([0.1, 0.2, 0.7], [0.3, 0.5, 0.2])
const labels = vector(2, 1)
const output = vector(2.5, 0, 2, 8)
const target = vector(3, -0.5, 2, 7)
const embedding = (seed: number): Tensor => ({ data: normal(16 * 128, seed), shape: [16, 128] })
const triplets = { a: embedding(1), p: embedding(2), n: embedding(3) }

/** Row by row, the logarithm of the softmax. */
function logSoftmax({ data, shape }: Tensor): Tensor {
  const width = shape[1]!
  const result = data.slice()
  for (let at = 0; at < data.length; at += width) {
    const sum = data.subarray(at, at + width).reduce((total, x) => total + Math.exp(x), 0)
    for (let c = at; c < at + width; c++) result[c]! -= Math.log(sum)
  }
  return { data: result, shape }
}

const cases: readonly Case[] = [
  { title: "cross-entropy", loss: crossEntropy, inputs: { logits, target: labels }, grad: ["logits"] },
  { title: "mean squared error", loss: mse, inputs: { pred: output, target }, grad: ["pred"] },
  {
    title: "negative log-likelihood",
    loss: nll,
    inputs: { logProbs: logSoftmax(logits), target: labels },
    grad: ["logProbs"],
  },
  { title: "mean absolute error", loss: mae, inputs: { pred: output, target }, grad: ["pred"] },
  {
    title: "binary cross-entropy",
    loss: binaryCrossEntropy,
    inputs: { input: vector(0.1, 0.9, 0.8, 0.4), target: vector(0, 1, 1, 0) },
    grad: ["input"],
  },
  { title: "triplet, squared distance", loss: triplet, inputs: triplets, grad: ["a", "p", "n"] },
  { title: "triplet, Euclidean distance", loss: tripletEuclidean, inputs: triplets, grad: ["a", "p", "n"] },
  { title: "triplet, cosine distance", loss: tripletCosine, inputs: triplets, grad: ["a", "p", "n"] },
  {
    title: "custom: (output - target)^2",
    loss: compile("(output - target)^2"),
    inputs: { output, target },
    grad: ["output"],
  },
]

/** Runs all of them. */
export function runSeven(): Outcome[] {
  return cases.map(({ title, loss, inputs, grad }) => {
    const kernel = loss.kernel({ target: "js", dtype: "f64", reduction: "mean", grad })
    const value = loss.kernel({ target: "js", dtype: "f64", reduction: "mean" })
    const result = kernel(inputs)
    let error = 0
    let largest = 0
    let entries = 0
    for (const name of grad) {
      const exact = result.grad[name]!
      const { data } = inputs[name]!
      for (let i = 0; i < data.length; i++, entries++) {
        const x = data[i]!
        const step = 1e-5 * Math.max(1, Math.abs(x))
        data[i] = x + step
        const above = value(inputs).loss as number
        data[i] = x - step
        const below = value(inputs).loss as number
        data[i] = x
        // At a kink the gradient may be anything between the slopes on both sides: for |x| at 0 it is their mean.
        error = Math.max(error, Math.abs(exact[i]! - (above - below) / (2 * step)))
        largest = Math.max(largest, Math.abs(exact[i]!))
      }
    }
    return { title, value: result.loss as number, error: error / Math.max(largest, 1e-12), entries }
  })
}
