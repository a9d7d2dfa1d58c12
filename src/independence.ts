// Loss -> whether its rows are independent along the first batch axis, so that any of them may be computed without the others.
//
// Then the sums over a batch, their gradients among them, are those over pieces of it, added up: each row reads its own elements and
// what all rows share, and neither its place nor how many rows there are.
import type { AxisExpr, Def, Expr } from "./ir.ts"
import { children } from "./graph.ts"
import type { KernelChoice, Loss } from "./loss.ts"
import { isRead, rowOf } from "./outputs.ts"
import { type Input, dimensionText } from "./types.ts"

/** The axis along which rows are independent, or why there is none. */
export type Rows = { readonly axis: AxisExpr; readonly size: string } | { readonly why: string }

/** Finds it for what a kernel computes. */
export function independentRows(loss: Loss, choice: KernelChoice): Rows {
  const [axis, ...more] = loss.batch
  if (!axis) return { why: "the loss is one number for the whole batch" }
  const { extent } = axis
  if (extent.kind !== "size") return { why: `axis ${axis.name} has no size of its own` }
  if (more.some((other) => mentions(other.extent, extent)))
    return { why: `the batch has two axes of the size of ${axis.name}` }
  const has = hasRows(axis)
  for (const input of loss.inputs) {
    if (!isRead(input, choice)) continue
    const [first, ...others] = input.dimensions
    const isInside = others.some((dimension) => mentions(dimension.extent, extent))
    if (isInside || (first && !has(input) && mentions(first.extent, extent)))
      return {
        why: `the rows of \`${input.name}\`: [${input.dimensions.map(dimensionText).join(", ")}] do not follow one another along axis ${axis.name}`,
      }
  }
  const { value, where, per } = rowOf(loss, choice)
  const obstacle = new Obstacles(axis).find([value, where, per])
  return obstacle === undefined ? { axis, size: extent.name } : { why: obstacle }
}

/** Whether an argument has a part for each row. */
export const hasRows =
  ({ extent }: AxisExpr) =>
  ({ dimensions }: Input): boolean =>
    dimensions[0]?.extent === extent

/** Whether an extent depends on a size. */
const mentions = (e: Expr, size: Expr): boolean => e === size || children(e).some((x) => mentions(x, size))

/** Looks for what ties the rows of a batch together. */
class Obstacles {
  private readonly axis: AxisExpr
  private readonly seen = new Set<Expr | Def>()

  constructor(axis: AxisExpr) {
    this.axis = axis
  }

  find(roots: readonly Expr[]): string | undefined {
    for (const e of roots) {
      const found = this.inExpr(e)
      if (found !== undefined) return found
    }
    return undefined
  }

  private isAlong(e: Expr): boolean {
    return e.kind === "axis" && e.extent === this.axis.extent
  }

  /** What stands in the way in a value. */
  private inExpr(e: Expr): string | undefined {
    if (this.seen.has(e)) return undefined
    this.seen.add(e)
    const { name, extent } = this.axis
    if (this.isAlong(e)) return `a row depends on its place along axis ${name}`
    if (e === extent) return `a row depends on the size of axis ${name}`
    switch (e.kind) {
      case "op":
        return this.find(e.args)
      case "load":
        return this.inIndices(
          e.index,
          e.input.dimensions.map((dimension) => dimension.extent),
        )
      case "ref":
        return (
          this.inIndices(
            e.index,
            e.def.formals.map((formal) => formal.extent),
          ) ?? this.inDef(e.def)
        )
      default:
        return undefined
    }
  }

  /** Indices along the batch must be that of the row itself. */
  private inIndices(index: readonly Expr[], extents: readonly Expr[]): string | undefined {
    const { name, extent } = this.axis
    for (const [i, e] of index.entries()) {
      if (extents[i] === extent ? this.isAlong(e) : e.kind === "axis" && !this.isAlong(e)) continue
      const found = extents[i] === extent ? `a row reads others along axis ${name}` : this.inExpr(e)
      if (found !== undefined) return found
    }
    return undefined
  }

  private inDef(def: Def): string | undefined {
    if (this.seen.has(def)) return undefined
    this.seen.add(def)
    const { name, extent } = this.axis
    const { recurrence } = def
    const along = [...def.bound, ...(recurrence ? [def.formals[0]!] : [])]
    if (along.some((axis) => mentions(axis.extent, extent))) return `a row reads others along axis ${name}`
    if (def.formals.some((axis) => axis.extent !== extent && mentions(axis.extent, extent)))
      return `a row depends on the size of axis ${name}`
    return (
      this.find([def.filter, def.body]) ??
      recurrence?.steps.reduce<string | undefined>((found, step) => found ?? this.inDef(step), undefined)
    )
  }
}
