// Loops -> the same with the outermost cut into blocks: a loop over blocks whose iterations may run at once, and loops that
// combine what the blocks added up, in their order.
//
// A block has an accumulator of its own for each outside, and stores it in an array behind the others'. An array that iterations
// add to at the same places becomes longer: the first block adds to the array itself, each other block to a copy behind it.
import { type Combining, type Cut, blocksOf, isCut } from "../blocks.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import type { OpName } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  Numbers,
  type UpdateOp,
  identities,
  literal,
  touchedIn,
  valueOf,
} from "../unroll/facts.ts"
import { Sizes } from "../unroll/sizes.ts"
import { replaceStatements } from "../walk.ts"

/** How large blocks are. They depend on sizes and on nothing else. */
export interface BlockSizes {
  /** Elements that a block handles if it has more rows than the fewest. */
  readonly elements: number
  /** Of so many rows all blocks but the last have a multiple. */
  readonly rows: number
  /** The same where there would be few blocks, for rows that share arrays. Those that share none may be blocks of their own. */
  readonly together: number
  /** So many blocks are not few. */
  readonly many: number
  /** A block does at least as many times the work that its copies of arrays cost. */
  readonly worth: number
  /** Most elements of all copies of arrays together. */
  readonly copied: number
}

/**
 * Large enough that to hand a block to another thread costs nothing beside it, and for vectors of many rows; `together` is how
 * many rows are jammed to load what they share once.
 */
export const blockSizes: BlockSizes = {
  elements: 2 ** 14,
  rows: 16,
  together: 4,
  many: 16,
  worth: 32,
  copied: 2 ** 22,
}

/** Iterations that are taken for those of a loop whose end is computed inside another. */
const UNKNOWN = 16

/** Cuts every outermost loop that can be. */
export function cut(kernel: Kernel, sizes: BlockSizes = blockSizes): Kernel {
  return new Cutter(kernel, sizes).kernel()
}

class Cutter {
  private readonly given: Kernel
  private readonly limits: BlockSizes
  private readonly numbers: Numbers
  private readonly sizes: Sizes
  private readonly scratch: Buffer[]
  /** Arrays that become longer. */
  private readonly longer = new Map<Buffer, Buffer>()

  constructor(kernel: Kernel, limits: BlockSizes) {
    this.given = kernel
    this.limits = limits
    this.numbers = new Numbers(kernel)
    this.sizes = new Sizes(kernel, this.numbers)
    this.scratch = [...kernel.scratch]
  }

  kernel(): Kernel {
    const blocks = blocksOf(this.given)
    const visit = (body: readonly Stmt[]): readonly Stmt[] =>
      body.flatMap((s): readonly Stmt[] => {
        if (s.kind === "if") return [Object.assign({}, s, { then: visit(s.then), else: visit(s.else) })]
        const how = s.kind === "for" ? blocks.get(s) : undefined
        return s.kind === "for" && how && isCut(how) ? this.cut(s, how) : [s]
      })
    const body = visit(this.given.body)
    const as = (b: Buffer): Buffer => this.longer.get(b) ?? b
    return {
      ...this.given,
      sizes: this.sizes.values,
      scratch: this.scratch.map(as),
      body: replaceStatements(body, (s) => {
        if (s.kind === "load" || s.kind === "store" || s.kind === "fill")
          return [{ ...s, buffer: as(s.buffer) }]
        if (s.kind === "sort") return [{ ...s, keys: as(s.keys), index: as(s.index) }]
        return [s]
      }),
    }
  }

  // ------------------------------------------------------------------------------------------- sizes

  private size(op: OpName, x: Operand, y: Operand): Operand {
    return this.sizes.op(op, x, y)
  }

  /** Rounded up. */
  private quotient(x: Operand, y: Operand): Operand {
    return this.size("idiv", this.size("add", x, this.size("sub", y, literal(1))), y)
  }

