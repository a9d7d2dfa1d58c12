// What lossc wants to reach: how many times as fast as another side a side should be, at the largest size of a row.
import type { Measured } from "./measure.ts"

export interface Goal {
  readonly side: string
  readonly than: string
  /** How many times as fast, by rows. */
  readonly factors: Readonly<Record<string, number>>
}

// prettier-ignore
export const goals: readonly Goal[] = [
  { side: "wasm", than: "hand", factors: { mse: 4, bce: 7, "cross-entropy": 8, triplet: 8 } },
  { side: "wasm", than: "jax", factors: { mse: 5, bce: 5, "cross-entropy": 5, triplet: 5, infoNce: 1.5 } },
  { side: "wasm", than: "torch", factors: { mse: 2, bce: 1, "cross-entropy": 1, triplet: 2, infoNce: 1 } },
  { side: "wasm", than: "c", factors: { mse: 0.7, bce: 0.5, "cross-entropy": 0.5, triplet: 0.7 } },
  { side: "threads", than: "wasm", factors: { mse: 1.7, bce: 1.7, "cross-entropy": 1.7, triplet: 1.7, infoNce: 1.7 } },
]

/** A goal with what was found. */
export interface Outcome {
  readonly row: string
  readonly side: string
  readonly than: string
  readonly wanted: number
  readonly found: number
}

/** How many times as fast one side is as another; undefined where one was not measured. */
export function ratio({ found }: Measured, side: string, than: string): number | undefined {
  const [mine, other] = [found[side]?.ns[3], found[than]?.ns[3]]
  return mine === undefined || other === undefined ? undefined : other / mine
}

/** All goals whose sides were measured. */
export function outcomes(rows: readonly Measured[]): readonly Outcome[] {
  return goals.flatMap(({ side, than, factors }) =>
    rows.flatMap((measured) => {
      const row = measured.work.name
      const wanted = factors[row]
      const found = ratio(measured, side, than)
      return wanted === undefined || found === undefined ? [] : [{ row, side, than, wanted, found }]
    }),
  )
}
