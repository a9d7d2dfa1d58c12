// A function of one number -> its derivative by differences, and how far off that may be.

/** A derivative by differences. */
export interface Estimate {
  readonly value: number
  /** An estimate of the error. */
  readonly error: number
}

const shrink = 1.4
const rounds = 12

/**
 * Ridders' method: central differences with shrinking steps, extrapolated to step 0. `step` is the first one; the function
 * must be smooth from -step to step (Ridders, Accurate computation of F'(x) and F'(x) F''(x), 1982).
 */
export function ridders(f: (offset: number) => number, step: number): Estimate {
  const central = (h: number): number => (f(h) - f(-h)) / (2 * h)
  let previous = [central(step)]
  let best: Estimate = { value: previous[0]!, error: Infinity }
  let h = step
  for (let i = 1; i < rounds; i++) {
    h /= shrink
    const row = [central(h)]
    let factor = shrink * shrink
    for (let j = 1; j <= i; j++) {
      row.push((row[j - 1]! * factor - previous[j - 1]!) / (factor - 1))
      factor *= shrink * shrink
      const error = Math.max(Math.abs(row[j]! - row[j - 1]!), Math.abs(row[j]! - previous[j - 1]!))
      if (error <= best.error) best = { value: row[j]!, error }
    }
    if (Math.abs(row[i]! - previous[i - 1]!) >= 2 * best.error) break
    previous = row
  }
  return best
}

/** The slopes to the left and to the right, for a point at a kink. */
export function slopes(f: (offset: number) => number, step: number): readonly [left: number, right: number] {
  const here = f(0)
  // The second-order one-sided difference: exact for parabolas.
  const one = (h: number): number => (4 * f(h) - f(2 * h) - 3 * here) / (2 * h)
  return [one(-step), one(step)]
}
