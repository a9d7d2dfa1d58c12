// A call of a function or a loss -> the value of its body, read with the arguments in place of the parameters.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { Input } from "../types.ts"
import { bind } from "./axes.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { bindAll } from "./expressions.ts"
import { article, memberOf, violation } from "./header.ts"
import { type Given, matchAxes } from "./match.ts"
import { asSingle } from "./operands.ts"
import { isGround } from "./ranges.ts"
import { type Axis, type AxisGroup, type Callable, type Frame, type Scope, nest, rangesIn } from "./scope.ts"
import { type Value, broken, scalar, under } from "./values.ts"

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
  if (!groups) return broken

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

/** Pairs the arguments of a call with parameters; undefined if they do not fit. */
function readArguments(c: Checking, callable: Callable, node: Ast.Call, scope: Scope): Given[] | undefined {
  const { declaration } = callable
  const { name } = node.callee
  const positional = declaration.arguments
  const options = declaration.kind === "loss" ? declaration.options : []
  const all = [...positional, ...options]
  const nodes = new Map<Ast.Argument, Ast.Expr>()
  let whole = true
  node.arguments.forEach((argument, i) => {
    if (positional[i]) nodes.set(positional[i], argument)
    else if (i === positional.length) {
      const option = options[0]?.name.name
      whole = false
      c.fail(
        scope,
        argument.span,
        "argument-count",
        `\`${name}\` takes ${positional.length} ${positional.length === 1 ? "argument" : "arguments"}, and there are ${node.arguments.length}`,
        {
          help: option
            ? `options are passed by name: \`${option} = ${c.text(scope, argument)}\``
            : signature(callable),
        },
      )
    }
  })
  for (const { name: called, value } of node.named) {
    const parameter = all.find((one) => one.name.name === called.name)
    if (!parameter) {
      whole = false
      const near = nearest(
        called.name,
        all.map((one) => one.name.name),
      )
      c.fail(scope, called.span, "unknown-argument", `\`${name}\` has no argument \`${called.name}\``, {
        help: near ? `did you mean \`${near}\`?` : signature(callable),
      })
    } else if (nodes.has(parameter)) {
      whole = false
      c.fail(scope, called.span, "argument-twice", `\`${called.name}\` is passed twice`)
    } else nodes.set(parameter, value)
  }
  const missing = all.filter((one) => !nodes.has(one) && !one.default)
  if (whole && missing.length > 0) {
    whole = false
    const list = missing.map((one) => `\`${one.name.name}\``).join(", ")
    c.fail(scope, node.span, "argument-count", `the call of \`${name}\` lacks ${list}`, {
      help: signature(callable),
    })
  }
  const given = all.map((parameter): Given => {
    const at = nodes.get(parameter)
    const isOption = options.includes(parameter)
    return { parameter, isOption, node: at, value: at && readArgument(c, parameter, at, scope) }
  })
  return whole ? given : undefined
}

/** How to call something: its name and its parameters. */
function signature(callable: Callable): string {
  const { declaration } = callable
  const list = declaration.arguments.map((one) => one.name.name)
  const options = declaration.kind === "loss" ? declaration.options.map((one) => `${one.name.name} = …`) : []
  return `write \`${callable.name}(${[...list, ...options].join(", ")})\``
}

/** An argument as its parameter wants it. */
function readArgument(c: Checking, parameter: Ast.Argument, node: Ast.Expr, scope: Scope): Value {
  const value = c.evaluate(node, scope)
  const scalarNode = parameter.type?.scalar
  if (scalarNode?.kind === "choice") {
    const choices = scalarNode.members.map((m) => m.value)
    if (value.kind === "text") {
      const asInput = { name: parameter.name.name, choices } as unknown as Input
      if (node.kind === "string" && memberOf(c, scope, node, asInput) === undefined) return broken
      return value
    }
    const same =
      value.kind === "scalar" &&
      value.expr.kind === "load" &&
      value.expr.input.choices?.join() === choices.join()
    if (same || value.kind === "broken") return value
    return c.fail(
      scope,
      node.span,
      "argument-type",
      `\`${parameter.name.name}\` is a choice, and ${c.quote(scope, node)} is not one of its words`,
      {
        help: `choices are ${choices.map((m) => `"${m}"`).join(", ")}`,
      },
    )
  }
  if (value.kind !== "scalar" || !parameter.type) return value
  const wanted =
    scalarNode?.kind === "index" ? "int" : scalarNode?.kind === "plain" ? scalarNode.type : "real"
  const found = value.expr.type
  if (wanted === found || (wanted === "real" && found === "int")) return value
  return c.fail(
    scope,
    node.span,
    "argument-type",
    `\`${parameter.name.name}\` is ${article(wanted)}, and ${c.quote(scope, node)} is ${article(found)}`,
  )
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
    name: index.kind === "name" ? index.name : "...",
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
  const lists = given.flatMap(({ value, node: at }) => {
    if (value?.kind !== "scalar" || !at) return []
    const axes = c.own.filter((a) => value.expr.axes.includes(a))
    return axes.length > 0 ? [{ axes, at }] : []
  })
  if (given.some(({ value }) => value?.kind === "broken")) return undefined
  const [first, ...rest] = lists
  if (!first) {
    const other = given
      .flatMap(({ value }) => (value?.kind === "scalar" ? value.expr.axes : []))
      .find((a) => !c.batch.includes(a))
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
      given.flatMap((one) => (one.node ? [[one.parameter.name.name, { scope, node: one.node }]] : [])),
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

/** A constant outside of the range of an option is wrong; what is not known yet is checked at entry. */
function checkDomain(
  c: Checking,
  parameter: Ast.Argument,
  value: Value,
  at: Ast.Expr,
  inner: Scope,
  scope: Scope,
): void {
  const { domain } = parameter
  if (value.kind !== "scalar" || !domain) return
  const { core } = c
  const bounds =
    domain.kind === "interval"
      ? [
          { operator: ">=" as const, value: domain.low },
          { operator: "<=" as const, value: domain.high },
        ]
      : domain.bounds
  for (const bound of bounds) {
    const limit = c.evaluate(bound.value, inner)
    if (limit.kind !== "scalar") continue
    const strict = bound.operator === "<" || bound.operator === ">"
    const side = bound.operator === "!=" ? "not" : bound.operator.startsWith(">") ? "low" : "high"
    const outside = violation(
      value.expr,
      side === "not" ? { not: limit.expr } : { [side]: { value: limit.expr, strict } },
    )
    if (outside)
      c.fail(
        scope,
        at.span,
        "argument-domain",
        `\`${parameter.name.name}\` must be ${outside}, and is ${c.quote(scope, at)}`,
      )
    const [x, y] = side === "low" ? [limit.expr, value.expr] : [value.expr, limit.expr]
    const condition = core.op(side === "not" ? "ne" : strict ? "lt" : "le", x, y)
    if (condition.kind === "const" || !isGround(condition)) continue
    const message = `\`${parameter.name.name}\` of \`${inner.frame.callable!.name}\` must be ${bound.operator} ${c.text(inner, bound.value)}`
    c.checks.push({ condition, message, span: c.place(scope.frame, at.span).span })
  }
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
