// Made-up batches.

/** A wave of numbers that repeats late. */
export const wave = (n: number, step = 1): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * step + 1))

/** Rows of a wave. */
export const rows = (b: number, d: number, step = 1): { data: Float32Array; shape: [number, number] } => ({
  data: wave(b * d, step),
  shape: [b, d],
})

/** Logits with labels of which some are ignored, and weights of classes of which some are 0. */
export function labelled(b: number, c: number, piece: number) {
  const target = Int32Array.from({ length: b }, (_, i) => (i % 7 === 3 ? -100 : (i * 5) % c))
  return {
    logits: rows(b, c),
    weight: Float32Array.from({ length: c }, (_, i) => (i % 4) / 3),
    target,
    /** A first piece of so many rows that all weigh nothing, and a second that has none. */
    sparse: target.map((y, i) => (i < piece ? (i % 3) * 4 : i < 2 * piece ? -100 : y)),
  }
}
