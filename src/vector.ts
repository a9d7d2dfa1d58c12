// Loops -> loops: innermost loops whose iterations may run at once, four at a time, and a loop for the rest.
//
// A loop around one innermost loop is jammed into it first, four iterations at a time, so that they share loads.
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import { ops } from "./ops.ts"
import { Copier } from "./unroll/copy.ts"
import {
  type Loop,
  Numbers,
  literal,
  loopsIn,
  sameOperand,
  updatedIn,
  valueOf,
  weight,
  writtenIn,
} from "./unroll/facts.ts"
import { combinable } from "./unroll/outside.ts"
import { hoist } from "./unroll/hoist.ts"
import { jam, jammable, onlyInner } from "./unroll/jam.ts"
import { groupsEnd, rest } from "./unroll/lanes.ts"
import { straightened } from "./unroll/straighten.ts"
import { unswitch } from "./unroll/unswitch.ts"
import { withSingles } from "./unroll/specialise.ts"
import { Bounds } from "./vector/bounds.ts"
import { acrossRows } from "./vector/across.ts"
import { inPhases } from "./vector/phases.ts"
import { jamRows } from "./vector/rows.ts"
import { distribute } from "./vector/distribute.ts"
import { type LaneKind, type Surroundings, kindsOf } from "./vector/kinds.ts"
import { mayRunAtOnce } from "./vector/legal.ts"
import { ShortSums } from "./vector/short.ts"
import { shapesOf } from "./vector/shapes.ts"
import { forEachStatement, placesIn } from "./walk.ts"

/** How many iterations run at once. */
export const LANES = 4

/** Loops in lanes, and how the arrays lie in memory: scratch that only gets numbers of f32 is f32. */
export interface Vectorised {
  readonly kernel: Kernel
  readonly elements: ReadonlyMap<Buffer, "f32" | "f64" | "i32" | "u8">
}

/** Most iterations of an outer loop that share the loads of its inner loop, and most sums that have registers then. */
const JAMMED = 2
const SUMS = 8

/** Puts the innermost loops of a kernel into lanes. `isWide` says that all arithmetic is f64. */
export function vectorise(kernel: Kernel, elements: Surroundings["elements"], isWide: boolean): Vectorised {
  const numbers = new Numbers(kernel)
  const sums = isWide ? undefined : new ShortSums(kernel, numbers)
  const phased = inPhases(kernel, withSingles(kernel, numbers).body, numbers)
  const across = acrossRows(phased, phased.body, numbers)
  const given = jamRows(across, across.body, numbers, sums)
  const body = hoist(given.body, numbers)
  const all = new Map(elements)
  for (const b of given.scratch) if (!all.has(b)) all.set(b, b.element === "int" ? "i32" : "f64")
  const bounds = new Bounds(given, body)
  const known = isWide ? all : shorten({ ...given, body }, all, new Set(sums!.made), bounds)
  return { kernel: { ...given, body: new Splitter(numbers, isWide, bounds).block(body) }, elements: known }
}

/** Most additions one after another to a sum of f32, before it is added to one of f64. */
const SHORT = 32

class Splitter {
  private readonly numbers: Numbers
  private readonly isWide: boolean
  private readonly bounds: Bounds

  constructor(numbers: Numbers, isWide: boolean, bounds: Bounds) {
    this.numbers = numbers
    this.isWide = isWide
    this.bounds = bounds
  }

  block(body: readonly Stmt[]): Stmt[] {
    return body.flatMap((s) => this.statement(s))
  }

