// Loops -> loops: innermost loops whose iterations may run at once, four at a time, and a loop for the rest.
import type { Buffer, Kernel, Stmt } from "./loops.ts"
import { Copier } from "./unroll/copy.ts"
import { type Loop, Numbers, loopsIn } from "./unroll/facts.ts"
import { hoist } from "./unroll/hoist.ts"
import { groupsEnd, rest } from "./unroll/lanes.ts"
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

/** Puts the innermost loops of a kernel into lanes. `isWide` says that all arithmetic is f64. */
export function vectorise(kernel: Kernel, elements: Surroundings["elements"], isWide: boolean): Vectorised {
  const numbers = new Numbers(kernel)
  const body = hoist(withSingles(kernel, numbers).body, numbers)
  const plain = { ...kernel, body }
  const chosen = new Set(loopsIn(body).filter(mayRunAtOnce))
  const known = isWide ? elements : shorten(plain, chosen, elements)
  return { kernel: { ...kernel, body: split(body, chosen, numbers) }, elements: known }
}

function split(body: readonly Stmt[], chosen: ReadonlySet<Loop>, numbers: Numbers): Stmt[] {
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "if")
      return [{ ...s, then: split(s.then, chosen, numbers), else: split(s.else, chosen, numbers) }]
    if (s.kind !== "for") return [s]
    if (!chosen.has(s)) return [{ ...s, body: split(s.body, chosen, numbers) }]
    const before = new Copier(numbers, new Set())
    const middle = groupsEnd(s, LANES, before)
    return [...before.out, { ...s, to: middle, lanes: LANES }, ...rest(s, middle, numbers)]
  })
}

/** Scratch that loops in lanes alone write, and with numbers of f32 only. */
function shorten(
  kernel: Kernel,
  chosen: ReadonlySet<Loop>,
  elements: Surroundings["elements"],
): Surroundings["elements"] {
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
