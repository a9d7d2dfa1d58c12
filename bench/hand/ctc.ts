// Connectionist temporal classification, by hand.

/** Sizes of a batch, and memory for one sequence, allocated once. */
export function ctcRoom(frames: number, batch: number, classes: number, labels: number) {
  const states = 2 * labels + 1
  return {
    frames,
    batch,
    classes,
    labels,
    p: new Float64Array(frames * classes),
    alpha: new Float64Array(frames * states),
    beta: new Float64Array(states),
    next: new Float64Array(states),
    scale: new Float64Array(frames),
    symbol: new Int32Array(states),
    skip: new Float64Array(states),
  }
}

/**
 * Forward and backward in probabilities, each frame scaled to the sum 1 (Graves, 2006), the blank being class 0. Cheaper than
 * logarithms: no exponential but those of the softmax.
 */
export function ctc(
  logits: Float32Array,
  targets: Int32Array,
  inputLengths: Int32Array,
  targetLengths: Int32Array,
  room: ReturnType<typeof ctcRoom>,
  g: Float32Array,
): number {
  const { batch, classes, labels, p, alpha, beta, next, scale, symbol, skip } = room
  const stride = batch * classes
  const states = 2 * labels + 1
  g.fill(0)
  let total = 0
  for (let b = 0; b < batch; b++) {
    const frames = inputLengths[b]!
    const last = 2 * targetLengths[b]!
    for (let s = 0; s <= last; s++) {
      symbol[s] = s % 2 === 1 ? targets[b * labels + (s >> 1)]! : 0
      skip[s] = s % 2 === 1 && s >= 3 && symbol[s] !== symbol[s - 2] ? 1 : 0
    }
    for (let t = 0; t < frames; t++) {
      const from = t * stride + b * classes
      const row = t * classes
      let m = -Infinity
      for (let c = 0; c < classes; c++) m = Math.max(m, logits[from + c]!)
      let sum = 0
      for (let c = 0; c < classes; c++) {
        const e = Math.exp(logits[from + c]! - m)
        p[row + c] = e
        sum += e
      }
      for (let c = 0; c < classes; c++) p[row + c]! /= sum
    }
    let logLikelihood = 0
    for (let t = 0; t < frames; t++) {
      const now = t * states
      const before = now - states
      let sum = 0
      for (let s = 0; s <= last; s++) {
        let a = 0
        if (t === 0) a = s <= 1 ? 1 : 0
        else {
          a = alpha[before + s]!
          if (s >= 1) a += alpha[before + s - 1]!
          if (s >= 2) a += skip[s]! * alpha[before + s - 2]!
        }
        a *= p[t * classes + symbol[s]!]!
        alpha[now + s] = a
        sum += a
      }
      for (let s = 0; s <= last; s++) alpha[now + s]! /= sum
      scale[t] = sum
      logLikelihood += Math.log(sum)
    }
    const end = (frames - 1) * states + last
    const reached = alpha[end]! + (last > 0 ? alpha[end - 1]! : 0)
    total -= logLikelihood + Math.log(reached)
    beta.fill(0)
    beta[last] = 1 / reached
    if (last > 0) beta[last - 1] = 1 / reached
    for (let t = frames - 1; t >= 0; t--) {
      const to = t * stride + b * classes
      const row = t * classes
      for (let c = 0; c < classes; c++) g[to + c] = p[row + c]! / batch
      for (let s = 0; s <= last; s++) {
        g[to + symbol[s]!]! -= (alpha[t * states + s]! * beta[s]!) / batch
        next[s] = (beta[s]! * p[row + symbol[s]!]!) / scale[t]!
      }
      for (let s = 0; s <= last; s++) {
        let x = next[s]!
        if (s + 1 <= last) x += next[s + 1]!
        if (s + 2 <= last) x += skip[s + 2]! * next[s + 2]!
        beta[s] = x
      }
    }
  }
  return total / batch
}
