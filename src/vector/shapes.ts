// A loop whose iterations run in lanes -> how each of its values differs from lane to lane.
import type { Operand, Stmt } from "../loops.ts"
import { forEachStatement } from "../walk.ts"
import { type Loop, literal } from "../unroll/facts.ts"

/**
 * `linear` values are ints that grow by the same stride from lane to lane, a literal or a value from outside the loop; `vector`
 * values may be anything. All others are the same in every lane.
 */
export type Shape = { readonly kind: "linear"; readonly stride: Operand } | { readonly kind: "vector" }

const VECTOR: Shape = { kind: "vector" }

/** The shapes of the values of a loop that are not the same in every lane. */
export function shapesOf(loop: Loop): ReadonlyMap<number, Shape> {
  const varying = varyingIn(loop)
  const shapes = new Map<number, Shape>([[loop.id, { kind: "linear", stride: literal(1) }]])
  forEachStatement(loop.body, (s) => {
    if (s.kind === "load" || s.kind === "acc") {
      if (varying.has(s.id)) shapes.set(s.id, VECTOR)
    } else if (s.kind === "let" && varying.has(s.id)) shapes.set(s.id, linear(s, shapes, varying) ?? VECTOR)
  })
  return shapes
}

/** The values that are not the same in every lane, and the accumulators that some lanes alone update. */
function varyingIn(loop: Loop): ReadonlySet<number> {
  const out = new Set([loop.id])
  const own = loop.rows?.own
  const varies = (x: Operand): boolean => x.kind === "value" && out.has(x.id)
  const visit = (body: readonly Stmt[], inSome: boolean): void => {
    for (const s of body) {
      if (s.kind === "let" && s.args.some(varies)) out.add(s.id)
      else if (s.kind === "load" && (varies(s.at) || own?.includes(s.buffer))) out.add(s.id)
      else if (s.kind === "acc" && varies(s.initial)) out.add(s.id)
      else if (s.kind === "update" && (inSome || varies(s.value))) out.add(s.acc)
      else if (s.kind === "if") {
        const inside = inSome || varies(s.condition)
        visit(s.then, inside)
        visit(s.else, inside)
      } else if (s.kind === "for") visit(s.body, inSome)
    }
  }
  let before: number
  do {
    before = out.size
    visit(loop.body, false)
  } while (out.size > before)
  return out
}

/** The shape of a sum of a linear value and a fixed one, or of a product of them. */
function linear(
  { op, args, type }: Extract<Stmt, { kind: "let" }>,
  shapes: ReadonlyMap<number, Shape>,
  varying: ReadonlySet<number>,
): Shape | undefined {
  const [x, y] = args
  if (type !== "int" || (op !== "add" && op !== "sub" && op !== "mul")) return undefined
  const shape = (z: Operand): Shape | undefined => (z.kind === "value" ? shapes.get(z.id) : undefined)
  const fixed = (z: Operand): boolean => z.kind === "number" || !varying.has(z.id)
  const [a, b] = [shape(x!), shape(y!)]
  if (op === "mul") {
    const [side, other] = a?.kind === "linear" ? [a, y!] : b?.kind === "linear" ? [b, x!] : []
    if (!side || !fixed(other!) || side.stride.kind !== "number") return undefined
    if (side.stride.value === 1) return { kind: "linear", stride: other! }
    return other!.kind === "number"
      ? { kind: "linear", stride: literal(side.stride.value * other!.value) }
      : undefined
  }
  if (a?.kind === "linear" && fixed(y!)) return a
  if (op === "add" && b?.kind === "linear" && fixed(x!)) return b
  return undefined
}

/** Whether a shape advances by one element from lane to lane. */
export const isUnit = (shape: Shape | undefined): boolean =>
  shape?.kind === "linear" && shape.stride.kind === "number" && shape.stride.value === 1
