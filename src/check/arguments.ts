// The arguments of a call -> the values of parameters, with the types and ranges that a loss declares.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { Input } from "../types.ts"
import type { Checking } from "./checking.ts"
import { article, memberOf, violation } from "./domains.ts"
import { isGround } from "./facts.ts"
import type { Callable, Scope } from "./scope.ts"
import { type Value, broken } from "./values.ts"

/** An argument of a call, with the text it was given as; a default has neither text nor value yet. */
export interface Given {
  readonly parameter: Ast.Argument
  readonly isOption: boolean
  readonly value: Value | undefined
  readonly node: Ast.Expr | undefined
}

/** Pairs the arguments of a call with parameters; undefined if they do not fit. */
export function readArguments(
  c: Checking,
  callable: Callable,
  node: Ast.Call,
  scope: Scope,
): Given[] | undefined {
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

/** A constant outside of the range of an option is wrong; what is not known yet is checked at entry. */
export function checkDomain(
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
