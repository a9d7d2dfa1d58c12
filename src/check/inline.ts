// A call of a function or a loss -> the value of its body, read with the arguments in place of the parameters.
import type * as Ast from "../../grammar/ast.ts"
import { type Given, checkDomain, readArguments } from "./arguments.ts"
import { bind } from "./axes.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { fits } from "./components.ts"
import { bindAll } from "./expressions.ts"
import { matchAxes } from "./match.ts"
import { asSingle } from "./operands.ts"
import { type Axis, type AxisGroup, type Callable, type Frame, type Scope, nameOf, nest } from "./scope.ts"
import { rangesIn } from "./tree.ts"
import { type Value, broken, scalar, under } from "./values.ts"
import { flatMap } from "../lists.ts"

/** Reads the body of a function or loss for one call. */
export function inline(c: Checking, callable: Callable, node: Ast.Call, scope: Scope): Value {
  const { declaration } = callable
  const { name } = node.callee
  const given = readArguments(c, callable, node, scope)
  const binders = node.binders.length > 0 ? bind(c, node.binders, scope) : undefined
  if (node.filter)
    return c.fail(
      scope,
      node.filter.span,
      "filter-place",
      `\`${name}\` is not a reduction and takes no filter`,
      { help: "filter inside: `sum[j if …](…)`" },
    )
  if (!given || (node.binders.length > 0 && !binders)) return broken
  const groups =
    declaration.kind === "loss"
      ? lossAxes(c, callable, node, given, scope)
      : functionAxes(c, callable, node, given, binders, scope)
  const hasParts = (axis: Ast.Axis, i: number): boolean =>
    groups?.[i]?.items.every((item) => fits(c, axis, item.axis, name, node.span, scope)) ?? true
  if (!groups || (declaration.kind !== "loss" && !declaration.axes.every(hasParts))) return broken

  const key = [
    c.id(declaration),
    callable.scope ? c.id(callable.scope) : "",
    groups.map((g) => g.items.map((i) => `${i.axis.id}/${i.low.id}`).join()).join(";"),
    given.map((g) => valueKey(c, g.value)).join(),
  ].join("|")
  const known = c.memo.get(key)
  if (known) return known
  if (!c.enter(callable))
    return c.fail(scope, node.callee.span, "recursion", `\`${name}\` calls itself`, {
      help: "functions are inlined, so none may call itself",
    })
  try {
    const value = body(c, callable, node, given, groups, scope)
    c.memo.set(key, value)
    return value
  } finally {
    c.active.pop()
  }
}

function valueKey(c: Checking, value: Value | undefined): string {
  if (!value) return "-"
  if (value.kind === "scalar")
    return value.needs.length === 0 ? String(value.expr.id) : `${value.expr.id}:${c.id(value.needs)}`
  if (value.kind === "text") return JSON.stringify(value.text)
  return value.kind === "tuple" ? `(${value.items.map((item) => valueKey(c, item)).join()})` : "x"
}

/** The axes that a function without or with brackets works along, one group a parameter in its brackets. */
function functionAxes(
  c: Checking,
  callable: Callable,
  node: Ast.Call,
  given: readonly Given[],
  binders: readonly Axis[] | undefined,
  scope: Scope,
): AxisGroup[] | undefined {
  const parameters = callable.declaration.axes
  const { name } = node.callee
  const place = c.place(scope.frame, node.span)
  const group = (index: Ast.Axis, items: readonly Axis[]): AxisGroup => ({
    name: nameOf(index),
    items,
    place,
    what: "axis",
  })
  if (parameters.length === 0) {
    if (!binders) return matchAxes(c, callable, node, given, scope)
    c.fail(scope, node.span, "no-brackets", `\`${name}\` takes no axis in brackets`, {
      help: `write \`${name}(…)\``,
    })
    return undefined
  }
  if (binders) {
    if (parameters.length === 1) return [group(parameters[0]!, binders)]
    if (parameters.length === binders.length) return parameters.map((index, i) => group(index, [binders[i]!]))
    c.fail(
      scope,
      node.span,
      "axis-count",
      `\`${name}\` works along ${parameters.length} axes, and the brackets name ${binders.length}`,
    )
    return undefined
  }
  if (parameters.length > 1) {
    c.fail(
      scope,
      node.span,
      "axis-count",
      `\`${name}\` works along ${parameters.length} axes and cannot guess them`,
      { help: `say which: \`${name}[${parameters.map((_, i) => "abcdefgh"[i]).join(", ")}](…)\`` },
    )
    return undefined
  }
  const lists = flatMap(given, ({ value, node: at }) => {
    if (value?.kind !== "scalar" || !at) return []
    const axes = c.own.filter((a) => value.expr.axes.includes(a))
    return axes.length > 0 ? [{ axes, at }] : []
  })
  if (given.some(({ value }) => value?.kind === "broken")) return undefined
  const [first, ...rest] = lists
  if (!first) {
    const other = flatMap(given, ({ value }) => (value?.kind === "scalar" ? value.expr.axes : [])).find(
      (a) => !c.batch.includes(a),
    )
    c.fail(
      scope,
      node.span,
      "nothing-to-reduce",
      `the arguments of \`${name}\` have no axis of their own to work along`,
      {
        help: other
          ? `say which axis: \`${name}[${axisName(other)}](…)\``
          : "declare one in the type of an argument: `x: [d]`",
      },
    )
    return undefined
  }
  const differs = rest.find(
    ({ axes }) => axes.length !== first.axes.length || axes.some((a) => !first.axes.includes(a)),
  )
  if (differs) {
    const both = first.axes.filter((a) => differs.axes.includes(a))
    c.fail(
      scope,
      node.span,
      "own-axes-differ",
      `\`${name}\` works along the own axes of its arguments, and they differ: ${c.quote(scope, first.at)} has ${axisNames(first.axes)}, ${c.quote(scope, differs.at)} has ${axisNames(differs.axes)}`,
      {
        help: `say which: \`${name}[${axisName(both[0] ?? first.axes[0]!)}](…)\``,
      },
    )
    return undefined
  }
  return [
    group(
      parameters[0]!,
      first.axes.map((axis) => ({ axis, low: c.core.zero })),
    ),
  ]
}

