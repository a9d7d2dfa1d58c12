// Loops -> loops: innermost loops whose iterations may run at once, four at a time, and a loop for the rest.
//
// A loop around one innermost loop is jammed into it first, four iterations at a time, so that they share loads.
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import { ops } from "./ops.ts"
import { Copier } from "./unroll/copy.ts"
import {
  type Loop,
  Numbers,
  combinable,
  literal,
  loopsIn,
  valueOf,
  weight,
  writtenIn,
} from "./unroll/facts.ts"
import { hoist } from "./unroll/hoist.ts"
import { jam, jammable, onlyInner } from "./unroll/jam.ts"
import { groupsEnd, rest } from "./unroll/lanes.ts"
import { unswitch } from "./unroll/unswitch.ts"
import { withSingles } from "./unroll/specialise.ts"
import { type LaneKind, type Surroundings, kindsOf } from "./vector/kinds.ts"
import { mayRunAtOnce } from "./vector/legal.ts"
import { shapesOf } from "./vector/shapes.ts"
import { forEachStatement, placesIn } from "./walk.ts"

/** How many iterations run at once. */
export const LANES = 4

/** Loops in lanes, and how the arrays lie in memory: scratch that only gets numbers of f32 is f32. */
export interface Vectorised {
  readonly kernel: Kernel
  readonly elements: ReadonlyMap<Buffer, "f32" | "f64" | "i32" | "u8">
}

/** Iterations of an outer loop that share the loads of its inner loop. */
const JAMMED = 4

/** Puts the innermost loops of a kernel into lanes. `isWide` says that all arithmetic is f64. */
export function vectorise(kernel: Kernel, elements: Surroundings["elements"], isWide: boolean): Vectorised {
  const numbers = new Numbers(kernel)
  const body = hoist(withSingles(kernel, numbers).body, numbers)
  const known = isWide ? elements : shorten({ ...kernel, body }, elements)
  return { kernel: { ...kernel, body: split(body, numbers) }, elements: known }
}

function split(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: split(s.then, numbers), else: split(s.else, numbers) }]
    if (s.kind === "for" && s.blocks) return [{ ...s, body: split(s.body, numbers) }]
    if (s.kind !== "for" || s.step) return [s]
    if (mayRunAtOnce(s)) {
      const switched = unswitch(s, numbers)
      return switched ? split([switched], numbers) : inLanes(s, numbers)
    }
    const inner = onlyInner(s)
    if (!inner || !mayRunAtOnce(inner) || !jammable(s)) return [{ ...s, body: split(s.body, numbers) }]
    return jam(
      s,
      JAMMED,
      numbers,
      (jammed) => inLanes(jammed, numbers),
      (rest) => (rest.kind === "for" ? [{ ...rest, body: split(rest.body, numbers) }] : [rest]),
    )
  })
}

/** A loop in lanes, several vectors after one another where they are cheap, and a loop for the rest. */
function inLanes(s: Loop, numbers: Numbers): Stmt[] {
  const before = new Copier(numbers, new Set())
  const count = copiesOf(s)
  const end = groupsEnd(s, LANES, before)
  const single = { ...s, to: end, lanes: LANES }
  if (count === 1) return [...before.out, single, ...rest(s, end, numbers)]
  const middle = groupsEnd(s, count * LANES, before)
  return [
    ...before.out,
    several(s, middle, count, numbers),
    ...rest(single, middle, numbers),
    ...rest(s, end, numbers),
  ]
}

const cost = (s: Stmt): number => (s.kind === "let" ? (ops[s.op].cost ?? 1) : 1)

/** How many vectors an iteration handles: the fewer operations each has, the more the loop itself costs. */
function copiesOf({ body }: Loop): number {
  const isStraight = body.every((s) => s.kind !== "if")
  const own = weight(body, cost)
  return !isStraight || own > 60 ? 1 : own > 30 ? 2 : 4
}

/** An iteration of several vectors. What they add to one sum is added up first, which no vector waits for. */
function several(s: Loop, to: Operand, count: number, numbers: Numbers): Stmt {
  const id = numbers.value()
  const copier = new Copier(numbers, writtenIn(s.body))
  const combined = combinable(s.body)
  const sums = new Map<number, Operand[]>()
  for (let k = 0; k < count; k++) {
    copier.substitute(s.id, copier.int("add", valueOf(id), literal(k * LANES)))
    for (const x of s.body)
      if (x.kind === "update" && combined.get(x.acc) === "add" && numbers.accs.get(x.acc) === "real")
        sums.set(x.acc, [...(sums.get(x.acc) ?? []), copier.operand(x.value)])
      else copier.copy([x])
  }
  for (const [acc, values] of sums)
    copier.out.push({ kind: "update", acc, op: "add", value: copier.balanced("add", values) })
  return { ...s, id, to, step: literal(count * LANES), lanes: LANES, body: copier.out }
}

/** Scratch that loops in lanes alone write, and with numbers of f32 only. */
function shorten(kernel: Kernel, elements: Surroundings["elements"]): Surroundings["elements"] {
  const chosen = loopsIn(kernel.body).filter(mayRunAtOnce)
  const inside = new Set<Stmt>()
  for (const loop of chosen) forEachStatement(loop.body, (s) => inside.add(s))
  const short = new Set(kernel.scratch.filter((b) => b.element === "f64"))
  forEachStatement(kernel.body, (s) => {
    if (s.kind === "store" && (s.accumulate || !inside.has(s))) short.delete(s.buffer)
    if (s.kind === "sort") short.delete(s.keys)
    if (s.kind === "fill" && Math.fround(s.value) !== s.value) short.delete(s.buffer)
  })
  const places = placesIn(kernel)
  const numbers = new Numbers(kernel)
  const ints = new Set([
    ...kernel.sizes.map(({ id }) => id),
    ...loopsIn(kernel.body).map(({ id }) => id),
    ...places,
  ])
  let before: number
  let known: Surroundings["elements"]
  do {
    before = short.size
    known = new Map([...elements, ...[...short].map((b) => [b, "f32"] as const)])
    const around: Surroundings = {
      elements: known,
      places,
      isWide: false,
      isInt: (id) => ints.has(id),
      typeOf: (id) => numbers.accs.get(id)!,
    }
    for (const loop of chosen) {
      const kinds = kindsOf(loop, shapesOf(loop), around)
      forEachStatement(loop.body, (s) => {
        if (s.kind !== "store" || !short.has(s.buffer)) return
        const kind: LaneKind | undefined = s.value.kind === "value" ? kinds.get(s.value.id) : "f32"
        if (kind !== "f32") short.delete(s.buffer)
      })
    }
  } while (short.size < before)
  return known
}
