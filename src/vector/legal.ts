// Which loops may run several iterations at once, and keep every result up to the order of sums.
import type { Operand, Stmt } from "../loops.ts"
import { type Loop, letsIn, loopsIn, sameOperand, updatedIn, writtenIn } from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { forEachStatement } from "../walk.ts"
import type { Bounds } from "./bounds.ts"
import { type Shape, shapesOf } from "./shapes.ts"

type Access = Extract<Stmt, { kind: "load" | "store" }>

/** Whether the iterations of an innermost loop may run at once. `bounds` know the kernel around it. */
export function mayRunAtOnce(loop: Loop, bounds?: Bounds): boolean {
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
  const lets = letsIn(loop.body)
  for (const buffer of writtenIn(loop.body)) {
    const own = accesses.filter((s) => s.buffer === buffer)
    // One store alone goes through the lanes in their order; several must meet in an element that each lane has for itself.
    if (own.length === 1 || areApart(own, shapes, lets)) continue
    const isFree = (x: Access, y: Access): boolean =>
      areApart([x, y], shapes, lets) || (bounds?.areApart(x.at, y.at, loop) ?? false)
    const stores = own.filter((s) => s.kind === "store")
    if (!stores.every((x) => own.every((y) => x === y || isFree(x, y)))) return false
  }
  return true
}

/** Whether places of different lanes are different for sure: they are from one place on, closer to it than the next lane's. */
function areApart(
  accesses: readonly Access[],
  shapes: ReadonlyMap<number, Shape>,
  lets: ReturnType<typeof letsIn>,
): boolean {
  const all = accesses.map(({ at }) => fromBase(at, lets))
  const { base } = all[0]!
  const shape = base.kind === "value" ? shapes.get(base.id) : undefined
  if (shape?.kind !== "linear" || shape.stride.kind !== "number") return false
  const offsets = all.map(({ offset }) => offset)
  return (
    all.every((x) => sameOperand(x.base, base)) &&
    Math.max(...offsets) - Math.min(...offsets) < Math.abs(shape.stride.value)
  )
}

/** A place as another one and a literal that is added to it. */
export function fromBase(
  at: Operand,
  lets: ReturnType<typeof letsIn>,
): { readonly base: Operand; readonly offset: number } {
  const made = at.kind === "value" ? lets.get(at.id) : undefined
  const [x, y] = made?.op === "add" ? made.args : []
  const [more, other] = x?.kind === "number" ? [x, y!] : [y, x!]
  if (more?.kind !== "number") return { base: at, offset: 0 }
  const { base, offset } = fromBase(other, lets)
  return { base, offset: offset + more.value }
}
