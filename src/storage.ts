// A tree of loops -> where each definition lives: in a local, or in an array over the dimensions its readers do not share.
import type { AxisExpr, Def, Expr } from "./ir.ts"
import { type Placed, readsOf } from "./dimensions.ts"
import type { Tree } from "./fuse.ts"

/** A loop of the tree; identity tells two loops over one dimension apart. */
export type Loop = Tree & { readonly kind: "loop" }

/** Where a statement stands and how its value is kept. */
export interface Storage {
  /** The loops around the statement, outermost first. */
  readonly path: readonly Loop[]
  /** How many loops stand outside the first reduced dimension (all of them if none is reduced). */
  readonly outside: number
  /** Positions of the definition's place that index its array, in layout order; empty for a local. */
  readonly stored: readonly number[]
  /** Whose array it is: that of a state is its step's. */
  readonly array: Placed
  /** Whether the accumulator itself is an array: some formal is a loop inside the first reduced dimension, or is pinned. */
  readonly accumulates: boolean
}

/** Decides the storage of every statement of a tree. */
export function storageOf(tree: readonly Tree[]): Map<Placed, Storage> {
  const paths = new Map<Placed, readonly Loop[]>()
  const order: Placed[] = []
  const walk = (list: readonly Tree[], path: readonly Loop[]): void => {
    for (const t of list)
      if (t.kind === "loop") walk(t.body, [...path, t])
      else {
        paths.set(t.statement, path)
        order.push(t.statement)
      }
  }
  walk(tree, [])

  const stored = new Map<Placed, Set<number>>(order.map((s) => [s, new Set()]))
  for (const reader of order)
    for (const { def, index } of readsOf(reader)) {
      const s = reader.sources.get(def)!
      const shared = Math.min(common(paths.get(s)!, paths.get(reader)!), outsideOf(s))
      s.place.forEach((e, i) => {
        const loop = e.kind === "axis" ? s.loops.indexOf(e) : -1
        if (loop < 0 || loop >= shared || index[i] !== e) stored.get(s)!.add(i)
      })
    }
  const steps = new Map<Def, Placed>()
  for (const s of order) if (s.op === "step") steps.set(s.def!, s)
  const stepOf = (state: Def): Placed => {
    const { states, steps: defs } = state.recurrence!
    return steps.get(defs[states.indexOf(state)]!)!
  }
  // A state and its step share one array, which keeps every index of the recurrence.
  for (const s of order) {
    if (s.op !== "state") continue
    const [before, after] = [stored.get(s)!, stored.get(stepOf(s.def!))!]
    if (before.size > 0) after.add(0)
    for (const i of before) after.add(i)
    stored.set(s, after)
  }
  return new Map(
    order.map((s) => {
      const outside = outsideOf(s)
      const inner = (e: Expr): boolean => e.kind !== "axis" || s.loops.indexOf(e) >= outside
      const accumulates = s.kind === "define" && s.bound.length > 0 && s.place.some(inner)
      const array = s.op === "state" ? stepOf(s.def!) : s
      return [
        s,
        { path: paths.get(s)!, outside, stored: layout(array, [...stored.get(s)!]), array, accumulates },
      ]
    }),
  )
}

function outsideOf(s: Placed): number {
  const first = s.loops.findIndex((a) => s.bound.includes(a))
  return first < 0 ? s.loops.length : first
}

function common(x: readonly Loop[], y: readonly Loop[]): number {
  let n = 0
  while (n < x.length && n < y.length && x[n] === y[n]) n++
  return n
}

/**
 * The array's axes: those that are loops around the sum first, so that what it clears lies in one piece; then in the order of
 * the loops, or as declared if one of them is pinned. The axis that an argsort keeps is no loop; its rows lie in one piece.
 */
function layout(s: Placed, positions: number[]): number[] {
  const outside = outsideOf(s)
  const pinned = positions.some((i) => s.place[i]!.kind !== "axis")
  const rank = (i: number): number => {
    const loop = s.loops.indexOf(s.place[i] as AxisExpr)
    if (loop >= 0 && (loop < outside || !pinned)) return loop
    return s.loops.length + (pinned ? i : 0)
  }
  return positions.sort((i, j) => rank(i) - rank(j))
}
