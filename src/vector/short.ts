// Loops that only add to the elements of an array -> they add to one of f32 for some iterations, which is added to the array then.
//
// That saves most of the memory and of the conversions that sums of f64 cost, and loses no more digits than the numbers that are
// added have lost.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  type Numbers,
  letsIn,
  literal,
  loopsIn,
  sameOperand,
  valueOf,
  writtenIn,
} from "../unroll/facts.ts"
import { isRowMajor, jammable, onlyInner } from "../unroll/jam.ts"
import { forEachStatement, replaceStatements } from "../walk.ts"

/** An array that a loop only adds to: elements from `base` on, as many as `length`. */
interface Added {
  readonly buffer: Buffer
  readonly base: Operand
  readonly length: Operand
}
type Store = Extract<Stmt, { kind: "store" }>

/** Makes arrays of f32, and remembers them. */
export class ShortSums {
  readonly made: Buffer[] = []
  private readonly numbers: Numbers
  private readonly kernel: Kernel

  constructor(kernel: Kernel, numbers: Numbers) {
    this.kernel = kernel
    this.numbers = numbers
  }

  /** A loop around one innermost loop that adds to a whole array each time. */
  pairs(s: Loop, iterations: number): readonly Stmt[] {
    if (!jammable(s)) return [s]
    const inner = onlyInner(s)!
    const added = this.storesOf(s.body).flatMap((x): Added[] =>
      inner.body.includes(x) &&
      sameOperand(x.at, valueOf(inner.id)) &&
      isAll(inner) &&
      sameOperand(inner.to, x.buffer.length)
        ? [{ buffer: x.buffer, base: literal(0), length: inner.to }]
        : [],
    )
    return this.inChunks(s, added, iterations, (loop) => [loop])
  }

  /** A loop over rows that add to a whole matrix each time; `make` changes the loop of a chunk. */
  rows(s: Loop, iterations: number, make: (loop: Loop) => readonly Stmt[]): readonly Stmt[] {
    const lets = letsIn(s.body)
    const added = this.storesOf(s.body).flatMap((x): Added[] => {
      const made = x.at.kind === "value" ? lets.get(x.at.id) : undefined
      const [base, place] = made?.args ?? []
      if (made?.op !== "add" || !base || !place || (base.kind === "value" && lets.has(base.id))) return []
      for (const outer of loopsIn(s.body)) {
        const inner = onlyInner(outer)
        if (!inner?.body.includes(x) || !isAll(outer) || !isRowMajor(place, outer, inner, lets)) continue
        const length = this.product(outer.to, inner.to)
        if (length) return [{ buffer: x.buffer, base, length }]
      }
      return []
    })
    return this.inChunks(s, added, iterations, make)
  }

  /** The only statements that touch an array of scratch, where they add to it. */
  private storesOf(body: readonly Stmt[]): readonly Store[] {
    const users = new Map<Buffer, Stmt[]>()
    const use = (b: Buffer, s: Stmt): void => void users.set(b, [...(users.get(b) ?? []), s])
    forEachStatement(body, (s) => {
      if (s.kind === "load" || s.kind === "store" || s.kind === "fill") use(s.buffer, s)
      if (s.kind === "sort") [s.keys, s.index].forEach((b) => use(b, s))
    })
    return [...users].flatMap(([{ kind, element }, [s, ...more]]) =>
      kind === "scratch" && element === "f64" && more.length === 0 && s?.kind === "store" && s.accumulate
        ? [s]
        : [],
    )
  }

  private product(x: Operand, y: Operand): Operand | undefined {
    const size = this.kernel.sizes.find(
      ({ value }) =>
        value.kind === "op" &&
        value.op === "mul" &&
        [
          [x, y],
          [y, x],
        ].some((args) => args.every((arg, i) => sameOperand(arg, value.args[i]!))),
    )
    return size && valueOf(size.id)
  }

  private inChunks(
    s: Loop,
    added: readonly Added[],
    iterations: number,
    make: (loop: Loop) => readonly Stmt[],
  ): readonly Stmt[] {
    if (added.length === 0) return make(s)
    const { numbers } = this
    const own = new Map(added.map(({ buffer, length }) => [buffer, this.short(length)]))
    const lets = letsIn(s.body)
    const body = replaceStatements(s.body, (x) => {
      const buffer = x.kind === "store" ? own.get(x.buffer) : undefined
      if (x.kind !== "store" || !buffer) return [x]
      const { base } = added.find((one) => one.buffer === x.buffer)!
      const made = x.at.kind === "value" ? lets.get(x.at.id) : undefined
      return [{ ...x, buffer, at: made && sameOperand(made.args[0]!, base) ? made.args[1]! : x.at }]
    })
    const id = numbers.value()
    const chunk = new Copier(numbers, writtenIn(body))
    // In this order nothing exceeds the end of the loop, so 32 bits suffice.
    const left = chunk.int("min", chunk.int("sub", s.to, valueOf(id)), literal(iterations))
    const to = chunk.int("add", valueOf(id), left)
    for (const { buffer, length } of added)
      chunk.out.push({ kind: "fill", buffer: own.get(buffer)!, at: literal(0), length, value: 0 })
    chunk.out.push(...make({ ...s, from: valueOf(id), to, body }))
    for (const one of added) chunk.out.push(this.flush(one, own.get(one.buffer)!, s.axis))
    return [{ ...s, id, step: literal(iterations), body: chunk.out }]
  }

  private short(length: Operand): Buffer {
    const buffer: Buffer = { id: this.numbers.value(), kind: "scratch", element: "f64", length }
    this.made.push(buffer)
    return buffer
  }

  /** Adds what a chunk added up. */
  private flush({ buffer, base, length }: Added, from: Buffer, axis: string): Stmt {
    const id = this.numbers.value()
    const inside = new Copier(this.numbers, new Set())
    const value = this.numbers.value()
    inside.out.push({ kind: "load", id: value, buffer: from, at: valueOf(id), type: "real" })
    const at = inside.int("add", base, valueOf(id))
    inside.out.push({ kind: "store", buffer, at, value: valueOf(value), accumulate: true })
    return { kind: "for", id, from: literal(0), to: length, axis, body: inside.out }
  }
}

/** Whether a loop starts at 0. */
const isAll = ({ from, step }: Loop): boolean => !step && from.kind === "number" && from.value === 0
