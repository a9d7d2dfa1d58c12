// `sum[j in b if j != b](e)` and its relatives -> reductions of the core.
import type * as Ast from "../../grammar/ast.ts"
import type { AxisExpr, Expr } from "../ir.ts"
import { all, any, count, mean, reduce } from "../sums.ts"
import { bind } from "./axes.ts"
import { type Checking, axisNames } from "./checking.ts"
import { asNumber, asSingle, condition, single } from "./operands.ts"
import type { Axis, Scope } from "./scope.ts"
import { type Scalar, type Value, broken, close, plain, scalar, under } from "./values.ts"

const numeric = ["sum", "mean", "max", "min", "prod", "argmax", "argmin", "logsumexp", "logmeanexp"] as const
const logical = ["any", "all", "count"] as const

type Reduction = (typeof numeric)[number] | (typeof logical)[number]

/** The names that reduce. */
export const reductions: ReadonlySet<string> = new Set([...numeric, ...logical])

const takesBool = (name: string): boolean => logical.some((one) => one === name)

/** Words that other libraries write for the axis, and what to write here. */
const foreignNames = new Set(["dim", "axis", "axes", "keepdim", "keepdims", "reduction"])

/** Reads a reduction. */
export function reduction(c: Checking, node: Ast.Call, scope: Scope): Value {
  const name = node.callee.name as Reduction
  for (const { name: called, span } of node.named) {
    const help = foreignNames.has(called.name)
      ? `name the axis in brackets: \`${name}[d](…)\``
      : "leave it out"
    c.fail(scope, span, "unknown-argument", `\`${name}\` has no argument \`${called.name}\``, { help })
  }
  if ((name === "min" || name === "max") && node.binders.length === 0 && node.arguments.length > 1)
    return elementwise(c, name, node, scope)
  const axes = node.binders.length > 0 ? bind(c, node.binders, scope) : undefined
  const filter = node.filter && condition(c, node.filter, scope)
  if (node.arguments.length !== 1) {
    node.arguments.forEach((argument) => c.evaluate(argument, scope))
    return c.fail(
      scope,
      node.span,
      "argument-count",
      `\`${name}\` reduces one expression, and there are ${node.arguments.length}`,
    )
  }
  const argument = node.arguments[0]!
  const value = single(c, argument, scope)
  if (node.named.length > 0 || !value || (node.filter && !filter)) return broken
  if (node.binders.length > 0 && !axes) return broken
  if (!takesBool(name)) {
    const counted = name === "sum" ? () => `count it: \`count[…](${c.text(scope, argument)})\`` : undefined
    if (!asNumber(c, value, argument, scope, counted)) return broken
  } else if (value.expr.type !== "bool") {
    const help =
      name === "count"
        ? "count where a condition holds: `count[…](x > 0)`"
        : "compare it with something: `… > 0`"
    return c.fail(
      scope,
      argument.span,
      "not-a-condition",
      `\`${name}\` takes a condition, and ${c.quote(scope, argument)} is a number`,
      { help },
    )
  }
  const along = axes ?? ownAxes(c, node, value, scope)
  return along ? apply(c, name, along, filter ?? plain(c.core.true), value, node, scope) : broken
}

/** The axes a reduction without brackets runs over. */
function ownAxes(c: Checking, node: Ast.Call, value: Scalar, scope: Scope): Axis[] | undefined {
  const own = c.own.filter((a) => value.expr.axes.includes(a))
  if (own.length > 0) return own.map((axis) => ({ axis, low: c.core.zero }))
  const name = node.callee.name
  const others = value.expr.axes.filter((a) => !c.batch.includes(a))
  const help =
    others.length > 0
      ? `say over which axis: \`${name}[${others[0]!.name}](…)\``
      : c.batch.length > 0 && (name === "mean" || name === "sum")
        ? `the body is the loss of one row, and the caller chooses mean or sum over rows: leave \`${name}\` out`
        : `say over which axis: \`${name}[j in …](…)\``
  c.fail(
    scope,
    node.span,
    "nothing-to-reduce",
    `\`${name}\` has nothing to reduce: ${c.quote(scope, node.arguments[0]!)} has no axis of its own`,
    { help },
  )
  return undefined
}

function apply(
  c: Checking,
  name: Reduction,
  along: readonly Axis[],
  filter: Scalar,
  value: Scalar,
  node: Ast.Call,
  scope: Scope,
): Value {
  const { core } = c
  const bound = along.map((one) => one.axis)
  const inner = under(core, value, filter.expr)
  const needs = close(core, scalar(inner.expr, [filter, inner]).needs, bound)
  if ((name === "argmax" || name === "argmin") && along.length !== 1)
    return c.fail(
      scope,
      node.span,
      "one-axis",
      `\`${name}\` gives a place on one axis, and here it runs over ${axisNames(bound)}`,
      {
        help: "say over which axis in brackets",
      },
    )
  const expr = combine(c, name, along, bound, filter.expr, value.expr)
  return { kind: "scalar", expr: c.watch(expr), needs }
}

function combine(
  c: Checking,
  name: Reduction,
  along: readonly Axis[],
  bound: readonly AxisExpr[],
  filter: Expr,
  body: Expr,
): Expr {
  const { core } = c
  switch (name) {
    case "mean":
      return mean(core, bound, filter, body)
    case "any":
      return any(core, bound, filter, body)
    case "all":
      return all(core, bound, filter, body)
    case "count":
      return count(core, bound, core.op("and", filter, body))
    case "logmeanexp": {
      // Of nothing it is -inf, so the logarithm must not be.
      const amount = core.op("max", count(core, bound, filter), core.one)
      return core.op("sub", reduce(core, "logsumexp", bound, filter, body), core.op("log", amount))
    }
    case "argmax":
    case "argmin":
      return core.op("add", along[0]!.low, reduce(core, name, bound, filter, body))
    default:
      return reduce(core, name, bound, filter, body)
  }
}

/** `max(a, b, c)`: the largest of several values. */
function elementwise(c: Checking, name: "min" | "max", node: Ast.Call, scope: Scope): Value {
  const values = node.arguments.map((argument) => {
    const value = asSingle(c, c.evaluate(argument, scope), argument, scope)
    return value && asNumber(c, value, argument, scope)
  })
  if (values.includes(undefined) || node.named.length > 0) return broken
  const list = values as Scalar[]
  if (
    name === "max" &&
    list.length === 2 &&
    list.some((v) => v.expr.kind === "const" && v.expr.value === 0) &&
    list.some((v) => v.expr.type === "real")
  )
    c.warn(scope, node.span, "max-zero", "at a tie `max` passes half of the gradient on", {
      help: "write `relu(e)` for derivative 0 at 0, or `clampMin(e, 0)` for derivative 1",
    })
  const expr = list.map((v) => v.expr).reduce((x, y) => c.core.op(name, x, y))
  return scalar(c.watch(expr), list)
}
