// The fused loops that an expert would write by hand: value and gradients of the mean, with `Math.exp`.
//
// They are functions of their arrays, as in a program that has more than one batch: around arrays that are constants an engine
// writes addresses and lengths into the code, and compiles for these arrays alone.

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

/** Triplet loss on squared distance: one loop for both distances, one for three gradients, inactive rows skipped. */
export function triplet(
  a: Float32Array,
  p: Float32Array,
  n: Float32Array,
  ga: Float32Array,
  gp: Float32Array,
  gn: Float32Array,
  width: number,
): number {
  const rows = a.length / width
  const margin = 1
  const scale = 2 / rows
  let total = 0
  for (let i = 0; i < rows; i++) {
    const from = i * width
    const to = from + width
    let s0 = 0
    let s1 = 0
    let s2 = 0
    let s3 = 0
    for (let j = from; j < to; j += 4) {
      const p0 = a[j]! - p[j]!
      const n0 = a[j]! - n[j]!
      const p1 = a[j + 1]! - p[j + 1]!
      const n1 = a[j + 1]! - n[j + 1]!
      const p2 = a[j + 2]! - p[j + 2]!
      const n2 = a[j + 2]! - n[j + 2]!
      const p3 = a[j + 3]! - p[j + 3]!
      const n3 = a[j + 3]! - n[j + 3]!
      s0 += p0 * p0 - n0 * n0
      s1 += p1 * p1 - n1 * n1
      s2 += p2 * p2 - n2 * n2
      s3 += p3 * p3 - n3 * n3
    }
    const value = s0 + s1 + (s2 + s3) + margin
    if (value > 0) {
      total += value
      for (let j = from; j < to; j++) {
        ga[j] = scale * (n[j]! - p[j]!)
        gp[j] = scale * (p[j]! - a[j]!)
        gn[j] = scale * (a[j]! - n[j]!)
      }
    } else {
      ga.fill(0, from, to)
      gp.fill(0, from, to)
      gn.fill(0, from, to)
    }
  }
  return total / rows
}

/** Memory that InfoNCE works in, allocated once. */
export function infoNceRoom(rows: number, width: number) {
  return {
    u: new Float64Array(rows * width),
    w: new Float64Array(rows * width),
    gu: new Float64Array(width),
    gw: new Float64Array(rows * width),
    normQ: new Float64Array(rows),
    normK: new Float64Array(rows),
    score: new Float64Array(rows),
  }
}

function normalise(x: Float32Array, to: Float64Array, norms: Float64Array): void {
  const rows = norms.length
  const width = x.length / rows
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let d = 0; d < width; d++) sum += x[i * width + d]! * x[i * width + d]!
    const norm = Math.max(Math.sqrt(sum), 1e-8)
    norms[i] = norm
    for (let d = 0; d < width; d++) to[i * width + d] = x[i * width + d]! / norm
  }
}

/** InfoNCE: normalised copies in f64, scores by row and four keys at a time, no score matrix. */
export function infoNce(
  q: Float32Array,
  k: Float32Array,
  gq: Float32Array,
  gk: Float32Array,
  room: ReturnType<typeof infoNceRoom>,
): number {
  const { u, w, gu, gw, normQ, normK, score } = room
  const rows = normQ.length
  const width = gu.length
  const tau = 0.07
  normalise(q, u, normQ)
  normalise(k, w, normK)
  gw.fill(0)
  let total = 0
  for (let i = 0; i < rows; i++) {
    const at = i * width
    let m = -Infinity
    for (let j = 0; j < rows; j += 4) {
      const b0 = j * width
      const b1 = b0 + width
      const b2 = b1 + width
      const b3 = b2 + width
      let s0 = 0
      let s1 = 0
      let s2 = 0
      let s3 = 0
      for (let d = 0; d < width; d++) {
        const x = u[at + d]!
        s0 += x * w[b0 + d]!
        s1 += x * w[b1 + d]!
        s2 += x * w[b2 + d]!
        s3 += x * w[b3 + d]!
      }
      score[j] = s0 / tau
      score[j + 1] = s1 / tau
      score[j + 2] = s2 / tau
      score[j + 3] = s3 / tau
      m = Math.max(m, score[j]!, score[j + 1]!, score[j + 2]!, score[j + 3]!)
    }
    const own = score[i]!
    let sum = 0
    for (let j = 0; j < rows; j++) {
      const e = Math.exp(score[j]! - m)
      score[j] = e
      sum += e
    }
    total += m + Math.log(sum) - own
    gu.fill(0)
    const scale = 1 / (tau * rows)
    for (let j = 0; j < rows; j++) score[j] = (score[j]! / sum) * scale
    score[i]! -= scale
    for (let j = 0; j < rows; j += 4) {
      const c0 = score[j]!
      const c1 = score[j + 1]!
      const c2 = score[j + 2]!
      const c3 = score[j + 3]!
      const b0 = j * width
      const b1 = b0 + width
      const b2 = b1 + width
      const b3 = b2 + width
      for (let d = 0; d < width; d++) {
        const x = u[at + d]!
        gu[d]! += c0 * w[b0 + d]! + c1 * w[b1 + d]! + (c2 * w[b2 + d]! + c3 * w[b3 + d]!)
        gw[b0 + d]! += c0 * x
        gw[b1 + d]! += c1 * x
        gw[b2 + d]! += c2 * x
        gw[b3 + d]! += c3 * x
      }
    }
    let along = 0
    for (let d = 0; d < width; d++) along += gu[d]! * u[at + d]!
    for (let d = 0; d < width; d++) gq[at + d] = (gu[d]! - along * u[at + d]!) / normQ[i]!
  }
  for (let j = 0; j < rows; j++) {
    const at = j * width
    let along = 0
    for (let d = 0; d < width; d++) along += gw[at + d]! * w[at + d]!
    for (let d = 0; d < width; d++) gk[at + d] = (gw[at + d]! - along * w[at + d]!) / normK[j]!
  }
  return total / rows
}
