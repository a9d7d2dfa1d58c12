// Sizes of a kernel -> formulas by which the host computes them.
import type { Kernel, Operand } from "../loops.ts"
import type { Count, Formula } from "./program.ts"

/** The formulas of a program. */
export class Counts {
  readonly formulas: Formula[] = []
  private readonly places = new Map<number, number>()

  constructor(kernel: Kernel) {
    for (const { id, value } of kernel.sizes) {
      const formula: Formula =
        value.kind === "size"
          ? { size: value.name }
          : { op: value.op, args: value.args.map((x) => this.of(x)!) }
      this.places.set(id, this.formulas.push(formula) - 1)
    }
  }

  /** An operand as the host computes it; nothing if it cannot know it. */
  of(x: Operand): Count | undefined {
    if (x.kind === "number") return x.value
    const formula = this.places.get(x.id)
    return formula === undefined ? undefined : { formula }
  }

  /** How many steps a loop has. */
  between(from: Operand, to: Operand): Count | undefined {
    const [first, end] = [this.of(from), this.of(to)]
    if (first === undefined || end === undefined) return undefined
    if (first === 0) return end
    return { formula: this.formulas.push({ op: "sub", args: [end, first] }) - 1 }
  }
}
