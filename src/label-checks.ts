// Outputs -> the same outputs with checks of their labels, for targets where the host does not see the labels.
import { axesOf } from "./grad.ts"
import { type Expr, conjunction } from "./ir.ts"
import type { LabelRead, Loss, Outputs } from "./loss.ts"
import { reduce, substitute } from "./sums.ts"
import type { Input } from "./types.ts"

/** A check of labels as a scalar result. */
export interface LabelCheck {
  /** Of the result: how far before the end of the argument the first bad label stands; 0 if all are fine. */
  readonly name: `label:${number}`
  readonly input: Input
  /** What labels that are read stay below. */
  readonly extent: Expr
}

/**
 * Adds a check for each array of labels, and for each way in which optional labels are read. A label that nothing reads may have
 * any value.
 */
export function withLabelChecks(
  loss: Loss,
  outputs: Outputs,
): { readonly outputs: Outputs; readonly checks: readonly LabelCheck[] } {
  const { core } = outputs
  const always: readonly LabelRead[] = outputs.inputs.flatMap((input) =>
    input.label && !input.label.optional ? [{ input, condition: core.true, extent: input.label.extent }] : [],
  )
  const reads = [...always, ...outputs.labelReads].filter(
    ({ input }) => input.dimensions.length > 0 && outputs.inputs.includes(input),
  )
  const checks = reads.map(({ input, extent }, k): LabelCheck => ({ name: `label:${k}`, input, extent }))
  const scalars = reads.map((read, k) => ({ name: checks[k]!.name, value: distance(outputs, read) }))
  return { outputs: { ...outputs, scalars: [...outputs.scalars, ...scalars] }, checks }
}

/** The largest distance of a bad label from the end of its array: that of the first, and 0 if there is none. */
function distance({ core, single }: Outputs, { input, condition, extent }: LabelRead): Expr {
  const own = axesOf(core, input)
  // An axis that this kernel lacks has one element.
  const gone = own.filter((axis) => single && axis.extent === core.sizeOf("..."))
  const at = (axis: (typeof own)[number]): Expr => (gone.includes(axis) ? core.zero : axis)
  const axes = own.filter((axis) => !gone.includes(axis))
  const label = core.load(input, own.map(at))
  const isInside = core.op("and", core.op("le", core.zero, label), core.op("lt", label, extent))
  const isBad = conjunction(core, [condition, core.op("not", isInside)])
  const size = (e: Expr): Expr => (e === core.sizeOf("...") && single ? core.one : e)
  let place: Expr = core.zero
  let length: Expr = core.one
  for (const axis of own) {
    place = core.op("add", core.op("mul", place, size(axis.extent)), at(axis))
    length = core.op("mul", length, size(axis.extent))
  }
  const others = condition.axes.filter((axis) => !axes.includes(axis))
  const isRead = substitute(core, isBad, new Map(gone.map((axis) => [axis, core.zero])))
  const found = reduce(core, "max", [...axes, ...others], isRead, core.op("sub", length, place))
  return core.op("max", core.zero, found)
}
