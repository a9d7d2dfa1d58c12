// The numbers of a kernel that follow from sizes: those it has, and those that a pass needs besides, each once.
import type { Kernel, Operand, SizeValue } from "../loops.ts"
import { type OpName, ops } from "../ops.ts"
import { type Numbers, literal, sameOperand, valueOf } from "./facts.ts"

/** Collects what a pass computes from sizes. */
export class Sizes {
  readonly values: SizeValue[]
  private readonly numbers: Numbers

  constructor(kernel: Pick<Kernel, "sizes">, numbers: Numbers) {
    this.values = [...kernel.sizes]
    this.numbers = numbers
  }

  has(x: Operand): boolean {
    return this.values.some(({ id }) => sameOperand(valueOf(id), x))
  }

  /** An operator of two sizes. */
  op(op: OpName, x: Operand, y: Operand): Operand {
    if (x.kind === "number" && y.kind === "number")
      return literal((ops[op].eval as (x: number, y: number) => number)(x.value, y.value))
    const known = this.values.find(
      ({ value }) =>
        value.kind === "op" &&
        value.op === op &&
        sameOperand(value.args[0]!, x) &&
        sameOperand(value.args[1]!, y),
    )
    if (known) return valueOf(known.id)
    const id = this.numbers.value()
    this.values.push({ id, value: { kind: "op", op, args: [x, y] } })
    return valueOf(id)
  }
}
