// Kernel -> the same where a nest of loops whose iterations may run at once is one loop, so that threads go to all iterations.
//
// The indices are recovered from that of the one loop by division and remainder, and what stands between the loops is computed
// in each iteration anew. The iterations are no more than the elements of an array of the nest, so that 32 bits count them.
import { Places } from "../blocks/places.ts"
import type { Kernel, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import {
  type Loop,
  Numbers,
  definedIn,
  isElementary,
  literal,
  loopsIn,
  valueOf,
  writtenIn,
} from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { Sizes } from "../unroll/sizes.ts"
import { forEachStatement } from "../walk.ts"

/** Collapses the nests of a kernel whose loops are marked. */
export function collapsed(kernel: Kernel): Kernel {
  const collapse = new Collapse(kernel)
  const body = collapse.block(kernel.body)
  return { ...kernel, sizes: collapse.sizes.values, body }
}

type Acc = Extract<Stmt, { kind: "acc" }>

/** A loop of a nest: what each iteration computes, the sums it makes in the loop inside, and what it adds them to. */
interface Level {
  readonly loop: Loop
  readonly before: readonly Stmt[]
  readonly sums: readonly Acc[]
  readonly inner: Stmt | undefined
  readonly after: readonly Stmt[]
}

/**
 * A loop as a level. A sum over the loop inside that is only added to a sum outside, times what does not change in the nest, is
 * the same as one sum over all: its declaration goes before the nest, and what is done with it after. `inside` are the numbers
 * that the nest defines.
 */
function levelOf(loop: Loop, inside: ReadonlySet<number>): Level {
  const at = loop.body.findIndex((s) => s.kind === "for")
  const inner = loop.body[at]
  if (inner?.kind !== "for") return { loop, before: [], sums: [], inner: undefined, after: [] }
  const [before, after] = [loop.body.slice(0, at), loop.body.slice(at + 1)]
  const combined = combinable(inner.body)
  const isSum = (s: Stmt): s is Acc =>
    s.kind === "acc" && s.initial.kind === "number" && s.initial.value === 0 && combined.get(s.id) === "add"
  const sums = before.filter(isSum)
  if (!isLinear(after, sums, inside)) return { loop, before, sums: [], inner: undefined, after: [] }
  return { loop, before: before.filter((s) => !isSum(s)), sums, inner, after }
}

/** The ways in which an operator is linear in some arguments while the others are fixed. */
const linear: Partial<Record<OpName, readonly (readonly ("sum" | "fixed")[])[]>> = {
  add: [["sum", "sum"]],
  sub: [["sum", "sum"]],
  mul: [
    ["sum", "fixed"],
    ["fixed", "sum"],
  ],
  div: [["sum", "fixed"]],
  ratio: [["sum", "fixed"]],
  guard: [["fixed", "sum"]],
  neg: [["sum"]],
}

/** Whether statements only add multiples of sums to what is outside, by factors that are not among the values inside. */
function isLinear(body: readonly Stmt[], sums: readonly Acc[], inside: ReadonlySet<number>): boolean {
  const multiples = new Set(sums.map(({ id }) => id))
  const fixed = new Set<number>()
  const is = {
    sum: (x: Operand) => x.kind === "value" && multiples.has(x.id),
    fixed: (x: Operand) => x.kind === "number" || fixed.has(x.id) || !inside.has(x.id),
  }
  return body.every((s) => {
    if (s.kind === "update") return s.op === "add" && is.sum(s.value) && !inside.has(s.acc)
    if (s.kind !== "let") return false
    const isMultiple = linear[s.op]?.some((way) => way.every((kind, i) => is[kind](s.args[i]!)))
    if (s.args.every(is.fixed)) fixed.add(s.id)
    else if (isMultiple) multiples.add(s.id)
    else return false
    return true
  })
}

/** Collapses the nests of one kernel. */
export class Collapse {
  /** Those of the kernel, and numbers of iterations. */
  readonly sizes: Sizes
  readonly places: Places
  private readonly numbers: Numbers
  private readonly known: ReadonlySet<number>

  constructor(kernel: Kernel) {
    this.places = new Places(kernel)
    this.numbers = new Numbers(kernel)
    this.sizes = new Sizes(kernel, this.numbers)
    this.known = new Set(kernel.sizes.map(({ id }) => id))
  }

  block(body: readonly Stmt[]): readonly Stmt[] {
    return body.flatMap((s): readonly Stmt[] => {
      if (s.kind === "if")
        return [Object.assign({}, s, { then: this.block(s.then), else: this.block(s.else) })]
      return s.kind === "for" && s.apart ? this.nest(s) : [s]
    })
  }

  /** The loops that become one with an outermost loop, itself first. */
  nestOf(outermost: Loop): readonly Level[] {
    const written = writtenIn(outermost.body)
    const nest: Level[] = []
    const inside = definedIn([outermost])
    for (
      let loop: Stmt | undefined = outermost;
      loop?.kind === "for" && loop.apart && this.isCounted(loop);
    ) {
      const level: Level = levelOf(loop, inside)
      nest.push(level)
      for (const { id } of level.sums) inside.delete(id)
      const isCheap = level.before.every(
        (s) => (s.kind === "let" && !isElementary(s)) || (s.kind === "load" && !written.has(s.buffer)),
      )
      loop = isCheap ? level.inner : undefined
    }
    // A row of memory that is gone through again and again is for the threads of a workgroup side by side.
    const innermost = nest.at(-1)?.loop
    if (innermost && loopsIn(innermost.body).length > 0 && this.isAlong(innermost)) nest.pop()
    while (nest.length > 1 && !this.hasArray(nest.map(({ loop }) => loop))) nest.pop()
    return nest
  }

  private nest(outermost: Loop): readonly Stmt[] {
    const nest = this.nestOf(outermost)
    if (nest.length < 2) return [outermost]
    const index = this.numbers.value()
    const indices: Stmt[] = []
    let rest: Operand = valueOf(index)
    nest.toReversed().forEach(({ loop }, k) => {
      if (k === nest.length - 1) return
      const own = k === nest.length - 2 ? outermost.id : this.numbers.value()
      indices.push({ kind: "let", id: loop.id, op: "mod", args: [rest, loop.to], type: "int" })
      indices.push({ kind: "let", id: own, op: "idiv", args: [rest, loop.to], type: "int" })
      rest = valueOf(own)
    })
    const outer = nest.slice(0, -1)
    return [
      ...outer.flatMap(({ sums }) => sums),
      {
        kind: "for",
        id: index,
        from: literal(0),
        to: this.product(nest.map(({ loop }) => loop.to)),
        body: [...indices, ...outer.flatMap(({ before }) => before), ...nest.at(-1)!.loop.body],
        axis: nest.map(({ loop }) => loop.axis).join(" "),
        apart: true,
        ...(outermost.way && { way: outermost.way }),
      },
      ...outer.toReversed().flatMap(({ after }) => after),
    ]
  }

  /** Whether a loop counts from 0 to a number that the host knows. */
  isCounted({ from, to }: Loop): boolean {
    return from.kind === "number" && from.value === 0 && (to.kind === "number" || this.known.has(to.id))
  }

  /** Whether the elements of an array that a loop goes through follow one another. */
  private isAlong(loop: Loop): boolean {
    let found = false
    forEachStatement(loop.body, (s) => {
      if ((s.kind === "load" || s.kind === "store") && this.places.isAlong(s.at, loop)) found = true
    })
    return found
  }

  /** Whether each iteration of a nest has an element of some array for itself. */
  private hasArray(nest: readonly Loop[]): boolean {
    let found = false
    forEachStatement(nest, (s) => {
      if (s.kind === "load" || s.kind === "store")
        found ||= nest.every((loop) => this.places.digit(s.at, loop) !== undefined)
    })
    return found
  }

  private product(factors: readonly Operand[]): Operand {
    return factors.reduce((x, y) => this.sizes.op("mul", x, y))
  }
}