  private statement(s: Stmt): Stmt[] {
    if (s.kind === "if") return [{ ...s, then: this.block(s.then), else: this.block(s.else) }]
    if (s.kind !== "for") return [s]
    if (s.rows) return [this.inChunks({ ...s, ...(this.isShort(s) && { short: true }) }, LANES)]
    if (s.step) return [{ ...s, body: this.block(s.body) }]
    if (mayRunAtOnce(s, this.bounds)) {
      const switched = unswitch(s, this.numbers)
      return switched ? this.block([switched]) : this.lanes(s)
    }
    const inner = onlyInner(s)
    const count = inner ? this.jammed(inner) : 1
    if (count === 1 || !inner || !mayRunAtOnce(inner, this.bounds) || !jammable(s))
      return [{ ...s, body: this.block(s.body) }]
    return jam(
      s,
      count,
      this.numbers,
      (jammed) => this.lanes(jammed),
      (rest) => (rest.kind === "for" ? [{ ...rest, body: this.block(rest.body) }] : [rest]),
    )
  }

  private sums(s: Loop): number {
    return sumsOf(s.body, this.numbers).length
  }

  /** Iterations of an outer loop that share the loads of its inner loop: as many as have registers for their sums. */
  private jammed(inner: Loop): number {
    return Math.max(1, Math.min(JAMMED, Math.floor(SUMS / Math.max(1, this.sums(inner)))))
  }

  /** Whether sums of a loop in lanes may be of f32: the loop adds to each a few times at most. */
  private isShort(s: Loop): boolean {
    const sums = sumsOf(s.body, this.numbers)
    const inside = loopsIn(s.body).flatMap(({ body }) => [...updatedIn(body).keys()])
    return !this.isWide && sums.length > 0 && sums.every((acc) => !inside.includes(acc))
  }

  private lanes(s: Loop): Stmt[] {
    return distribute(s, this.numbers).flatMap((part) => this.inLanes(straightened(part, this.numbers)))
  }

  /** A loop in lanes, several vectors after one another where they are cheap, and a loop for the rest. */
  private inLanes(s: Loop): Stmt[] {
    const { numbers } = this
    const before = new Copier(numbers, new Set())
    const count = this.sums(s) > JAMMED ? 1 : copiesOf(s)
    const end = groupsEnd(s, LANES, before)
    const single: Loop = { ...s, to: end, lanes: LANES, ...(this.isShort(s) && { short: true }) }
    if (count === 1) return [...before.out, this.inChunks(single, LANES), ...rest(s, end, numbers)]
    const middle = groupsEnd(s, count * LANES, before)
    const main = several({ ...single, to: middle }, count, numbers)
    return [
      ...before.out,
      this.inChunks(main, count * LANES),
      ...rest(single, middle, numbers),
      ...rest(s, end, numbers),
    ]
  }

  /** A loop that adds in f32 as a loop of as many iterations as that keeps digits for, inside another. */
  private inChunks(s: Loop, step: number): Stmt {
    if (!s.short) return s
    const length = literal(SHORT * step)
    const id = this.numbers.value()
    const inside = new Copier(this.numbers, new Set())
    // In this order nothing exceeds the end of the loop, so 32 bits suffice.
    const left = inside.int("min", inside.int("sub", s.to, valueOf(id)), length)
    const to = inside.int("add", valueOf(id), left)
    const { outlined, ...inner } = s
    const body = [...inside.out, { ...inner, from: valueOf(id), to }]
    const { from, axis } = s
    return { kind: "for", id, from, to: s.to, step: length, axis, body, ...(outlined && { outlined }) }
  }
}

/** The sums of reals of all iterations of a loop. */
const sumsOf = (body: readonly Stmt[], numbers: Numbers): number[] =>
  [...combinable(body)].flatMap(([acc, op]) =>
    op === "add" && numbers.accs.get(acc) === "real" ? [acc] : [],
  )

const cost = (s: Stmt): number => (s.kind === "let" ? (ops[s.op].cost ?? 1) : 1)

/** How many vectors an iteration handles: the fewer operations each has, the more the loop itself costs. */
function copiesOf({ body }: Loop): number {
  const isStraight = body.every((s) => s.kind !== "if")
  const own = weight(body, cost)
  return !isStraight || own > 60 ? 1 : own > 30 ? 2 : 4
}

