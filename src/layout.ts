// The arrays of a kernel and what is known of their sizes at its entry: inputs, outputs, scratch, and flat positions in them.
import type { Placed } from "./dimensions.ts"
import type { Core, Expr } from "./ir.ts"
import type { Buffer, Operand, ScalarInput, SizeValue } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import type { Storage } from "./storage.ts"
import type { Dtype, Input } from "./types.ts"

/** The arrays and sizes of one kernel under construction; `fresh` makes the ids that they share with its values. */
export class Layout {
  readonly inputs = new Map<Input, Buffer>()
  readonly scalars: ScalarInput[] = []
  readonly outputs = new Map<string, { readonly buffer: Buffer; readonly extents: readonly Expr[] }>()
  readonly scratch = new Map<Placed, Buffer>()
  readonly sizeNames: string[] = []
  readonly sizeValues: SizeValue[] = []
  private readonly sizes = new Map<Expr, Operand>()
  private readonly core: Core
  private readonly single: boolean | undefined
  private readonly storage: ReadonlyMap<Placed, Storage>
  private readonly fresh: () => number

  constructor(outputs: Outputs, storage: ReadonlyMap<Placed, Storage>, dtype: Dtype, fresh: () => number) {
    this.core = outputs.core
    this.single = outputs.single
    this.storage = storage
    this.fresh = fresh
    for (const input of outputs.inputs) {
      for (const d of input.dimensions) this.noteSizes(d.extent)
      if (input.dimensions.length === 0) this.scalars.push({ id: fresh(), input })
      else {
        const element = input.type === "real" ? dtype : input.type
        const length = this.size(this.product(input.dimensions.map((d) => d.extent)))
        this.inputs.set(input, { id: fresh(), kind: "input", input, element, length })
      }
    }
    for (const { name, axes } of outputs.arrays) {
      const extents = axes.map((a) => a.extent)
      const buffer: Buffer = {
        id: fresh(),
        kind: "output",
        name,
        element: dtype,
        length: this.size(this.product(extents)),
        extents: extents.map((e) => this.size(e)),
      }
      this.outputs.set(name, { buffer, extents })
    }
  }

  private noteSizes(e: Expr): void {
    if (e.kind === "size" && !this.sizeNames.includes(e.name)) this.sizeNames.push(e.name)
    if (e.kind === "op") e.args.forEach((x) => this.noteSizes(x))
  }

  product(extents: readonly Expr[]): Expr {
    return extents.reduce((x, y) => this.core.op("mul", x, y), this.core.one)
  }

  /** Whether an int is known at entry: sizes, constants and what the operators make of them. */
  isSize(e: Expr): boolean {
    return (
      e.kind === "const" ||
      e.kind === "size" ||
      (e.kind === "op" && e.type === "int" && e.args.every((x) => this.isSize(x)))
    )
  }

  size(e: Expr): Operand {
    if (e.kind === "const") return number(e.value)
    const known = this.sizes.get(e)
    if (known) return known
    const id = this.fresh()
    if (e.kind === "size") {
      this.noteSizes(e)
      this.sizeValues.push({ id, value: { kind: "size", name: e.name } })
    } else if (e.kind === "op") {
      const args = e.args.map((x) => this.size(x))
      this.sizeValues.push({ id, value: { kind: "op", op: e.op, args } })
    } else throw new Error(`an extent depends on data: ${e.kind}`)
    const operand: Operand = { kind: "value", id }
    this.sizes.set(e, operand)
    return operand
  }

  array(s: Placed): Buffer {
    const { array, stored } = this.storage.get(s)!
    let buffer = this.scratch.get(array)
    if (!buffer) {
      const axes = stored.map((i) => this.extentOf(s, i))
      const length = this.size(this.product(axes))
      const element = s.op === "argsort" ? "int" : "f64"
      const extents = axes.map((e) => this.size(e))
      this.scratch.set(array, (buffer = { id: this.fresh(), kind: "scratch", element, length, extents }))
    }
    return buffer
  }

  /** The flat position in a definition's array. */
  offset(s: Placed, index: readonly Expr[]): Expr {
    const { core } = this
    const { stored } = this.storage.get(s)!
    // The array of a recurrence has an entry more than its axis: in front of all for what is before the first step, or behind.
    const later = s.def!.recurrence && s.op === (s.def!.recurrence.descending ? "state" : "step")
    return this.flat(
      stored.map((i) => (i === 0 && later ? core.op("add", index[0]!, core.one) : index[i]!)),
      stored.map((i) => this.extentOf(s, i)),
    )
  }

  private extentOf(s: Placed, position: number): Expr {
    const { extent } = s.def!.formals[position]!
    return position === 0 && s.def!.recurrence ? this.core.op("add", extent, this.core.one) : extent
  }

  /** Row-major: ((i * n1 + j) * n2 + k). */
  flat(index: readonly Expr[], extents: readonly Expr[]): Expr {
    const { core } = this
    const known = (extent: Expr): Expr =>
      this.single && extent.kind === "size" && extent.name === "..." ? core.one : extent
    return index.reduce(
      (sum, e, i) => (i === 0 ? e : core.op("add", core.op("mul", sum, known(extents[i]!)), e)),
      core.zero as Expr,
    )
  }
}

/** A literal operand. */
export const number = (value: number): Operand => ({ kind: "number", value })