  /** About how many elements the loops of a block handle in all. */
  private work(body: readonly Stmt[]): Operand {
    let most: Operand = literal(1)
    const visit = (list: readonly Stmt[], around: Operand): void => {
      for (const s of list) {
        if (s.kind === "if") [s.then, s.else].forEach((side) => visit(side, around))
        if (s.kind !== "for") continue
        const isSize = s.to.kind === "number" || this.sizes.has(s.to)
        const inside = this.size(
          "mul",
          around,
          isSize ? this.size("max", s.to, literal(1)) : literal(UNKNOWN),
        )
        most = this.size("max", most, inside)
        visit(s.body, inside)
      }
    }
    visit(body, literal(1))
    return most
  }

  private rows(loop: Loop, length: Operand, { spread, parted, own }: Cut): Operand {
    const { elements, rows, together, many, worth, copied } = this.limits
    const work = this.work(loop.body)
    let groups = this.size("max", this.size("idiv", literal(elements / rows), work), literal(1))
    let fewest = this.size(
      "max",
      this.quotient(literal(elements), work),
      this.quotient(length, literal(many)),
    )
    if (spread.size > 0) {
      const total = [...spread.keys()].map((b) => b.length).reduce((x, y) => this.size("add", x, y))
      const paid = this.quotient(this.size("mul", total, literal(worth)), work)
      const small = this.quotient(this.size("mul", total, length), literal(copied))
      const most = this.size("max", paid, small)
      groups = this.size("max", groups, this.quotient(most, literal(rows)))
      fewest = this.size("max", fewest, most)
    }
    const isShared = [...touchedIn(loop.body)].some((b) => !parted.includes(b) && !own.includes(b))
    const unit = literal(isShared ? together : 1)
    const few = this.size("mul", this.quotient(fewest, unit), unit)
    // An empty loop has no blocks, whatever their size.
    return this.size("min", this.size("mul", groups, literal(rows)), this.size("max", few, literal(1)))
  }

  // ------------------------------------------------------------------------------------------- loops

  private cut(loop: Loop, how: Cut): readonly Stmt[] {
    const { numbers } = this
    const length = this.size("max", this.size("sub", loop.to, loop.from), literal(0))
    const step = this.rows(loop, length, how)
    const count = this.quotient(length, step)
    const id = numbers.value()
    const inside = new Copier(numbers, new Set())
    // In this order nothing exceeds the end of the loop, so 32 bits suffice.
    const to = inside.int(
      "add",
      valueOf(id),
      inside.int("min", inside.int("sub", loop.to, valueOf(id)), step),
    )
    const number = (): Operand => inside.int("idiv", inside.int("sub", valueOf(id), loop.from), step)
    const sums = [...how.sums].map(([acc, op]) => ({ acc, op, own: numbers.acc(this.typeOf(acc)) }))
    const partial = this.partials(sums.length, count)
    const before: Stmt[] = []
    const behind: Stmt[] = []
    sums.forEach(({ acc, op, own }, k) => {
      const first = this.size("mul", count, literal(k))
      const initial = literal(identityOf(op, this.typeOf(acc)))
      before.push({ kind: "acc", id: own, initial, type: this.typeOf(acc) })
      const at = inside.int("add", number(), first)
      behind.push({ kind: "store", buffer: partial!, at, value: valueOf(own) })
    })
    const bases = new Map<Buffer, Operand>()
    for (const [buffer, op] of how.spread) {
      const base = inside.int("mul", number(), buffer.length)
      bases.set(buffer, base)
      before.push(...this.cleared(buffer, op, base, number()))
      this.lengthen(buffer, this.size("mul", buffer.length, this.size("max", count, literal(1))))
    }
    const own = new Map(sums.map((s) => [s.acc, s.own]))
    const body = replaceStatements(loop.body, (s): readonly Stmt[] => {
      if (s.kind === "update") return [{ ...s, acc: own.get(s.acc) ?? s.acc }]
      if (s.kind !== "store" && s.kind !== "load") return [s]
      const base = bases.get(s.buffer)
      if (!base) return [s]
      const at = numbers.value()
      return [
        { kind: "let", id: at, op: "add", args: [base, s.at], type: "int" },
        { ...s, at: valueOf(at) },
      ]
    })
    const blocks: Stmt = {
      kind: "for",
      id,
      from: loop.from,
      to: loop.to,
      step,
      axis: loop.axis,
      blocks: { own: how.own, parted: how.parted },
      body: [...inside.out, ...before, { ...loop, from: valueOf(id), to, body }, ...behind],
    }
    return [
      blocks,
      ...(partial ? [this.combined(sums, partial, count, loop.axis)] : []),
      ...[...how.spread].map(([buffer, op]) => this.gathered(buffer, op, count, loop.axis)),
    ]
  }