/** An iteration of several vectors. What they add to one sum is added up first, which no vector waits for. */
function several(s: Loop, count: number, numbers: Numbers): Loop {
  const id = numbers.value()
  const copier = new Copier(numbers, writtenIn(s.body))
  const sums = new Map(sumsOf(s.body, numbers).map((acc): [number, Operand[]] => [acc, []]))
  for (let k = 0; k < count; k++) {
    copier.substitute(s.id, copier.int("add", valueOf(id), literal(k * LANES)))
    for (const x of s.body)
      if (x.kind === "update" && sums.has(x.acc)) sums.get(x.acc)!.push(copier.operand(x.value))
      else copier.copy([x])
  }
  for (const [acc, values] of sums)
    copier.out.push({ kind: "update", acc, op: "add", value: copier.balanced("add", values) })
  return { ...s, id, step: literal(count * LANES), lanes: LANES, body: copier.out }
}

/** The loops that run in lanes. */
const lanesIn = (body: readonly Stmt[], bounds: Bounds): readonly Loop[] =>
  body.flatMap((s): readonly Loop[] => {
    if (s.kind === "if") return [...lanesIn(s.then, bounds), ...lanesIn(s.else, bounds)]
    if (s.kind !== "for") return []
    return s.rows || mayRunAtOnce(s, bounds) ? [s] : lanesIn(s.body, bounds)
  })

/** Arrays that an innermost loop reads at other places than it writes: steps of a recurrence, whose errors would pile up. */
function steppedIn(loop: Loop): ReadonlySet<Buffer> {
  const out = new Set<Buffer>()
  for (const { body } of [loop, ...loopsIn(loop.body)]) {
    if (loopsIn(body).length > 0) continue
    const stores: Extract<Stmt, { kind: "store" }>[] = []
    forEachStatement(body, (s) => {
      if (s.kind === "store") stores.push(s)
    })
    forEachStatement(body, (s) => {
      if (s.kind === "load" && stores.some((x) => x.buffer === s.buffer && !sameOperand(x.at, s.at)))
        out.add(s.buffer)
    })
  }
  return out
}

/** Arrays whose elements are tested for equality. What a rest of a loop computed in f64 must be there as it was. */
function comparedIn(body: readonly Stmt[]): Set<Buffer> {
  const read = new Map<number, Buffer>()
  const out = new Set<Buffer>()
  forEachStatement(body, (s) => {
    if (s.kind === "load" && s.type === "real") read.set(s.id, s.buffer)
    if (s.kind !== "let" || (s.op !== "eq" && s.op !== "ne")) return
    for (const x of s.args) if (x.kind === "value" && read.has(x.id)) out.add(read.get(x.id)!)
  })
  return out
}

/** Scratch that loops in lanes alone write, and with numbers of f32 only; to some of it they may add. */
function shorten(
  kernel: Kernel,
  elements: Surroundings["elements"],
  sums: ReadonlySet<Buffer>,
  bounds: Bounds,
): Surroundings["elements"] {
  const chosen = lanesIn(kernel.body, bounds)
  const inside = new Set<Stmt>()
  for (const loop of chosen) forEachStatement(loop.body, (s) => inside.add(s))
  const steps = new Set(chosen.flatMap((loop) => [...steppedIn(loop)]))
  const short = new Set(kernel.scratch.filter((b) => b.element === "f64" && !steps.has(b)))
  forEachStatement(kernel.body, (s) => {
    if (s.kind === "store" && ((s.accumulate && !sums.has(s.buffer)) || !inside.has(s)))
      short.delete(s.buffer)
    if (s.kind === "sort") short.delete(s.keys)
    if (s.kind === "fill" && Math.fround(s.value) !== s.value) short.delete(s.buffer)
  })
  for (const b of comparedIn(kernel.body)) short.delete(b)
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