function lossAxes(
  c: Checking,
  callable: Callable,
  node: Ast.Call,
  given: readonly Given[],
  scope: Scope,
): AxisGroup[] | undefined {
  if (node.binders.length > 0) {
    c.fail(scope, node.span, "no-brackets", `\`${callable.name}\` is a loss and takes no axis in brackets`, {
      help: `write \`${callable.name}(…)\``,
    })
    return undefined
  }
  return matchAxes(c, callable, node, given, scope)
}

function body(
  c: Checking,
  callable: Callable,
  node: Ast.Call,
  given: readonly Given[],
  groups: readonly AxisGroup[],
  scope: Scope,
): Value {
  const { declaration, module } = callable
  const isLoss = declaration.kind === "loss"
  const frame: Frame = {
    module,
    depth: scope.frame.depth + 1,
    site: module.isLibrary ? (scope.frame.site ?? c.place(scope.frame, node.span)) : undefined,
    callable,
    given: new Map(
      flatMap(given, (one) => (one.node ? [[one.parameter.name.name, { scope, node: one.node }]] : [])),
    ),
    indices: new Map(),
    ranges: rangesOf(c, declaration),
  }
  const inner = nest(callable.scope, frame)
  for (const group of groups) inner.names.set(group.name, { kind: "axis", group })
  for (const { parameter, isOption, value, node: at } of given) {
    const known = value ?? defaultOf(c, parameter, inner)
    const place = c.place(frame, parameter.span)
    inner.names.set(parameter.name.name, {
      kind: "value",
      value: known,
      place,
      what: isOption ? "option" : "argument",
    })
    if (at && isOption) checkDomain(c, parameter, known, at, inner, scope)
  }
  const value = isLoss ? lossValue(c, declaration, node, inner, scope) : c.evaluate(declaration.body, inner)
  return escape(c, value, callable, node, groups, frame, scope)
}

/** The ranges of the binders in a body, found once. */
function rangesOf(c: Checking, declaration: Callable["declaration"]): ReadonlyMap<string, Ast.Range> {
  let ranges = c.ranges.get(declaration)
  if (!ranges) {
    const { body } = declaration
    ranges =
      body.kind === "body"
        ? rangesIn(body.bindings, [body.value, body.where, body.per])
        : rangesIn([], [body])
    c.ranges.set(declaration, ranges)
  }
  return ranges
}

function defaultOf(c: Checking, parameter: Ast.Argument, scope: Scope): Value {
  const value = c.evaluate(parameter.default!, scope)
  if (value.kind !== "tuple") return value
  return c.fail(
    scope,
    parameter.default!.span,
    "several-values",
    `a list of numbers as the default of \`${parameter.name.name}\` cannot be used in a call`,
    { help: "pass the argument" },
  )
}

/** The value of a row, and 0 for rows that the loss leaves out. */
function lossValue(c: Checking, loss: Ast.Loss, node: Ast.Call, inner: Scope, scope: Scope): Value {
  const head = bindAll(c, loss.body.bindings, inner)
  const value = asSingle(c, c.evaluate(loss.body.value, head), loss.body.value, head)
  const where = loss.body.where && asSingle(c, c.evaluate(loss.body.where, head), loss.body.where, head)
  if (loss.body.per)
    c.warn(
      scope,
      node.span,
      "per-dropped",
      `\`${loss.name.name}\` has its own divisor (\`per\`), which a call inside of another loss does not use`,
      { help: "write `per` at the end of this loss if the mean needs it" },
    )
  if (!value || (loss.body.where && !where)) return broken
  if (!where) return value
  const { core } = c
  return scalar(core.op("select", where.expr, value.expr, core.zero), [where, under(core, value, where.expr)])
}

/** A function may not give back an axis of its own, nor several where it keeps one. */
function escape(
  c: Checking,
  value: Value,
  callable: Callable,
  node: Ast.Call,
  groups: readonly AxisGroup[],
  frame: Frame,
  scope: Scope,
): Value {
  if (value.kind === "tuple")
    return {
      ...value,
      items: value.items.map((item) => escape(c, item, callable, node, groups, frame, scope)),
    }
  if (value.kind !== "scalar") return value
  const left = [...frame.indices.values()].find((g) => g.items.some((i) => value.expr.axes.includes(i.axis)))
  if (left)
    return c.fail(
      scope,
      node.span,
      "axis-escapes",
      `the result of \`${callable.name}\` still has the index \`${left.name}\` that the function declares itself`,
      {
        help: "reduce over it inside of the function, or pass the axis in brackets",
      },
    )
  const several =
    node.binders.length === 0 &&
    callable.kind !== "loss" &&
    groups.find((g) => g.items.length > 1 && g.items.some((i) => value.expr.axes.includes(i.axis)))
  if (several)
    return c.fail(
      scope,
      node.span,
      "one-axis",
      `\`${callable.name}\` keeps its axis, and its argument has several: ${axisNames(several.items.map((i) => i.axis))}`,
      {
        help: `say which: \`${callable.name}[${axisName(several.items[0]!.axis)}](…)\``,
      },
    )
  return value
}
