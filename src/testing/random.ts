// A seed -> numbers that are the same everywhere.

/** Draws numbers. */
export interface Random {
  /** A number from low to high. */
  readonly real: (low: number, high: number) => number
  /** A whole number from low to high, both included. */
  readonly int: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
}

/** mulberry32: 32 bits of state, good enough to pick test data. */
export function random(seed: number): Random {
  let state = seed | 0
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    real: (low, high) => low + (high - low) * unit(),
    int: (low, high) => low + Math.floor(unit() * (high - low + 1)),
    chance: (probability) => unit() < probability,
  }
}
