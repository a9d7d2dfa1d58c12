// The five workloads of the speed comparison, each with the fused loop that an expert would write by hand.

/** A loss on a batch: what lossc is asked for, and the same by hand. */
export interface Row {
  readonly title: string
  /** The loss of the library. */
  readonly loss: string
  readonly grad: readonly string[]
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>
  /** Sizes that the plain arrays do not tell. */
  readonly shapes: Readonly<Record<string, readonly number[]>>
  /** Writes the gradients of the mean into `out` and returns the mean. */
  byHand(out: Readonly<Record<string, Float32Array>>): number
}

/** Numbers from -scale to scale, near enough to a normal distribution; the same on every run. */
function noise(length: number, seed: number, scale: number): Float32Array {
  const values = new Float32Array(length)
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32
  }
  for (let i = 0; i < length; i++) values[i] = ((next() + next() + next()) / 1.5 - 1) * scale
  return values
}

/** Mean squared error, four accumulators. */
function mse(n: number): Row {
  const pred = noise(n, 1, 3)
  const target = noise(n, 2, 3)
  return {
    title: `MSE, ${n} elements`,
    loss: "mse",
    grad: ["pred"],
    inputs: { pred, target },
    shapes: { pred: [n], target: [n] },
    byHand(out) {
      const g = out["pred"]!
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
    },
  }
}

/** Binary cross-entropy with logits: one exponential serves the value and the gradient. */
function bce(n: number): Row {
  const pred = noise(n, 3, 6)
  const target = noise(n, 4, 1).map((x) => (x > 0 ? 1 : 0))
  return {
    title: `BCE with logits, ${n} elements`,
    loss: "binaryCrossEntropyWithLogits",
    grad: ["logits"],
    inputs: { logits: pred, target },
    shapes: { logits: [n], target: [n] },
    byHand(out) {
      const g = out["logits"]!
      const scale = 1 / n
      let sum = 0
      for (let i = 0; i < n; i++) {
        const x = pred[i]!
        const t = target[i]!
        const e = Math.exp(-Math.abs(x))
        sum += Math.max(x, 0) - x * t + Math.log1p(e)
        g[i] = ((x >= 0 ? 1 / (1 + e) : e / (1 + e)) - t) * scale
      }
      return sum / n
    },
  }
}

/** Cross-entropy over integer labels: each exponential is kept in a row buffer and used twice. */
function crossEntropy(rows: number, classes: number): Row {
  const logits = noise(rows * classes, 5, 6)
  const target = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes)
  const kept = new Float64Array(classes)
  return {
    title: `cross-entropy, ${rows} x ${classes}`,
    loss: "crossEntropy",
    grad: ["logits"],
    inputs: { logits, target },
    shapes: { logits: [rows, classes], target: [rows] },
    byHand(out) {
      const g = out["logits"]!
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
    },
  }
}

/** Triplet loss on squared distance: one loop for both distances, one for three gradients, inactive rows skipped. */
function triplet(rows: number, width: number): Row {
  const a = noise(rows * width, 6, 1)
  const p = noise(rows * width, 7, 1)
  const n = noise(rows * width, 8, 1)
  return {
    title: `triplet, 3 gradients, ${rows} x ${width}`,
    loss: "triplet",
    grad: ["a", "p", "n"],
    inputs: { a, p, n },
    shapes: { a: [rows, width], p: [rows, width], n: [rows, width] },
    byHand(out) {
      const ga = out["a"]!
      const gp = out["p"]!
      const gn = out["n"]!
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
    },
  }
}

/** InfoNCE: normalised copies in f64, scores by row and four keys at a time, no score matrix. */
function infoNce(rows: number, width: number): Row {
  const q = noise(rows * width, 9, 1)
  const k = noise(rows * width, 10, 1)
  const u = new Float64Array(rows * width)
  const w = new Float64Array(rows * width)
  const gu = new Float64Array(width)
  const gw = new Float64Array(rows * width)
  const normQ = new Float64Array(rows)
  const normK = new Float64Array(rows)
  const score = new Float64Array(rows)
  const tau = 0.07
  const normalise = (x: Float32Array, to: Float64Array, norms: Float64Array): void => {
    for (let i = 0; i < rows; i++) {
      let sum = 0
      for (let d = 0; d < width; d++) sum += x[i * width + d]! * x[i * width + d]!
      const norm = Math.max(Math.sqrt(sum), 1e-8)
      norms[i] = norm
      for (let d = 0; d < width; d++) to[i * width + d] = x[i * width + d]! / norm
    }
  }
  return {
    title: `InfoNCE, 2 gradients, ${rows} x ${width}`,
    loss: "infoNce",
    grad: ["q", "k"],
    inputs: { q, k },
    shapes: { q: [rows, width], k: [rows, width] },
    byHand(out) {
      const gq = out["q"]!
      const gk = out["k"]!
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
    },
  }
}

/** The rows of the table, made when asked for: together they hold 150 MB. */
export const rows: readonly (() => Row)[] = [
  () => mse(1 << 22),
  () => bce(1 << 22),
  () => crossEntropy(4096, 1000),
  () => triplet(16384, 128),
  () => infoNce(2048, 128),
]
