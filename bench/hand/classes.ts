// Classification by rows of logits, by hand.

/** Cross-entropy over integer labels: each exponential is kept in a row buffer, one element for each class, and used twice. */
export function crossEntropy(
  logits: Float32Array,
  target: Int32Array,
  kept: Float64Array,
  g: Float32Array,
): number {
  const rows = target.length
  const classes = kept.length
  let total = 0
  for (let i = 0; i < rows; i++) {
    const at = i * classes
    let m = -Infinity
    for (let c = 0; c < classes; c++) {
      const x = logits[at + c]!
      if (x > m) m = x
    }
    let sum = 0
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(logits[at + c]! - m)
      kept[c] = e
      sum += e
    }
    const y = target[i]!
    total += m + Math.log(sum) - logits[at + y]!
    const scale = 1 / (sum * rows)
    for (let c = 0; c < classes; c++) g[at + c] = kept[c]! * scale
    g[at + y] = (kept[y]! / sum - 1) / rows
  }
  return total / rows
}

/** Softmax focal loss with gamma 2: the gradient of a row is that of its log-probability of the label, times one number. */
export function softmaxFocal(
  logits: Float32Array,
  target: Int32Array,
  kept: Float64Array,
  g: Float32Array,
): number {
  const rows = target.length
  const classes = kept.length
  let total = 0
  for (let i = 0; i < rows; i++) {
    const at = i * classes
    let m = -Infinity
    for (let c = 0; c < classes; c++) {
      const x = logits[at + c]!
      if (x > m) m = x
    }
    let sum = 0
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(logits[at + c]! - m)
      kept[c] = e
      sum += e
    }
    const y = target[i]!
    const lp = logits[at + y]! - m - Math.log(sum)
    const p = kept[y]! / sum
    const missed = 1 - p
    total -= missed * missed * lp
    const by = (2 * missed * p * lp - missed * missed) / rows
    const scale = -by / sum
    for (let c = 0; c < classes; c++) g[at + c] = kept[c]! * scale
    g[at + y]! += by
  }
  return total / rows
}
