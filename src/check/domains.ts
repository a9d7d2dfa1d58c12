// Declared ranges, defaults and choices of arguments, and whether a value is among them.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import { postorder } from "../graph.ts"
import type { AxisExpr, Expr } from "../ir.ts"
import type { Domain, Input, ScalarType } from "../types.ts"
import type { Checking, OpenInput } from "./checking.ts"
import { isGround } from "./facts.ts"
import { number } from "./operands.ts"
import type { Scope } from "./scope.ts"

/** The range of values that an argument declares. */
export function readDomain(
  c: Checking,
  scope: Scope,
  argument: Ast.Argument,
  node: Ast.Domain,
  type: ScalarType,
  named: boolean,
): Domain | undefined {
  if (type === "bool" || named) {
    const what =
      type === "bool" ? "a bool" : argument.type?.scalar?.kind === "choice" ? "a choice" : "an index"
    c.fail(
      scope,
      node.span,
      "domain-type",
      `\`${argument.name.name}\` is ${what} and has no range of numbers`,
      { help: "leave the range out" },
    )
    return undefined
  }
  const value = (e: Ast.Expr): Expr | undefined => {
    const found = number(c, e, scope)
    if (!found) return undefined
    if (isGround(found.expr) && !readsOption(found.expr)) return found.expr
    c.fail(scope, e.span, "domain-bound", `${c.quote(scope, e)} is not known before the call`, {
      help: "bounds are made of numbers and `size(…)`",
    })
    return undefined
  }
  if (node.kind === "interval") {
    const [low, high] = [value(node.low), value(node.high)]
    if (!low || !high) return undefined
    if (low.kind === "const" && high.kind === "const" && low.value > high.value)
      c.fail(scope, node.span, "domain-empty", `no number is in ${c.quote(scope, node)}`)
    return { low: { value: low, strict: false }, high: { value: high, strict: false } }
  }
  const domain: { -readonly [K in keyof Domain]: Domain[K] } = {}
  for (const bound of node.bounds) {
    const limit = value(bound.value)
    if (!limit) return undefined
    const strict = bound.operator === "<" || bound.operator === ">"
    const side = bound.operator === "!=" ? "not" : bound.operator.startsWith(">") ? "low" : "high"
    if (domain[side]) {
      c.fail(scope, bound.span, "domain-twice", `\`${argument.name.name}\` has two bounds on the same side`, {
        help: "keep one of them",
      })
      return undefined
    }
    if (side === "not") domain.not = limit
    else domain[side] = { value: limit, strict }
  }
  return domain
}

function readsOption(e: Expr): boolean {
  return postorder([e]).some((x) => x.kind === "load")
}

/** Reads the default of an argument into its input. */
export function readDefault(
  c: Checking,
  scope: Scope,
  node: Ast.Expr,
  input: OpenInput,
  written: readonly AxisExpr[],
): void {
  if (input.choices) {
    if (node.kind !== "string") {
      c.fail(
        scope,
        node.span,
        "default-type",
        `the default of \`${input.name}\` must be one of its choices`,
        { help: `write "${input.choices[0]}"` },
      )
      return
    }
    const at = memberOf(c, scope, node, input)
    if (at !== undefined) input.default = { expr: c.core.const(at) }
    return
  }
  if (node.kind === "tuple") {
    const numbers = node.items.map((item) => number(c, item, scope)?.expr)
    if (numbers.includes(undefined)) return
    const values = numbers.map((e) => (e?.kind === "const" ? e.value : undefined))
    if (written.length !== 1 || values.includes(undefined)) {
      c.fail(
        scope,
        node.span,
        "default-type",
        "a list of numbers is the default of an argument with one axis",
        { help: `declare it \`${input.name}: [k]\`, and list plain numbers` },
      )
      return
    }
    const extent = written[0]!.extent
    if (extent.kind === "const" && extent.value !== values.length) {
      c.fail(
        scope,
        node.span,
        "default-type",
        `\`${input.name}\` has ${extent.value} entries, and its default ${values.length}`,
      )
      return
    }
    input.default = { vector: values as number[] }
    return
  }
  const value = c.evaluate(node, scope)
  if (value.kind === "broken") return
  if (value.kind !== "scalar") {
    c.fail(scope, node.span, "default-type", `${c.quote(scope, node)} is not a value for \`${input.name}\``)
    return
  }
  const { expr } = value
  const fits = input.type === "real" ? expr.type !== "bool" : expr.type === input.type
  if (!fits) {
    c.fail(
      scope,
      node.span,
      "default-type",
      `\`${input.name}\` is ${article(input.type)} and its default ${c.quote(scope, node)} is ${article(expr.type)}`,
    )
    return
  }
  if (!isGround(expr) || readsOption(expr)) {
    c.fail(
      scope,
      node.span,
      "default-value",
      `the default ${c.quote(scope, node)} depends on other arguments`,
      { help: "a default is made of numbers and `size(…)`; use other arguments in the body" },
    )
    return
  }
  const outside = violation(expr, input.domain)
  if (outside) {
    c.fail(
      scope,
      node.span,
      "default-domain",
      `the default ${c.quote(scope, node)} of \`${input.name}\` is not ${outside}`,
    )
    return
  }
  input.default = { expr }
}

/** What a constant should be and is not. */
export function violation(e: Expr, domain: Domain | undefined): string | undefined {
  if (!domain || e.kind !== "const") return undefined
  const { low, high, not } = domain
  if (low?.value.kind === "const" && !(low.strict ? e.value > low.value.value : e.value >= low.value.value))
    return `${low.strict ? ">" : ">="} ${low.value.value}`
  if (
    high?.value.kind === "const" &&
    !(high.strict ? e.value < high.value.value : e.value <= high.value.value)
  )
    return `${high.strict ? "<" : "<="} ${high.value.value}`
  if (not?.kind === "const" && e.value === not.value) return `!= ${not.value}`
  return undefined
}

/** The position of a word among the choices of an input. */
export function memberOf(
  c: Checking,
  scope: Scope,
  node: Ast.StringLiteral,
  input: Input,
): number | undefined {
  const at = input.choices!.indexOf(node.value)
  if (at >= 0) return at
  const near = nearest(node.value, input.choices!)
  c.fail(scope, node.span, "unknown-choice", `"${node.value}" is not a choice of \`${input.name}\``, {
    help:
      near === undefined
        ? `choices are ${input.choices!.map((m) => `"${m}"`).join(", ")}`
        : `did you mean "${near}"?`,
  })
  return undefined
}

/** `a bool`, `an int`, `a real number` */
export function article(type: ScalarType): string {
  return type === "int" ? "an int" : type === "bool" ? "a bool" : "a real number"
}
