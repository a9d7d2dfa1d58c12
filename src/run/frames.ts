// Where the axes stand while expressions are read one index after another, and values that wait until they are asked for.
import type { AxisExpr } from "../ir.ts"

/** The place of an axis in the loops around an expression. */
export interface Cell {
  at: number
}

/** The expressions of one definition (or one output): values that several of them read are computed once per index. */
export interface Frame {
  turn: number
  readonly cells: Map<AxisExpr, Cell>
}

export type Thunk<V> = () => V

/** How many turns all frames have had: a number is never met twice. */
let turns = 0

/** Visits every index of the ranges, the last one fastest. */
export function walk(
  frame: Frame,
  cells: readonly Cell[],
  ranges: readonly number[],
  visit: () => void,
): void {
  const go = (depth: number): void => {
    if (depth === cells.length) {
      frame.turn = ++turns
      return visit()
    }
    for (let at = 0; at < ranges[depth]!; at++) {
      cells[depth]!.at = at
      go(depth + 1)
    }
  }
  go(0)
}

/** Every index of the ranges, the last one fastest. */
export function indices(ranges: readonly number[]): number[][] {
  return ranges.reduce<number[][]>(
    (list, range) => list.flatMap((head) => Array.from({ length: range }, (_, at) => [...head, at])),
    [[]],
  )
}

/** Computes in a frame that may be in use already, by a later step of the same recurrence. */
export function apart<T>(frame: Frame, compute: () => T): T {
  const cells = [...frame.cells.values()]
  const places = cells.map((cell) => cell.at)
  const { turn } = frame
  try {
    return compute()
  } finally {
    cells.forEach((cell, i) => (cell.at = places[i]!))
    frame.turn = turn
  }
}

/** A place for an axis in a frame. */
export function cellOf(frame: Frame, axis: AxisExpr): Cell {
  const cell: Cell = { at: 0 }
  frame.cells.set(axis, cell)
  return cell
}

/** Computed when it is first asked for. */
export function once<V>(thunk: Thunk<V>): Thunk<V> {
  let done = false
  let value: V
  return () => {
    if (!done) {
      value = thunk()
      done = true
    }
    return value
  }
}

/** Computed once for each index at which the frame stands. */
export function oncePerTurn<V>(thunk: Thunk<V>, frame: Frame): Thunk<V> {
  let turn = -1
  let value: V
  return () => {
    if (turn !== frame.turn) {
      value = thunk()
      turn = frame.turn
    }
    return value
  }
}
