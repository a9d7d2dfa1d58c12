// The five workloads of the speed comparison: data for lossc and for the loops by hand.
import * as hand from "./hand.ts"

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

/** A workload: the batch that is measured, and a small one on which an engine learns the code. */
export interface Work {
  readonly name: string
  readonly large: () => Row
  readonly small: () => Row
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

function mse(n: number): Row {
  const pred = noise(n, 1, 3)
  const target = noise(n, 2, 3)
  return {
    title: `MSE, ${n} elements`,
    loss: "mse",
    grad: ["pred"],
    inputs: { pred, target },
    shapes: { pred: [n], target: [n] },
    byHand: (out) => hand.mse(pred, target, out["pred"]!),
  }
}

function bce(n: number): Row {
  const logits = noise(n, 3, 6)
  const target = noise(n, 4, 1).map((x) => (x > 0 ? 1 : 0))
  return {
    title: `BCE with logits, ${n} elements`,
    loss: "binaryCrossEntropyWithLogits",
    grad: ["logits"],
    inputs: { logits, target },
    shapes: { logits: [n], target: [n] },
    byHand: (out) => hand.bce(logits, target, out["logits"]!),
  }
}

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
    byHand: (out) => hand.crossEntropy(logits, target, kept, out["logits"]!),
  }
}

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
    byHand: (out) => hand.triplet(a, p, n, out["a"]!, out["p"]!, out["n"]!, width),
  }
}

function infoNce(rows: number, width: number): Row {
  const q = noise(rows * width, 9, 1)
  const k = noise(rows * width, 10, 1)
  const room = hand.infoNceRoom(rows, width)
  return {
    title: `InfoNCE, 2 gradients, ${rows} x ${width}`,
    loss: "infoNce",
    grad: ["q", "k"],
    inputs: { q, k },
    shapes: { q: [rows, width], k: [rows, width] },
    byHand: (out) => hand.infoNce(q, k, out["q"]!, out["k"]!, room),
  }
}

/** The rows of the table, made when asked for: together they hold 150 MB. */
export const works: readonly Work[] = [
  { name: "mse", large: () => mse(1 << 22), small: () => mse(1 << 13) },
  { name: "bce", large: () => bce(1 << 22), small: () => bce(1 << 13) },
  { name: "cross-entropy", large: () => crossEntropy(4096, 1000), small: () => crossEntropy(16, 100) },
  { name: "triplet", large: () => triplet(16384, 128), small: () => triplet(64, 32) },
  { name: "infoNce", large: () => infoNce(2048, 128), small: () => infoNce(32, 16) },
]
