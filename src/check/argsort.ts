// `argsort[k](e)` -> the places of the values of e along k in ascending order, an index of k again.
import type * as Ast from "../../grammar/ast.ts"
import { reduce } from "../sums.ts"
import { bind } from "./axes.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { number } from "./operands.ts"
import type { Axis, Scope } from "./scope.ts"
import { type Scalar, type Value, broken, close } from "./values.ts"

/** Reads an argsort. */
export function argsort(c: Checking, node: Ast.Call, scope: Scope): Value {
  const axes = node.binders.length > 0 ? bind(c, node.binders, scope) : undefined
  if (node.filter) c.evaluate(node.filter, scope)
  for (const { name, value } of node.named) {
    c.evaluate(value, scope)
    const help = /desc|reverse|largest/.test(name.name)
      ? "for descending order sort the negated values: `argsort[k](-x)`"
      : "leave it out: the order is ascending, and equal values stay as they stand"
    c.fail(scope, name.span, "unknown-argument", `\`argsort\` has no argument \`${name.name}\``, { help })
  }
  if (node.arguments.length !== 1) {
    node.arguments.forEach((argument) => c.evaluate(argument, scope))
    return c.fail(
      scope,
      node.span,
      "argument-count",
      `\`argsort\` sorts one expression, and there are ${node.arguments.length}`,
    )
  }
  const keys = number(c, node.arguments[0]!, scope)
  if (!keys || node.named.length > 0 || (node.binders.length > 0 && !axes)) return broken
  const [along, ...more] = axes ?? ownAxes(c, node, keys, scope)
  if (!along) return broken
  if (more.length > 0) return several(c, node, [along, ...more], scope)
  if (node.filter) {
    const name = axisName(along.axis)
    return c.fail(
      scope,
      node.filter.span,
      "filter-place",
      "`argsort` keeps every entry of its axis and takes no filter",
      {
        help: `put the others last: \`argsort[${name}](if ${c.text(scope, node.filter)} then ${c.text(scope, node.arguments[0]!)} else inf)\``,
      },
    )
  }
  const { core } = c
  const places = reduce(core, "argsort", [along.axis], core.true, keys.expr)
  const expr = c.watch(core.op("add", along.low, places))
  return { kind: "scalar", expr, needs: close(core, keys.needs, [along.axis]) }
}

/** The axis that is sorted if the brackets do not say which. */
function ownAxes(c: Checking, node: Ast.Call, keys: Scalar, scope: Scope): Axis[] {
  const own = c.own.filter((a) => keys.expr.axes.includes(a))
  if (own.length > 0) return own.map((axis) => ({ axis, low: c.core.zero }))
  const other = keys.expr.axes.find((a) => !c.batch.includes(a)) ?? keys.expr.axes[0]
  c.fail(
    scope,
    node.span,
    "nothing-to-reduce",
    `\`argsort\` has nothing to sort: ${c.quote(scope, node.arguments[0]!)} has no axis of its own`,
    { help: `say along which axis: \`argsort[${other ? axisName(other) : "k"}](…)\`` },
  )
  return []
}

function several(c: Checking, node: Ast.Call, axes: readonly Axis[], scope: Scope): Value {
  const list = axes.map((one) => one.axis)
  const help = `say which: \`argsort[${axisName(list[0]!)}](…)\``
  if (node.binders.length > 0)
    return c.fail(
      scope,
      node.span,
      "one-axis",
      `\`argsort\` sorts along one axis, and here are ${axisNames(list)}`,
      {
        help,
      },
    )
  return c.fail(
    scope,
    node.span,
    "one-axis",
    `\`argsort\` keeps its axis, and its argument has several: ${axisNames(list)}`,
    { help },
  )
}
