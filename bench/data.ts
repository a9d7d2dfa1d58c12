// The numbers that the workloads run on, the same in every run.

/** Numbers from 0 to 1, one after another. */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

/** Numbers from -scale to scale, near enough to a normal distribution. */
export function noise(length: number, seed: number, scale: number): Float32Array {
  const values = new Float32Array(length)
  const next = uniform(seed)
  for (let i = 0; i < length; i++) values[i] = ((next() + next() + next()) / 1.5 - 1) * scale
  return values
}

/** A label for each row. */
export const classed = (rows: number, classes: number): Int32Array =>
  Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes)

/** Pairs of boxes x1, y1, x2, y2, most of which have an area in common, without a common edge: there is no derivative. */
export function overlapping(boxes: number): { boxes1: Float32Array; boxes2: Float32Array } {
  const boxes1 = noise(boxes * 4, 13, 4)
  for (let i = 0; i < boxes1.length; i += 4)
    for (const k of [i, i + 1]) boxes1[k + 2] = boxes1[k]! + 3 + boxes1[k + 2]! / 2
  const boxes2 = noise(boxes * 4, 14, 1).map((x, i) => boxes1[i]! + (x < 0 ? x - 0.1 : x + 0.1))
  return { boxes1, boxes2 }
}

/** Label sequences between three quarters of the longest and the longest, for sequences of frames that differ as much. */
export function spelled(batch: number, frames: number, classes: number, labels: number) {
  const random = uniform(17)
  const lengths = (most: number): Int32Array =>
    Int32Array.from({ length: batch }, () => most - Math.floor((random() * most) / 4))
  return {
    targets: Int32Array.from({ length: batch * labels }, () => 1 + Math.floor(random() * (classes - 1))),
    inputLengths: lengths(frames),
    targetLengths: lengths(labels),
  }
}
