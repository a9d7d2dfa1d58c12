// Names of axes, ranges and binders -> axes of the core.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { Expr } from "../ir.ts"
import type { Span } from "../source.ts"
import { printExpr } from "../print-core.ts"
import type { Checking } from "./checking.ts"
import { int } from "./operands.ts"
import { isGround } from "./facts.ts"
import { prove, remaining } from "./ranges.ts"
import { type Axis, type AxisGroup, type Scope, find, findRange, names } from "./scope.ts"
import { readsSize } from "./words.ts"

type AxisNode = Ast.Name | Ast.Rest

const nameOf = (node: AxisNode): string => (node.kind === "rest" ? "..." : node.name)

/** The axes a name stands for; reports a name that is none. */
export function resolveAxis(c: Checking, node: AxisNode, scope: Scope): AxisGroup | undefined {
  const name = nameOf(node)
  const known = find(scope, name)
  if (known?.kind === "axis") return known.group.broken ? undefined : known.group
  const later = findRange(scope, name)
  if (later) {
    const group = declareIndex(c, name, later.range, node.span, later.scope)
    return group?.broken ? undefined : group
  }
  if (known) {
    c.fail(
      scope,
      node.span,
      "not-an-axis",
      `\`${name}\` is ${known.what === "name" ? "a value" : `an ${known.what}`} and not an axis`,
      {
        help: `bind an index: \`[${name} in …]\`, with another name`,
      },
    )
    return undefined
  }
  if (name === "...") {
    c.fail(scope, node.span, "unknown-axis", "no argument has the axis `...`", {
      help: "declare it in a type: `x: [...]`",
    })
    return undefined
  }
  const near = nearest(name, names(scope, "axis"))
  c.fail(scope, node.span, "unknown-axis", `there is no axis \`${name}\``, {
    help: near
      ? `did you mean \`${near}\`?`
      : `declare it in the type of an argument, or bind it: \`[${name} in …]\``,
  })
  return undefined
}

/** One axis; a function that works along several at once cannot do everything with them. */
export function resolveOne(c: Checking, node: AxisNode, scope: Scope): Axis | undefined {
  const group = resolveAxis(c, node, scope)
  if (!group) return undefined
  if (group.items.length === 1) return group.items[0]
  const list = group.items.map((i) => `\`${i.axis.name}\``).join(", ")
  c.fail(
    scope,
    node.span,
    "one-axis",
    `\`${group.name}\` stands for several axes here (${list}), and this needs one`,
    {
      help: "say in brackets which axis the function works along",
    },
  )
  return undefined
}

interface Range {
  readonly extent: Expr
  readonly low: Expr
}

/** Reads what an index runs over. */
function readRange(c: Checking, range: Ast.Range, scope: Scope): Range | undefined {
  if (range.kind === "extent" && range.value.kind === "name") {
    const known = find(scope, range.value.name)
    const isAxis = known ? known.kind === "axis" : findRange(scope, range.value.name) !== undefined
    if (isAxis || !known) {
      const axis = resolveOne(c, range.value, scope)
      return axis && { extent: axis.axis.extent, low: axis.low }
    }
  }
  const { core } = c
  const read = (node: Ast.Expr, what: string): Expr | undefined => {
    const found = int(c, node, scope, what)
    if (!found) return undefined
    if (c.fix(found.expr)) return found.expr
    c.fail(scope, node.span, "extent-data", `${c.quote(scope, node)} depends on data, and sizes never do`, {
      help: "make it an int option behind `;`, or filter: `[j in b if j < n]`",
    })
    return undefined
  }
  if (range.kind === "extent") {
    const extent = read(range.value, "a count")
    return extent && notNegative(c, { extent, low: core.zero }, range, scope)
  }
  const [low, high] = [read(range.low, "the start of a range"), read(range.high, "the end of a range")]
  if (!low || !high) return undefined
  const extent = core.op("add", core.op("sub", high, low), core.one)
  return notNegative(c, { extent, low }, range, scope)
}

