// A loop in lanes whose iterations are four elements apart -> the accesses that together are four elements beside one another in
// each lane: a square of four times four, which four vectors of memory hold.
import type { Buffer, Stmt } from "../loops.ts"
import { type Loop, letsIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import { fromBase } from "./legal.ts"
import type { Shape } from "./shapes.ts"

type Access = Extract<Stmt, { kind: "load" | "store" }>

/** As many elements as a vector has lanes. */
const SIDE = 4

/** Accesses of one array, in the order of their places; some may be loads of the same. */
export interface Square {
  readonly accesses: readonly Same[]
}
type Same = readonly [Access, ...Access[]]

/** The squares of a loop by their accesses, which run in each iteration. */
export function squaresOf(loop: Loop, shapes: ReadonlyMap<number, Shape>): ReadonlyMap<Stmt, Square> {
  const lets = letsIn(loop.body)
  const groups = new Map<string, Map<number, [Access, ...Access[]]>>()
  const mixed = mixedIn(loop)
  for (const s of loop.body) {
    if ((s.kind !== "load" && s.kind !== "store") || mixed.has(s.buffer)) continue
    const { base, offset } = fromBase(s.at, lets)
    const shape = base.kind === "value" ? shapes.get(base.id) : undefined
    if (shape?.kind !== "linear" || shape.stride.kind !== "number" || shape.stride.value !== SIDE) continue
    const key = [s.buffer.id, (base as { id: number }).id, Math.floor(offset / SIDE)].join()
    const group = groups.get(key) ?? new Map<number, [Access, ...Access[]]>()
    groups.set(key, group)
    const same = group.get(offset)
    if (same) same.push(s)
    else group.set(offset, [s])
  }
  const out = new Map<Stmt, Square>()
  for (const group of groups.values()) {
    const accesses = [...group].sort(([x], [y]) => x - y).map(([, list]) => list)
    if (accesses.length < SIDE || accesses.some((list) => list[0].kind === "store" && list.length > 1))
      continue
    const square: Square = { accesses }
    for (const s of accesses.flat()) out.set(s, square)
  }
  return out
}

/** Arrays that a loop both reads and writes, or adds to. */
function mixedIn(loop: Loop): ReadonlySet<Buffer> {
  const read = new Set<Buffer>()
  const out = new Set<Buffer>()
  const written = new Set<Buffer>()
  forEachStatement(loop.body, (s) => {
    if (s.kind === "load") read.add(s.buffer)
    if (s.kind === "store" && !s.accumulate) written.add(s.buffer)
    if ((s.kind === "store" && s.accumulate) || s.kind === "fill") out.add(s.buffer)
  })
  for (const b of read) if (written.has(b)) out.add(b)
  return out
}
