// Loops -> the same with arrays that have elements for each iteration, in place of what an iteration has for itself while it runs.
// Then a part of all iterations may come before the next part of any.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { type Loop, Numbers, type UpdateOp, identities, literal, valueOf } from "../unroll/facts.ts"
import { Sizes } from "../unroll/sizes.ts"
import { replaceStatements } from "../walk.ts"

/** Loops that leave partial results in arrays, and loops that combine these. */
export interface Sums {
  readonly loops: readonly [Loop, Loop]
  readonly arrays: readonly Buffer[]
}

/** Makes such arrays for one kernel. All loops count from 0. */
export class PerIteration {
  private readonly kernel: Kernel
  private readonly numbers: Numbers
  private readonly sizes: Sizes
  private scratch: Buffer[]

  constructor(kernel: Kernel) {
    this.kernel = kernel
    this.numbers = new Numbers(kernel)
    this.sizes = new Sizes(kernel, this.numbers)
    this.scratch = [...kernel.scratch]
  }

  /** The kernel with another body and the arrays made so far. */
  with(body: readonly Stmt[]): Kernel {
    return { ...this.kernel, sizes: this.sizes.values, scratch: this.scratch, body }
  }

  /** Declares the arrays of loops that become a part of the kernel. */
  keep({ arrays }: Sums): void {
    this.scratch.push(...arrays)
  }

  /** The last of some loops inside one another, with arrays that each iteration fills anew as arrays over the iterations. */
  arrays(loops: readonly Loop[], own: readonly Buffer[]): Loop {
    const loop = loops.at(-1)!
    const before: Stmt[] = []
    const row = this.index(loops, before)
    const rows = this.lengthOf(loops)
    const made = new Map(
      own.map((buffer) => {
        const { extents } = buffer
        const longer: Buffer = {
          ...buffer,
          id: this.numbers.value(),
          length: this.sizes.op("mul", rows, buffer.length),
          ...(extents && { extents: [...loops.map(({ to }) => to), ...extents] }),
        }
        this.scratch.push(longer)
        return [buffer, { longer, base: this.int("mul", row, buffer.length, before) }]
      }),
    )
    this.scratch = this.scratch.filter((buffer) => !made.has(buffer))
    const body = replaceStatements(loop.body, (s): readonly Stmt[] => {
      const out: Stmt[] = []
      const moved = (buffer: Buffer, at: Operand): Operand => {
        const { base } = made.get(buffer) ?? {}
        return base ? this.int("add", base, at, out) : at
      }
      const as = (buffer: Buffer): Buffer => made.get(buffer)?.longer ?? buffer
      if (s.kind === "load" || s.kind === "store" || s.kind === "fill")
        out.push({ ...s, buffer: as(s.buffer), at: moved(s.buffer, s.at) })
      else if (s.kind === "sort") {
        const [keysAt, indexAt] = [moved(s.keys, s.keysAt), moved(s.index, s.indexAt)]
        out.push({ ...s, keys: as(s.keys), keysAt, index: as(s.index), indexAt })
      } else out.push(s)
      return out
    })
    return { ...loop, body: [...before, ...body] }
  }

  /**
   * For accumulators that some loops inside one another combine values in: loops that leave what each iteration of the last of them
   * adds, and loops that add this up.
   */
  sums(path: readonly Loop[], around: readonly Loop[], combined: ReadonlyMap<number, UpdateOp>): Sums {
    const { numbers } = this
    const length = this.lengthOf([...around, ...path])
    const each = [...combined].map(([acc, op]) => {
      const buffer: Buffer = { id: numbers.value(), kind: "scratch", element: "f64", length }
      return { acc, op, buffer, own: numbers.acc("real") }
    })
    const own = new Map(each.map((one) => [one.acc, one.own]))
    const last = path.at(-1)!
    const [at, place] = this.place(around, path)
    const filled: Loop = {
      ...last,
      body: [
        ...each.map(({ op, own: id }): Stmt => ({
          kind: "acc",
          id,
          initial: literal(identities[op]!),
          type: "real",
        })),
        ...replaceStatements(last.body, (s) =>
          s.kind === "update" ? [{ ...s, acc: own.get(s.acc) ?? s.acc }] : [s],
        ),
        ...at,
        ...each.map(({ buffer, own: id }): Stmt => ({
          kind: "store",
          buffer,
          at: place,
          value: valueOf(id),
        })),
      ],
    }
    const first = path.reduceRight(
      (inner, loop) =>
        loop === last
          ? inner
          : { ...loop, body: loop.body.map((s) => (path.includes(s as Loop) ? inner : s)) },
      filled,
    )
    const again = path.map((loop): Loop => ({ ...loop, id: numbers.value(), body: [] }))
    const [places, same] = this.place(around, again)
    const sums = each.flatMap(({ acc, op, buffer }): Stmt[] => {
      const id = numbers.value()
      return [
        { kind: "load", id, buffer, at: same, type: "real" },
        { kind: "update", acc, op, value: valueOf(id) },
      ]
    })
    const [second] = again.reduceRight<readonly Stmt[]>(
      (body, loop) => [{ ...loop, body }],
      [...places, ...sums],
    )
    return { loops: [first, second as Loop], arrays: each.map(({ buffer }) => buffer) }
  }

  /**
   * The place of an iteration, and what computes it. Iterations of a single loop are far apart: side by side they would be for the
   * threads of one workgroup.
   */
  private place(around: readonly Loop[], path: readonly Loop[]): readonly [readonly Stmt[], Operand] {
    const out: Stmt[] = []
    const at = this.index(path.length === 1 ? [...path, ...around] : [...around, ...path], out)
    return [out, at]
  }

  /** The number of an iteration of loops inside one another. */
  private index([first, ...rest]: readonly Loop[], out: Stmt[]): Operand {
    return rest.reduce<Operand>(
      (x, { id, to }) => this.int("add", this.int("mul", x, to, out), valueOf(id), out),
      valueOf(first!.id),
    )
  }

  private int(op: "mul" | "add", x: Operand, y: Operand, out: Stmt[]): Operand {
    const id = this.numbers.value()
    out.push({ kind: "let", id, op, args: [x, y], type: "int" })
    return valueOf(id)
  }

  private lengthOf(loops: readonly Loop[]): Operand {
    return loops.map(({ to }) => to).reduce((x, y) => this.sizes.op("mul", x, y))
  }
}