/** An extent that could be negative is checked when the loss is called. */
function notNegative(c: Checking, range: Range, node: Ast.Range, scope: Scope): Range | undefined {
  const condition = c.core.op("le", c.core.zero, range.extent)
  if (prove(c.core, condition, [])) return range
  const left = remaining(c.core, condition, [])
  const text = c.quote(scope, node)
  if (!left || !isGround(range.extent)) {
    c.fail(scope, node.span, "range-negative", `the range ${text} has a negative size`)
    return undefined
  }
  const message = `the range ${text} would have a negative size: needs ${readsSize(left.forms[0]!)}`
  c.checks.push({ condition, message, span: c.place(scope.frame, node.span).span })
  return range
}

/** Declares an index name in the frame of a scope, or finds that it is declared with the same range. */
export function declareIndex(
  c: Checking,
  name: string,
  node: Ast.Range,
  span: Span,
  scope: Scope,
): AxisGroup | undefined {
  const range = readRange(c, node, scope)
  const { frame } = scope
  const place = c.place(frame, span)
  if (!range) {
    const group: AxisGroup = { name, items: [], place, broken: true, what: "index" }
    if (!find(scope, name)) frame.indices.set(name, group)
    return undefined
  }
  const known = find(scope, name)
  const own = frame.indices.get(name)
  if (own) {
    const first = own.items[0]
    if (!first || (first.axis.extent === range.extent && first.low === range.low)) return own
    c.fail(
      scope,
      span,
      "index-range",
      `\`${name}\` runs over ${describe(range)} here and over ${describe({ extent: first.axis.extent, low: first.low })} elsewhere`,
      {
        help: "one index name means one axis in the whole loss: use another name",
      },
    )
    return undefined
  }
  // A function's own index may be called like something outside of the function.
  const inFrame = known && isOwn(scope, name)
  if (inFrame) {
    const what =
      known.kind === "axis" ? `the ${known.group.what} \`${name}\`` : `the ${known.what} \`${name}\``
    c.fail(scope, span, "name-taken", `\`${name}\` cannot be an index: it is ${what}`, {
      help: "use another name for the index",
    })
    return undefined
  }
  const axis = c.core.axis(frame.depth === 0 ? name : `${name}~${frame.depth}`, range.extent)
  const group: AxisGroup = { name, items: [{ axis, low: range.low }], place, what: "index" }
  frame.indices.set(name, group)
  return group
}

const describe = ({ extent, low }: Range): string =>
  low.kind === "const" && low.value === 0
    ? `${printExpr(extent)} entries`
    : `${printExpr(extent)} entries from ${printExpr(low)}`

/** Whether a name is declared in the frame of a scope and not around it. */
function isOwn(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at && at.frame === scope.frame; at = at.parent)
    if (at.names.has(name)) return true
  return false
}

/** The axes that a list of binders stands for; undefined if one is broken. */
export function bind(c: Checking, binders: readonly Ast.Binder[], scope: Scope): Axis[] | undefined {
  const out: Axis[] = []
  let whole = true
  for (const binder of binders) {
    const { index, range } = binder
    let items: readonly Axis[] | undefined
    if (index.kind === "name" && index.name === "_") {
      const read = range && readRange(c, range, scope)
      if (!range) c.fail(scope, binder.span, "unknown-axis", "`_` needs a range", { help: "write `_ in n`" })
      if (read) items = [{ axis: c.core.freshAxis(read.extent), low: read.low }]
    } else if (range) {
      if (index.kind === "rest")
        c.fail(scope, binder.span, "not-an-axis", "`...` is an axis and takes no range", {
          help: "bind a name: `[j in ...]`",
        })
      else items = declareIndex(c, index.name, range, index.span, scope)?.items
    } else items = resolveAxis(c, index, scope)?.items
    if (!items) {
      whole = false
      continue
    }
    for (const item of items) {
      if (out.some((other) => other.axis === item.axis)) {
        c.fail(scope, binder.span, "axis-twice", `axis \`${nameOf(index)}\` stands twice in one list`)
        whole = false
      } else out.push(item)
    }
  }
  return whole ? out : undefined
}

/** The number an axis stands for. */
export function numberOf(c: Checking, { axis, low }: Axis): Expr {
  return c.core.op("add", low, axis)
}
