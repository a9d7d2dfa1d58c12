// Which loops may run several iterations at once, and keep every result up to the order of sums.
import type { Operand, Stmt } from "../loops.ts"
import { combinable, type Loop, loopsIn, sameOperand, updatedIn, writtenIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import { type Shape, shapesOf } from "./shapes.ts"

type Access = Extract<Stmt, { kind: "load" | "store" }>

/** Whether the iterations of an innermost loop may run at once. */
export function mayRunAtOnce(loop: Loop): boolean {
  if (loop.step || loopsIn(loop.body).length > 0) return false
  const combined = combinable(loop.body)
  for (const acc of updatedIn(loop.body).keys()) if (!combined.has(acc)) return false
  const accesses: Access[] = []
  let plain = true
  forEachStatement(loop.body, (s) => {
    if (s.kind === "load" || s.kind === "store") accesses.push(s)
    else if (s.kind !== "let" && s.kind !== "acc" && s.kind !== "update" && s.kind !== "if") plain = false
  })
  if (!plain) return false
  const shapes = shapesOf(loop)
  for (const buffer of writtenIn(loop.body)) {
    const own = accesses.filter((s) => s.buffer === buffer)
    // One store alone goes through the lanes in their order; several must meet in an element that each lane has for itself.
    if (own.length === 1) continue
    const { at } = own[0]!
    if (!own.every((s) => sameOperand(s.at, at)) || !isApart(at, shapes)) return false
  }
  return true
}

/** Whether a place differs from lane to lane for sure. */
function isApart(at: Operand, shapes: ReadonlyMap<number, Shape>): boolean {
  const shape = at.kind === "value" ? shapes.get(at.id) : undefined
  return shape?.kind === "linear" && shape.stride.kind === "number" && shape.stride.value !== 0
}
