// The header of a loss -> its batch axes and inputs, and the scope in which its body is read.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { AxisExpr, Expr } from "../ir.ts"
import type { Domain, Input, Role, ScalarType } from "../types.ts"
import { isGround } from "./ranges.ts"
import type { Checking, OpenInput } from "./checking.ts"
import { number } from "./operands.ts"
import { type AxisGroup, type Frame, type Scope, called, nest } from "./scope.ts"
import { type Value, broken, plain } from "./values.ts"

type Axes = Map<string, AxisExpr>

/** Declares the axes and inputs of a loss. */
export function readHeader(c: Checking, loss: Ast.Loss, frame: Frame): Scope {
  const scope = nest(undefined, frame)
  const axes: Axes = new Map()
  const batch = declareAxes(c, scope, loss.axes, axes, "batch axis")
  c.batch.push(...batch)
  const all = [...loss.arguments, ...loss.options]
  for (const { type } of all) if (type) c.own.push(...declareAxes(c, scope, type.axes, axes, "axis"))

  for (const argument of all) {
    const { name, span } = argument.name
    const known = scope.names.get(name)
    if (known) {
      const what = known.kind === "axis" ? called(known.group.what) : "an argument"
      c.fail(scope, span, "name-taken", `\`${name}\` is ${what} already`, {
        help: "axes and arguments share their names: use another",
      })
      continue
    }
    const isOption = loss.options.includes(argument)
    const made = readArgument(c, scope, argument, isOption, batch, axes)
    const value: Value = made ? plain(c.core.load(made.input, made.at)) : broken
    scope.names.set(name, {
      kind: "value",
      value,
      place: { source: frame.module.source, span },
      what: isOption ? "option" : "argument",
    })
    if (made) c.inputs.push(made.input)
  }
  return scope
}

/** Declares the axes of a list that are not known yet, and returns those. */
function declareAxes(
  c: Checking,
  scope: Scope,
  list: readonly Ast.Axis[],
  axes: Axes,
  what: AxisGroup["what"],
): AxisExpr[] {
  const fresh: AxisExpr[] = []
  const seen = new Set<string>()
  for (const node of list) {
    if (node.kind === "components") {
      c.fail(scope, node.span, "not-yet", "named components are not available yet", {
        help: "declare an axis, and read its entries by number: `box[side = 0]`",
      })
      continue
    }
    const name = node.kind === "rest" ? "..." : node.name
    if (seen.has(name)) {
      c.fail(scope, node.span, "axis-twice", `axis \`${name}\` stands twice in one list`, {
        help: "give each its own name; a call can still require equal sizes",
      })
      continue
    }
    seen.add(name)
    if (axes.has(name)) continue
    const axis = c.core.axis(name, c.core.sizeOf(name))
    axes.set(name, axis)
    fresh.push(axis)
    const place = { source: scope.frame.module.source, span: node.span }
    const group: AxisGroup = { name, items: [{ axis, low: c.core.zero }], place, what }
    scope.names.set(name, { kind: "axis", group })
  }
  return fresh
}

function readArgument(
  c: Checking,
  scope: Scope,
  argument: Ast.Argument,
  isOption: boolean,
  batch: readonly AxisExpr[],
  axes: Axes,
): { input: OpenInput; at: readonly AxisExpr[] } | undefined {
  const { name, type, modifier } = argument
  const role: Role = isOption ? "option" : modifier === "shared" ? "shared" : "sample"
  const written: AxisExpr[] = []
  for (const node of type?.axes ?? []) {
    if (node.kind === "components") return undefined
    const axis = axes.get(node.kind === "rest" ? "..." : node.name)
    if (axis && !written.includes(axis)) written.push(axis)
  }
  const namesBatch = written.some((a) => batch.includes(a))
  const at = role === "sample" && !namesBatch ? [...batch, ...written] : written
  const scalar = type?.scalar

  let scalarType: ScalarType = "real"
  let label: Input["label"]
  let choices: string[] | undefined
  if (scalar?.kind === "plain") scalarType = scalar.type
  if (scalar?.kind === "index") {
    scalarType = "int"
    const axis = axes.get(scalar.axis.name)
    if (!axis) {
      const near = nearest(scalar.axis.name, axes.keys())
      c.fail(
        scope,
        scalar.axis.span,
        "unknown-axis",
        `no argument has an axis \`${scalar.axis.name}\` that an index could point into`,
        help(near),
      )
      return undefined
    }
    label = { axis: axis.name, extent: axis.extent, optional: scalar.sentinel }
  }
  if (scalar?.kind === "choice") {
    scalarType = "int"
    choices = []
    for (const { value, span } of scalar.members) {
      if (choices.includes(value))
        c.fail(scope, span, "choice-twice", `"${value}" stands twice among the choices`)
      else choices.push(value)
    }
    if (!isOption || written.length > 0) {
      c.fail(
        scope,
        argument.span,
        "choice-place",
        `\`${name.name}\` is a choice: it is one word for a whole call`,
        { help: "put it behind `;`, without axes" },
      )
      return undefined
    }
  }
  if (modifier === "static" && (!isOption || written.length > 0)) {
    c.fail(
      scope,
      argument.span,
      "static-place",
      `\`${name.name}\` cannot be static: it is an array of each call`,
      { help: "only options behind `;` without axes are static" },
    )
    return undefined
  }

  const input: OpenInput = {
    name: name.name,
    type: scalarType,
    role,
    dimensions: at.map((a) => ({ name: a.name, extent: a.extent })),
    isStatic: choices !== undefined || modifier === "static",
  }
  if (label) input.label = label
  if (choices) input.choices = choices
  const doc = argument.docs.map((d) => d.text).join("\n")
  if (doc) input.doc = doc
  if (argument.domain) {
    const domain = readDomain(
      c,
      scope,
      argument,
      argument.domain,
      scalarType,
      label !== undefined || choices !== undefined,
    )
    if (domain) input.domain = domain
  }
  if (argument.default) readDefault(c, scope, argument.default, input, written)
  return { input, at }
}

/** Code for a suggestion, if there is one. */
const help = (near: string | undefined): { help?: string } =>
  near === undefined ? {} : { help: `did you mean \`${near}\`?` }

function readDomain(
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
  return e.kind === "load" || (e.kind === "op" && e.args.some(readsOption))
}

function readDefault(
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
