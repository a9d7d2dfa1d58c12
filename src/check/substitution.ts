// `x[c = y, b = j] ?? d` -> the target with its axes replaced, and what must hold for the indices to be in range.
import type * as Ast from "../../grammar/ast.ts"
import { postorder } from "../graph.ts"
import { type AxisExpr, type Expr, conjunction, isConst } from "../ir.ts"
import { flatMap } from "../lists.ts"
import { any, substitute } from "../sums.ts"
import { resolveOne } from "./axes.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { article } from "./domains.ts"
import { int, single } from "./operands.ts"
import { prove } from "./ranges.ts"
import type { Axis, Scope } from "./scope.ts"
import {
  type ConditionNeed,
  type Failure,
  type Need,
  type Scalar,
  type Value,
  broken,
  move,
  relyOn,
  scalar,
  settle,
  under,
} from "./values.ts"

interface Index {
  readonly axis: Axis
  readonly entry: Ast.Entry
  /** The number as written. */
  readonly value: Scalar
  /** The same counted from 0. */
  readonly at: Expr
}

/** Reads a substitution. */
export function substitution(c: Checking, node: Ast.Substitute, scope: Scope): Value {
  const target = single(c, node.target, scope)
  const indices: Index[] = []
  let whole = target !== undefined
  for (const entry of node.entries) {
    const axis = resolveOne(c, entry.axis, scope)
    const value = int(c, entry.value, scope, "an index")
    if (!axis || !value) {
      whole = false
      continue
    }
    if (indices.some((other) => other.axis.axis === axis.axis)) {
      c.fail(scope, entry.span, "axis-twice", `axis \`${axisName(axis.axis)}\` is replaced twice`)
      whole = false
      continue
    }
    indices.push({ axis, entry, value, at: c.core.op("sub", value.expr, axis.low) })
  }
  const fallback = node.default && single(c, node.default, scope)
  if (!whole || !target || (node.default && !fallback)) return broken

  const present = indices.filter((index) => {
    const { axis } = index.axis
    if (target.expr.axes.includes(axis)) return true
    if (scope.frame.depth === 0)
      c.warn(
        scope,
        index.entry.span,
        "no-such-axis",
        `${c.quote(scope, node.target)} has no axis \`${axisName(axis)}\`: nothing is replaced`,
        {
          help:
            target.expr.axes.length > 0
              ? `its axes are ${axisNames(target.expr.axes)}`
              : "it has no axes at all",
        },
      )
    return false
  })
  const map = new Map<AxisExpr, Expr>(present.map((index) => [index.axis.axis, index.at]))
  const moved = move(c.core, target, map)
  const needs = flatMap(present, (index) => inRange(c, index, node, scope))
  const read = scalar(moved.expr, [moved, ...present.map((index) => index.value)])
  if (!fallback) return { ...read, needs: scalar(read.expr, [read], settle(c.core, needs)).needs }

  const { core } = c
  const conditions: Expr[] = []
  const known: Need[] = []
  for (const need of needs) {
    const proof = prove(core, need.condition, [])
    if (proof) known.push(...relyOn(need, proof))
    else conditions.push(need.condition)
  }
  const guard = conjunction(core, conditions)
  if (isConst(guard, 1)) return scalar(read.expr, [read], known)
  if ((fallback.expr.type === "bool") !== (read.expr.type === "bool"))
    return c.fail(
      scope,
      node.default!.span,
      "branch-types",
      `the default is ${article(fallback.expr.type)} and what it stands for is ${article(read.expr.type)}`,
    )
  const indexNeeds = scalar(
    guard,
    present.map((index) => index.value),
  )
  const access = under(core, scalar(moved.expr, [moved], known), guard)
  const other = under(core, fallback, core.op("not", guard))
  return scalar(core.op("select", guard, access.expr, other.expr), [indexNeeds, access, other])
}

/** The conditions under which an index is one of its axis. */
function inRange(
  c: Checking,
  { axis, entry, value, at }: Index,
  node: Ast.Substitute,
  scope: Scope,
): ConditionNeed[] {
  const { core } = c
  const { extent } = axis.axis
  if (at.kind === "axis" && at.extent === extent) return []
  const name = axisName(axis.axis)
  const written = c.origin(scope, entry.value)
  const index = c.quote(written.scope, written.node)
  // A default can be written only where the text is the user's own.
  const otherwise = scope.frame.site ? "" : `, or say what to read instead: \`${c.text(scope, node)} ?? 0\``
  const need = (condition: Expr, failure: Failure): ConditionNeed => ({
    kind: "condition",
    condition,
    given: [],
    place: c.place(scope.frame, entry.span),
    failure: { ...failure, message: c.inside(scope.frame, failure.message) },
    entry: `\`${name} = ${c.text(written.scope, written.node)}\` is an entry of axis \`${name}\` only if`,
  })
  const above = core.op("le", core.zero, at)
  const below = core.op("lt", at, extent)
  const label = at.kind === "load" && at.input.label?.optional ? at.input : undefined
  if (label) {
    const failure: Failure = {
      code: "label-unguarded",
      message: `${index} may hold a value that is no index of axis \`${name}\` (it is declared \`index?\`)`,
      help: `leave such rows out (\`where ${label.name} != -1\`)${otherwise}`,
    }
    return [need(above, failure), need(below, failure)]
  }
  const both = c.inside(scope.frame, `the index ${index} of axis \`${name}\` may be out of range`)
  const outside = (where: string): Failure => ({
    code: "index-out-of-range",
    message: `the index ${index} of axis \`${name}\` may be ${where}`,
    help: `guard it with \`if\`${otherwise}`,
    both,
  })
  const first = axis.low.kind === "const" ? String(axis.low.value) : "its first entry"
  const nothing: Failure = {
    code: "empty-argmax",
    message: `${index} is the place of nothing where no entry passes its filter`,
    help: `guard it with \`if\`${otherwise}`,
  }
  return [
    need(above, outside(`below ${first}`)),
    need(below, outside("beyond its last entry")),
    ...argReductions(c, value.expr).map(({ bound, filter }) =>
      need(any(core, bound, filter, core.true), nothing),
    ),
  ]
}

interface ArgReduction {
  readonly bound: readonly AxisExpr[]
  readonly filter: Expr
}

/** What the argmax and argmin in an index search, at the index where they are read. */
function argReductions(c: Checking, index: Expr): ArgReduction[] {
  return flatMap(postorder([index]), (e) => {
    if (e.kind !== "ref" || (e.def.op !== "argmax" && e.def.op !== "argmin")) return []
    const map = new Map<AxisExpr, Expr>()
    e.def.formals.forEach((formal, i) => map.set(formal, e.index[i]!))
    const bound = e.def.bound.map((axis) => c.core.freshAxis(axis.extent))
    e.def.bound.forEach((axis, i) => map.set(axis, bound[i]!))
    return [{ bound, filter: substitute(c.core, e.def.filter, map) }]
  })
}
