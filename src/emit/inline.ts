// Core expressions without reductions -> JavaScript expressions, for the checks of a module at each call.
import type { AxisExpr, Expr } from "../ir.ts"
import { type OpName, ops } from "../ops.ts"
import type { Input } from "../types.ts"

/** How the leaves of an expression are written. */
export interface Leaves {
  readonly size: (name: string) => string
  readonly scalar: (input: Input) => string
  /** Absent where no axes and arrays may be read. */
  readonly axis?: (axis: AxisExpr) => string
  readonly element?: (input: Input, index: readonly string[]) => string | undefined
}

/** Text of a number: lossc's own, so that no text of a user gets into code. */
export const numberText = (v: number): string =>
  v < 0 || Object.is(v, -0) ? `(${Object.is(v, -0) ? "-0" : v})` : String(v)

/** The value in parentheses where it needs them, or undefined if the expression has parts that only a kernel computes. */
export function inline(expr: Expr, leaves: Leaves): string | undefined {
  switch (expr.kind) {
    case "const":
      return expr.type === "bool" ? String(expr.value !== 0) : numberText(expr.value)
    case "size":
      return leaves.size(expr.name)
    case "axis":
      return leaves.axis?.(expr)
    case "load": {
      if (expr.input.dimensions.length === 0) return leaves.scalar(expr.input)
      const index = expr.index.map((e) => inline(e, leaves))
      if (!leaves.element || index.includes(undefined)) return undefined
      const element = leaves.element(expr.input, index as string[])
      if (element === undefined) return undefined
      return expr.type === "bool" ? `(${element} !== 0)` : element
    }
    case "ref":
      return undefined
    case "op":
      return operation(
        expr.op,
        expr.args.map((e) => inline(e, leaves)),
      )
  }
}

function operation(op: OpName, args: readonly (string | undefined)[]): string | undefined {
  const { js, params, isDefined } = ops[op]
  if (isDefined || args.includes(undefined)) return undefined
  return `(${js.replace(/\$([a-z]+)/g, (_, p: string) => args[params.indexOf(p)]!)})`
}
