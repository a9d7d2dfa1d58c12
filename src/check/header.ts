// The header of a loss -> its batch axes and inputs, and the scope in which its body is read.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { AxisExpr } from "../ir.ts"
import { flatMap } from "../lists.ts"
import type { Input, Role, ScalarType } from "../types.ts"
import type { Checking, OpenInput } from "./checking.ts"
import { readComponents } from "./components.ts"
import { readDefault, readDomain } from "./domains.ts"
import { type AxisGroup, type Frame, type Scope, called, nameOf, nest } from "./scope.ts"
import { type Value, broken, plain } from "./values.ts"

type Axes = Map<string, AxisExpr>

/** Declares the axes and inputs of a loss. */
export function readHeader(c: Checking, loss: Ast.Loss, frame: Frame): Scope {
  const scope = nest(undefined, frame)
  const axes: Axes = new Map()
  const all = [...loss.arguments, ...loss.options]
  const types = flatMap(all, ({ type }) => (type ? [type.axes] : []))
  const components = readComponents(c, types, scope)
  const batch = declareAxes(c, scope, loss.axes, axes, "batch axis", new Map())
  c.batch.push(...batch)
  for (const list of types) c.own.push(...declareAxes(c, scope, list, axes, "axis", components))

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
  components: ReadonlyMap<string, readonly string[]>,
): AxisExpr[] {
  const fresh: AxisExpr[] = []
  const seen = new Set<string>()
  for (const node of list) {
    const name = nameOf(node)
    if (node.kind === "components" && (what === "batch axis" || axes.get(name)?.extent.kind === "size"))
      c.fail(scope, node.span, "components-place", `\`${name}\` is a batch axis, and rows have no names`, {
        help: "name the entries of an axis of a type: `box: [side: (x1, y1)]`",
      })
    if (seen.has(name)) {
      c.fail(scope, node.span, "axis-twice", `axis \`${name}\` stands twice in one list`, {
        help: "give each its own name; a call can still require equal sizes",
      })
      continue
    }
    seen.add(name)
    if (axes.has(name)) continue
    const members = components.get(name)
    const axis = c.core.axis(name, members ? c.core.const(members.length) : c.core.sizeOf(name))
    if (members) c.components.set(axis, members)
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
    const axis = axes.get(nameOf(node))
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
    dimensions: at.map((a) => {
      const components = c.components.get(a)
      return { name: a.name, extent: a.extent, ...(components && { components }) }
    }),
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