  private lengthen(buffer: Buffer, length: Operand): void {
    const known = this.longer.get(buffer)
    this.longer.set(buffer, { ...buffer, length: known ? this.size("max", known.length, length) : length })
  }

  private typeOf(acc: number): ScalarType {
    return this.numbers.accs.get(acc)!
  }

  private partials(many: number, count: Operand): Buffer | undefined {
    if (many === 0) return undefined
    const length = this.size("mul", count, literal(many))
    const buffer: Buffer = { id: this.numbers.value(), kind: "scratch", element: "f64", length }
    this.scratch.push(buffer)
    return buffer
  }

  /** Makes the copy of a block ready to combine values in. The first block has none. */
  private cleared(buffer: Buffer, op: Combining, at: Operand, number: Operand): readonly Stmt[] {
    const condition = this.numbers.value()
    const fill: Stmt = { kind: "fill", buffer, at, length: buffer.length, value: identities[op]! }
    return [
      { kind: "let", id: condition, op: "lt", args: [literal(0), number], type: "bool" },
      Object.assign({ kind: "if" as const, condition: valueOf(condition), else: [] }, { then: [fill] }),
    ]
  }

  private combined(
    sums: readonly { readonly acc: number; readonly op: UpdateOp }[],
    partial: Buffer,
    count: Operand,
    axis: string,
  ): Stmt {
    const id = this.numbers.value()
    const inside = new Copier(this.numbers, new Set())
    const body = sums.flatMap(({ acc, op }, k): Stmt[] => {
      const at = inside.int("add", valueOf(id), this.size("mul", count, literal(k)))
      const value = this.numbers.value()
      return [
        { kind: "load", id: value, buffer: partial, at, type: this.typeOf(acc) },
        { kind: "update", acc, op, value: valueOf(value) },
      ]
    })
    return {
      kind: "for",
      id,
      from: literal(0),
      to: count,
      step: literal(1),
      body: [...inside.out, ...body],
      axis,
    }
  }

  /** Combines the copies of an array with it, in their order. */
  private gathered(buffer: Buffer, op: Combining, count: Operand, axis: string): Stmt {
    const { numbers } = this
    const [id, at] = [numbers.value(), numbers.value()]
    const outer = new Copier(numbers, new Set([buffer]))
    const base = outer.int("mul", valueOf(id), buffer.length)
    const inner = outer.inside()
    const from = inner.int("add", base, valueOf(at))
    const [value, old, both] = [numbers.value(), numbers.value(), numbers.value()]
    inner.out.push({ kind: "load", id: value, buffer, at: from, type: "real" })
    if (op === "add")
      inner.out.push({ kind: "store", buffer, at: valueOf(at), value: valueOf(value), accumulate: true })
    else
      inner.out.push(
        { kind: "load", id: old, buffer, at: valueOf(at), type: "real" },
        { kind: "let", id: both, op, args: [valueOf(old), valueOf(value)], type: "real" },
        { kind: "store", buffer, at: valueOf(at), value: valueOf(both) },
      )
    const elements: Stmt = { kind: "for", id: at, from: literal(0), to: buffer.length, axis, body: inner.out }
    const body = [...outer.out, elements]
    return { kind: "for", id, from: literal(1), to: count, axis, body }
  }
}

const identityOf = (op: UpdateOp, type: ScalarType): number =>
  type === "bool" ? (op === "min" || op === "mul" ? 1 : 0) : identities[op]!
