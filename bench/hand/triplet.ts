// Triplet loss, by hand.

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
