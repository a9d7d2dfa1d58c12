// InfoNCE, by hand.

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
