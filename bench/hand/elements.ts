// Element by element, by hand: value and gradients of the mean, fused, with `Math.exp`, as an expert would write them.
//
// These loops are functions of their arrays, as in a program that has more than one batch: around arrays that are constants an
// engine writes addresses and lengths into the code, and compiles for these arrays alone.

/** Mean squared error, four accumulators. */
export function mse(pred: Float32Array, target: Float32Array, g: Float32Array): number {
  const n = pred.length
  const scale = 2 / n
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  for (let i = 0; i < n; i += 4) {
    const r0 = pred[i]! - target[i]!
    const r1 = pred[i + 1]! - target[i + 1]!
    const r2 = pred[i + 2]! - target[i + 2]!
    const r3 = pred[i + 3]! - target[i + 3]!
    s0 += r0 * r0
    s1 += r1 * r1
    s2 += r2 * r2
    s3 += r3 * r3
    g[i] = scale * r0
    g[i + 1] = scale * r1
    g[i + 2] = scale * r2
    g[i + 3] = scale * r3
  }
  return (s0 + s1 + (s2 + s3)) / n
}

/** The same with one accumulator: the loop as it is written first. */
export function mseInOrder(pred: Float32Array, target: Float32Array, g: Float32Array): number {
  const n = pred.length
  const scale = 2 / n
  let sum = 0
  for (let i = 0; i < n; i++) {
    const r = pred[i]! - target[i]!
    sum += r * r
    g[i] = scale * r
  }
  return sum / n
}

/** Binary cross-entropy with logits: one exponential serves the value and the gradient. */
export function bce(logits: Float32Array, target: Float32Array, g: Float32Array): number {
  const n = logits.length
  const scale = 1 / n
  let sum = 0
  for (let i = 0; i < n; i++) {
    const x = logits[i]!
    const t = target[i]!
    const e = Math.exp(-Math.abs(x))
    sum += Math.max(x, 0) - x * t + Math.log1p(e)
    g[i] = ((x >= 0 ? 1 / (1 + e) : e / (1 + e)) - t) * scale
  }
  return sum / n
}

/** The mean of many numbers, eight accumulators. */
export function average(x: Float32Array): number {
  const n = x.length
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let s4 = 0
  let s5 = 0
  let s6 = 0
  let s7 = 0
  for (let i = 0; i < n; i += 8) {
    s0 += x[i]!
    s1 += x[i + 1]!
    s2 += x[i + 2]!
    s3 += x[i + 3]!
    s4 += x[i + 4]!
    s5 += x[i + 5]!
    s6 += x[i + 6]!
    s7 += x[i + 7]!
  }
  return (s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7))) / n
}
