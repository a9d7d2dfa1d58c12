// Trains a linear embedding with the triplet kernel: points of one class end up near each other, although noise hides the classes.
import type { Loss } from "lossc"
import { normal } from "./seven.ts"

const classes = 8
const width = 16
const informative = 3
const outputs = 2
const batch = 256

/** What one step of the training reports. */
export interface Step {
  readonly step: number
  readonly steps: number
  /** The mean triplet loss of the batch. */
  readonly loss: number
  /** The share of triplets whose anchor is nearer to the positive. */
  readonly right: number
}

/** Trains for so many steps of momentum descent and reports each. */
export function* train(triplet: Loss, steps: number, seed = 7): Generator<Step> {
  const random = normal(400_000, seed)
  let next = 0
  const draw = (): number => random[next++ % random.length]!
  const below = (n: number): number => Math.floor(Math.abs(draw() * 1e6)) % n

  // Classes differ in three of sixteen directions; the others are noise, three times as strong.
  const centres = Array.from({ length: classes * informative }, () => 2 * draw())
  const point = (label: number, to: Float32Array, at: number): void => {
    for (let i = 0; i < width; i++)
      to[at + i] = i < informative ? centres[label * informative + i]! + 0.3 * draw() : draw()
  }

  const kernel = triplet.kernel({ target: "js", dtype: "f32", reduction: "mean", grad: ["a", "p", "n"] })
  const weights = Float32Array.from({ length: width * outputs }, () => 0.3 * draw())
  const velocity = new Float32Array(weights.length)
  const names = ["a", "p", "n"] as const
  const points = {
    a: new Float32Array(batch * width),
    p: new Float32Array(batch * width),
    n: new Float32Array(batch * width),
  }
  const shape = [batch, outputs]
  const embedded = {
    a: { data: new Float32Array(batch * outputs), shape },
    p: { data: new Float32Array(batch * outputs), shape },
    n: { data: new Float32Array(batch * outputs), shape },
  }
  const gradient = new Float32Array(weights.length)

  for (let step = 1; step <= steps; step++) {
    for (let row = 0; row < batch; row++) {
      const label = below(classes)
      const other = (label + 1 + below(classes - 1)) % classes
      point(label, points.a, row * width)
      point(label, points.p, row * width)
      point(other, points.n, row * width)
    }
    for (const name of names)
      for (let row = 0; row < batch; row++)
        for (let o = 0; o < outputs; o++) {
          let sum = 0
          for (let i = 0; i < width; i++) sum += points[name][row * width + i]! * weights[i * outputs + o]!
          embedded[name].data[row * outputs + o] = sum
        }

    const { loss, grad } = kernel(embedded)

    // The kernel gives the gradient of the loss by the embeddings; the chain rule carries it to the weights.
    gradient.fill(0)
    for (const name of names) {
      const g = grad[name]!
      for (let row = 0; row < batch; row++)
        for (let i = 0; i < width; i++)
          for (let o = 0; o < outputs; o++)
            gradient[i * outputs + o]! += points[name][row * width + i]! * g[row * outputs + o]!
    }
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = 0.9 * velocity[i]! - 0.02 * gradient[i]!
      weights[i]! += velocity[i]!
    }
    yield {
      step,
      steps,
      loss: loss as number,
      right: nearer(embedded.a.data, embedded.p.data, embedded.n.data),
    }
  }
}

/** The share of rows whose anchor is nearer to the positive than to the negative. */
function nearer(a: Float32Array, p: Float32Array, n: Float32Array): number {
  let right = 0
  for (let row = 0; row < batch; row++) {
    let difference = 0
    for (let i = row * outputs; i < (row + 1) * outputs; i++)
      difference += (a[i]! - n[i]!) ** 2 - (a[i]! - p[i]!) ** 2
    if (difference > 0) right++
  }
  return right / batch
}
