// Overlap of regions and of boxes, by hand.

/** Dice loss of sigmoids over slabs of `area` places; the sigmoids wait in the array of the gradient. */
export function dice(logits: Float32Array, target: Float32Array, area: number, g: Float32Array): number {
  const slabs = logits.length / area
  const smooth = 1e-5
  let total = 0
  for (let from = 0; from < logits.length; from += area) {
    const to = from + area
    let overlap = 0
    let areas = 0
    for (let i = from; i < to; i++) {
      const p = 1 / (1 + Math.exp(-logits[i]!))
      const t = target[i]!
      g[i] = p
      overlap += p * t
      areas += p + t
    }
    const above = 2 * overlap + smooth
    const below = areas + smooth
    total += 1 - above / below
    const byArea = above / (below * below * slabs)
    const byOverlap = -2 / (below * slabs)
    for (let i = from; i < to; i++) {
      const p = g[i]!
      g[i] = (byOverlap * target[i]! + byArea) * p * (1 - p)
    }
  }
  return total / slabs
}

/** Generalised intersection over union and its gradient by the first boxes. */
export function giou(a: Float32Array, b: Float32Array, g: Float32Array): number {
  const rows = a.length / 4
  const eps = 1e-7
  let total = 0
  for (let i = 0; i < a.length; i += 4) {
    const ax1 = a[i]!
    const ay1 = a[i + 1]!
    const ax2 = a[i + 2]!
    const ay2 = a[i + 3]!
    const bx1 = b[i]!
    const by1 = b[i + 1]!
    const bx2 = b[i + 2]!
    const by2 = b[i + 3]!
    const w = Math.min(ax2, bx2) - Math.max(ax1, bx1)
    const h = Math.min(ay2, by2) - Math.max(ay1, by1)
    const meet = w > 0 && h > 0
    const common = meet ? w * h : 0
    const aw = ax2 - ax1
    const ah = ay2 - ay1
    const both = aw * ah + (bx2 - bx1) * (by2 - by1) - common
    const hw = Math.max(ax2, bx2) - Math.min(ax1, bx1)
    const hh = Math.max(ay2, by2) - Math.min(ay1, by1)
    const hull = hw * hh
    const perBoth = 1 / (both + eps)
    const perHull = 1 / (hull + eps)
    total += 1 - common * perBoth + (hull - both) * perHull
    // By the union, then by the two areas that depend on the first box.
    const byBoth = common * perBoth * perBoth - perHull
    const byHull = perHull - (hull - both) * perHull * perHull
    const byCommon = meet ? -perBoth - byBoth : 0
    const byArea = byBoth / rows
    const byW = (byCommon * h) / rows
    const byH = (byCommon * w) / rows
    const byHw = (byHull * hh) / rows
    const byHh = (byHull * hw) / rows
    g[i] = -byArea * ah - (ax1 > bx1 ? byW : 0) - (ax1 < bx1 ? byHw : 0)
    g[i + 1] = -byArea * aw - (ay1 > by1 ? byH : 0) - (ay1 < by1 ? byHh : 0)
    g[i + 2] = byArea * ah + (ax2 < bx2 ? byW : 0) + (ax2 > bx2 ? byHw : 0)
    g[i + 3] = byArea * aw + (ay2 < by2 ? byH : 0) + (ay2 > by2 ? byHh : 0)
  }
  return total / rows
}
