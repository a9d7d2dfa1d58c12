// Expressions read for what is wanted of them: a number, an int, a condition; and what to say when they are not.
import type * as Ast from "../../grammar/ast.ts"
import type { Checking } from "./checking.ts"
import type { Scope } from "./scope.ts"
import type { Scalar, Value } from "./values.ts"

/** A single value, or undefined if it is broken (which is reported here or was before). */
export function single(c: Checking, node: Ast.Expr, scope: Scope): Scalar | undefined {
  return asSingle(c, c.evaluate(node, scope), node, scope)
}

export function asSingle(c: Checking, value: Value, node: Ast.Expr, scope: Scope): Scalar | undefined {
  if (value.kind === "scalar") return value
  if (value.kind === "text")
    c.fail(scope, node.span, "text-value", `"${value.text}" is a word and not a value`, {
      help: 'compare a choice with it: `kind == "…"`',
    })
  if (value.kind === "tuple")
    c.fail(scope, node.span, "several-values", `${c.quote(scope, node)} is ${value.items.length} values`, {
      help: "take them apart: `let (a, b) = … in`",
    })
  return undefined
}

/** A number, real or int. */
export function number(c: Checking, node: Ast.Expr, scope: Scope): Scalar | undefined {
  return asNumber(c, c.evaluate(node, scope), node, scope)
}

export function asNumber(
  c: Checking,
  value: Value,
  node: Ast.Expr,
  scope: Scope,
  help?: () => string,
): Scalar | undefined {
  const found = asSingle(c, value, node, scope)
  if (!found) return undefined
  if (found.expr.type !== "bool" && !(found.expr.kind === "load" && found.expr.input.choices)) return found
  const at = c.origin(scope, node)
  if (at.node !== node) return asNumber(c, value, at.node, at.scope)
  const text = c.quote(scope, node)
  if (found.expr.type === "bool") {
    c.fail(scope, node.span, "bool-number", `${text} is a bool and not a number`, {
      help: help?.() ?? `write \`indicator(${text.slice(1, -1)})\`, or choose with \`if\``,
    })
    return undefined
  }
  if (found.expr.kind === "load" && found.expr.input.choices) {
    c.fail(scope, node.span, "choice-number", `${text} is a choice and not a number`, {
      help: `compare it: \`${found.expr.input.name} == "${found.expr.input.choices[0]}"\``,
    })
    return undefined
  }
  return found
}

/** An int: an index, an extent, an operand of `div`. */
export function int(c: Checking, node: Ast.Expr, scope: Scope, what: string): Scalar | undefined {
  const found = number(c, node, scope)
  if (!found || found.expr.type === "int") return found
  const at = c.origin(scope, node)
  const quoted = c.quote(at.scope, at.node)
  const division = at.node.kind === "binary" && at.node.operator === "/" ? at.node : undefined
  c.fail(
    at.scope,
    at.node.span,
    "index-not-integer",
    `${what} must be an int, and ${quoted} is a real number`,
    {
      help: division
        ? `\`/\` always gives a real number: write \`div(${c.text(at.scope, division.left)}, ${c.text(at.scope, division.right)})\``
        : "round it with `floor` or `ceil`, or declare the argument `int`",
    },
  )
  return undefined
}

/** A condition. */
export function condition(c: Checking, node: Ast.Expr, scope: Scope): Scalar | undefined {
  const found = single(c, node, scope)
  if (!found || found.expr.type === "bool") return found
  const at = c.origin(scope, node)
  const text = c.text(at.scope, at.node)
  c.fail(
    at.scope,
    at.node.span,
    "not-a-condition",
    `${c.quote(at.scope, at.node)} is a number and not a condition`,
    {
      help:
        at.node.kind === "name"
          ? `compare it: \`${text} != 0\`, or declare it \`${text}: bool\``
          : "compare it with something: `… > 0`",
    },
  )
  return undefined
}
