// Equalities `axis == e` that make a loop over the axis one write: where, and under which conditions there is such a place.
import { prove } from "./check/ranges.ts"
import { type AxisExpr, type Expr, conjuncts } from "./ir.ts"
import type { Outputs } from "./loss.ts"
import { inRange } from "./range.ts"
import { substitute } from "./sums.ts"

/** An axis that a condition fixes. */
export interface Pin {
  readonly axis: AxisExpr
  readonly at: Expr
  readonly condition: Expr
}

/** The first equality of a condition that fixes one of the axes to an expression free of it. */
export function pinOf(
  axes: readonly AxisExpr[],
  condition: Expr,
  allowed: (at: Expr) => boolean,
): Pin | undefined {
  for (const c of conjuncts(condition)) {
    if (c.kind !== "op" || c.op !== "eq") continue
    for (const [x, y] of [c.args, [...c.args].reverse()] as readonly (readonly Expr[])[])
      if (
        x!.kind === "axis" &&
        axes.includes(x!) &&
        !y!.axes.includes(x!) &&
        y!.type === "int" &&
        allowed(y!)
      )
        return { axis: x!, at: y!, condition: c }
  }
  return undefined
}

/** Conditions at the place of a pin, its own among them or left out: they also say that there is such a place, if that is open. */
export function atPlace(outputs: Outputs, pin: Pin, conditions: readonly Expr[]): Expr[] {
  const { core } = outputs
  const map = new Map([[pin.axis, pin.at]])
  // What stands before may be what makes the place legal to read; what mentions the axis needs a place.
  const others = conditions.filter((c) => c !== pin.condition).map((c) => substitute(core, c, map))
  const mentions = conditions.findIndex((c) => c.axes.includes(pin.axis))
  const first = mentions < 0 ? others.length : mentions
  return [...others.slice(0, first), ...open(outputs, pin, others), ...others.slice(first)]
}

/** The conditions beside the known ones under which a place exists. Labels that a call must satisfy need none. */
function open(outputs: Outputs, { axis, at }: Pin, known: readonly Expr[]): Expr[] {
  const { core } = outputs
  const left = inRange(core, at, axis.extent).filter((c) => {
    if (known.includes(c)) return false
    const proof = prove(core, c, known)
    return !proof || proof.labels.length > 0 || proof.domains.length > 0
  })
  if (left.length === 0 || at.kind !== "load") return left
  const isChecked = outputs.labelReads.some(({ input, condition, extent }) => {
    if (input !== at.input || extent !== axis.extent) return false
    const own = input.dimensions.map((d) => core.axis(d.name, d.extent))
    const here = substitute(core, condition, new Map(own.map((a, i) => [a, at.index[i]!])))
    return conjuncts(here).every((c) => known.includes(c))
  })
  return isChecked ? [] : left
}
