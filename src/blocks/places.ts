// Places in arrays as sums of products, and the proof that iterations of a loop stay apart.
//
// In an array over [i, j, k] an element stands at (i * n + j) * m + k. Two iterations of the loop over j never meet there: what
// is added to j * m is at least 0 and below m, which follows from the range of k, or a multiple of n * m.
import type { Expr } from "../ir.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import type { Input } from "../types.ts"
import { type Loop, definedIn, sameOperand, writtenIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import {
  ONE,
  type Product,
  type Sum,
  add,
  constant,
  isMultiple,
  keyOf,
  multiply,
  product,
  quotient,
  sameSum,
} from "./products.ts"

const isZero = (x: Operand): boolean => x.kind === "number" && x.value === 0

const keyOfOperands = (...list: readonly Operand[]): string =>
  list.map((x) => (x.kind === "number" ? x.value : `v${x.id}`)).join()

/** Reads the places of one kernel. */
export class Places {
  private readonly sums = new Map<number, Sum>()
  /** Values from 0 to below a sum. */
  private readonly below = new Map<number, Sum>()
  /** The remainders of divisions by their operands. */
  private readonly remainders = new Map<string, number>()
  private readonly sizes = new Map<string, number>()
  /** Values that are computed from sizes alone. */
  private readonly fixed = new Set<number>()
  /** Conditions that a number is not 0. */
  private readonly notZero = new Map<number, Operand>()
  /** Arrays that hold sorted orders. */
  private readonly orders = new Set<Buffer>()
  /** Indices that are read from such an array, and where. */
  private readonly sorted = new Map<number, { readonly order: Buffer; readonly at: Sum }>()

  constructor(kernel: Kernel) {
    for (const { id, value } of kernel.sizes) {
      this.fixed.add(id)
      if (value.kind === "size") this.sizes.set(value.name, id)
      else if (value.op === "mul")
        this.sums.set(id, multiply(this.sumOf(value.args[0]!), this.sumOf(value.args[1]!)))
    }
    for (const { id, input } of kernel.scalars) this.noteLabel(id, input)
    forEachStatement(kernel.body, (s) => this.read(s))
  }

  /** A label is a place on its axis: a call has checked those that are read. */
  private noteLabel(id: number, { label }: Input): void {
    const extent = label && this.extentOf(label.extent)
    if (extent) this.below.set(id, extent)
  }

  private read(s: Stmt): void {
    if (s.kind === "for" && this.isPositive(s.from)) this.below.set(s.id, this.sumOf(s.to))
    if (s.kind === "sort") this.orders.add(s.index)
    if (s.kind === "load" && this.orders.has(s.buffer))
      this.sorted.set(s.id, { order: s.buffer, at: this.sumOf(s.at) })
    if (s.kind === "load" && s.buffer.input) this.noteLabel(s.id, s.buffer.input)
    if (s.kind === "let" && s.op === "ne" && isZero(s.args[0]!)) this.notZero.set(s.id, s.args[1]!)
    if (s.kind !== "let" || s.type !== "int") return
    const [x, y] = s.args as [Operand, Operand]
    const reversed = s.op === "sub" && y.kind === "value" ? this.below.get(y.id) : undefined
    if (reversed && sameSum(this.sumOf(x), add(reversed, constant(1), -1))) {
      this.below.set(s.id, reversed)
      return
    }
    if (s.op === "add" || s.op === "sub")
      this.sums.set(s.id, add(this.sumOf(x), this.sumOf(y), s.op === "add" ? 1 : -1))
    if (s.op === "mul") this.sums.set(s.id, multiply(this.sumOf(x), this.sumOf(y)))
    if (s.op === "mod") this.remainders.set(keyOfOperands(x, y), s.id)
    // x mod y is x less y times the whole part of x / y.
    const remainder = s.op === "idiv" ? this.remainders.get(keyOfOperands(x, y)) : undefined
    if (remainder !== undefined) {
      const whole = multiply(this.sumOf(y), [{ times: 1, factors: [s.id] }])
      this.sums.set(remainder, add(this.sumOf(x), whole, -1))
    }
  }

  private isPositive(x: Operand): boolean {
    if (x.kind === "number") return x.value >= 0
    return this.below.has(x.id) || (this.sums.get(x.id)?.every((t) => this.isPositiveProduct(t)) ?? false)
  }

  private isPositiveProduct({ times, factors }: Product): boolean {
    const sizes = new Set(this.sizes.values())
    return times > 0 && factors.every((f) => this.below.has(f) || sizes.has(f))
  }

  private extentOf(e: Expr): Sum | undefined {
    if (e.kind === "const") return constant(e.value)
    const size = e.kind === "size" ? this.sizes.get(e.name) : undefined
    return size === undefined ? undefined : [{ times: 1, factors: [size] }]
  }

  private sumOf(x: Operand): Sum {
    if (x.kind === "number") return constant(x.value)
    return this.sums.get(x.id) ?? [{ times: 1, factors: [x.id] }]
  }

  /**
   * Where in a place the index of a loop stands, as text to compare, if the elements from there on, as many as `length`, belong to
   * one iteration alone: elements of places that agree in it belong to different iterations if these differ.
   */
  digit(at: Operand, loop: Loop, length: Operand = { kind: "number", value: 1 }): string | undefined {
    const all = this.sumOf(at)
    const own = all.filter(({ factors }) => factors.includes(loop.id))
    const [extent, ...more] = this.sumOf(loop.to)
    if (own.length !== 1 || !extent || more.length > 0 || !this.below.has(loop.id)) return undefined
    const step = quotient(own[0]!, { times: 1, factors: [loop.id] })
    if (!step?.factors.every((f) => this.fixed.has(f))) return undefined
    const next = product(step, extent)
    const smaller: { readonly step: Product; readonly extent: Sum }[] = []
    for (const term of all) {
      if (term === own[0]) continue
      const other = this.within(term)
      if (!quotient(other.step, next)) smaller.push(other)
    }
    if (!(length.kind === "number" && length.value === 1))
      smaller.push({ step: ONE, extent: this.sumOf(length) })
    const size = ({ factors, times }: Product): number => factors.length + (times > 1 ? 0.5 : 0)
    smaller.sort((x, y) => size(x.step) - size(y.step))
    // What stands at smaller steps stays below `span`.
    let span = ONE
    for (const { step, extent } of smaller) {
      if (extent.length !== 1 || !quotient(step, span)) return undefined
      span = product(step, extent[0]!)
    }
    return quotient(step, span) ? `${step.times}*${keyOf(step)}` : undefined
  }

  /** Whether all of an array is parts of one length, each for an iteration of a loop, and a place is in that of its iteration. */
  isPart(at: Operand, loop: Loop, all: Operand, length?: Operand): boolean {
    if (this.digit(at, loop, length) === undefined) return false
    const own = this.sumOf(at).find(({ factors }) => factors.includes(loop.id))!
    const step = quotient(own, { times: 1, factors: [loop.id] })!
    return sameSum(multiply([step], this.sumOf(loop.to)), this.sumOf(all))
  }

  /**
   * The same by the axes of an array, whose indices stay in them: the place of the axis whose index is that of the loop, or what a
   * sorted order holds there, and of nothing else. A term belongs to the outermost axis of whose step it is a multiple.
   */
  axis(at: Operand, loop: Loop, extents: readonly Operand[], length?: Operand): string | undefined {
    const sums = extents.map((x) => this.sumOf(x))
    if (sums.some((sum) => sum.length !== 1) || !this.below.has(loop.id)) return undefined
    const steps = sums.map((_, k) => sums.slice(k + 1).reduce((x, [y]) => product(x, y!), ONE))
    const all = this.sumOf(at)
    const [own, ...more] = all.flatMap((term) =>
      term.factors
        .map((id) => ({ term, id, name: this.distinct(id, loop) }))
        .filter((x) => x.name !== undefined),
    )
    if (!own || more.length > 0) return undefined
    const axisOf = (term: Product): number => steps.findIndex((step) => isMultiple(term, step))
    const k = axisOf(own.term)
    const isIndex = keyOf(quotient(own.term, steps[k]!) ?? ONE) === String(own.id)
    const isAlone = all.every((term) => term === own.term || axisOf(term) !== k)
    // As many elements as one step of the axis stay at its place if they start where that does.
    const isInside =
      !length || (sameSum(this.sumOf(length), [steps[k]!]) && all.every((term) => axisOf(term) <= k))
    const isWhole = own.id !== loop.id || sameSum(sums[k]!, this.sumOf(loop.to))
    return isIndex && isAlone && isWhole && isInside && own.term.times === steps[k]!.times
      ? `axis ${k}${own.name}`
      : undefined
  }

  /** What a value is called if it is another one in each iteration of a loop: the index itself, or what an order holds there. */
  private distinct(id: number, loop: Loop): string | undefined {
    if (id === loop.id) return ""
    const sorted = this.sorted.get(id)
    if (!sorted || writtenIn(loop.body).has(sorted.order)) return undefined
    const inside = definedIn(loop.body)
    const rest = add(sorted.at, [{ times: 1, factors: [loop.id] }], -1)
    const isFixed = rest.every(({ factors }) => factors.every((f) => f !== loop.id && !inside.has(f)))
    return isFixed
      ? ` by ${sorted.order.id} from ${rest.map((t) => `${t.times}*${keyOf(t)}`).join("+")}`
      : undefined
  }

  /** Whether a condition says that a loop has iterations, which holds in each of them. */
  saysNotEmpty(condition: Operand, loop: Loop): boolean {
    const extent = condition.kind === "value" ? this.notZero.get(condition.id) : undefined
    return extent !== undefined && isZero(loop.from) && sameOperand(extent, loop.to)
  }

  /** Whether a place moves on by one element with the index of a loop. */
  isAlong(at: Operand, loop: Loop): boolean {
    const own = this.sumOf(at).filter(({ factors }) => factors.includes(loop.id))
    return own.length === 1 && own[0]!.times === 1 && own[0]!.factors.length === 1
  }

  /** Whether a place is the index of a loop. */
  isIndex(at: Operand, loop: Loop): boolean {
    return this.isAlong(at, loop) && this.sumOf(at).length === 1
  }

  /**
   * Whether as many elements of an array from a place on as `to` is a multiple of start at a multiple of it, where the loop that
   * moves along them ends at `to`: all of the place but the index is then a multiple of `to`, and so is the whole array.
   */
  isAligned(at: Operand, loop: Loop, all: Operand): boolean {
    const [extent, ...more] = this.sumOf(loop.to)
    if (!extent || more.length > 0) return false
    const isRest = (term: Product): boolean => term.factors.length !== 1 || term.factors[0] !== loop.id
    return [...this.sumOf(at).filter(isRest), ...this.sumOf(all)].every((term) => isMultiple(term, extent))
  }

  /** A term as a step and the number of steps it may take. */
  private within(term: Product): { readonly step: Product; readonly extent: Sum } {
    const index = term.factors.find((f) => this.below.has(f))
    if (index === undefined)
      return { step: ONE, extent: term.factors.length === 0 ? constant(term.times + 1) : [] }
    return {
      step: quotient(term, { times: 1, factors: [index] }) ?? { times: NaN, factors: [] },
      extent: this.below.get(index)!,
    }
  }
}
