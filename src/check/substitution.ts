// `x[c = y, b = j] ?? d` -> the target with its axes replaced, and what must hold for the indices to be in range.
import type * as Ast from "../../grammar/ast.ts"
import { type AxisExpr, type Expr, conjunction } from "../ir.ts"
import { any, substitute } from "../sums.ts"
import { resolveOne } from "./axes.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { article } from "./header.ts"
import { int, single } from "./operands.ts"
import { prove } from "./ranges.ts"
import type { Axis, Scope } from "./scope.ts"
import { type ConditionNeed, type Scalar, type Value, broken, move, scalar, settle, under } from "./values.ts"

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
  const needs = present.flatMap((index) => inRange(c, index, node, scope))
  const read = scalar(moved.expr, [moved, ...present.map((index) => index.value)])
  if (!fallback) return { ...read, needs: scalar(read.expr, [read], settle(c.core, needs)).needs }

  const { core } = c
  const guard = conjunction(
    core,
    needs.map((need) => need.condition).filter((condition) => !prove(core, condition, [])),
  )
  if (guard.kind === "const" && guard.value === 1) return scalar(read.expr, [read], settle(core, needs))
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
  const access = under(core, moved, guard)
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
  const place = c.place(scope.frame, entry.span)
  const index = c.quote(scope, entry.value)
  const whole = c.text(scope, node)
  const fallback = `\`${whole} ?? 0\``
  const entryText = `\`${c.text(scope, entry)}\` is an entry of axis \`${name}\` only if`
  const need = (
    condition: Expr,
    code: "index-range-low" | "index-range-high" | "label-unguarded" | "empty-argmax",
    message: string,
    help: string,
  ): ConditionNeed => ({
    kind: "condition",
    condition,
    given: [],
    place,
    failure: { code, message: c.inside(scope.frame, message), help },
    entry: entryText,
  })
  const out: ConditionNeed[] = []
  const label = at.kind === "load" && at.input.label?.optional ? at.input : undefined
  if (label) {
    const message = `${index} may hold a value that is no index of axis \`${name}\` (it is declared \`index?\`)`
    const help = `leave such rows out (\`where ${label.name} != -1\`), or say what to read instead: ${fallback}`
    return [
      need(core.op("le", core.zero, at), "label-unguarded", message, help),
      need(core.op("lt", at, extent), "label-unguarded", message, help),
    ]
  }
  const guard = `guard it with \`if\`, or say what to read instead: ${fallback}`
  const first = axis.low.kind === "const" ? String(axis.low.value) : "its first entry"
  out.push(
    need(
      core.op("le", core.zero, at),
      "index-range-low",
      `the index ${index} of axis \`${name}\` may be below ${first}`,
      guard,
    ),
    need(
      core.op("lt", at, extent),
      "index-range-high",
      `the index ${index} of axis \`${name}\` may be beyond its last entry`,
      guard,
    ),
  )
  for (const found of argReductions(c, value.expr)) {
    const condition = any(core, found.bound, found.filter, core.true)
    out.push(
      need(
        condition,
        "empty-argmax",
        `${index} is the place of nothing where no entry passes its filter`,
        `say what to read then: ${fallback}`,
      ),
    )
  }
  return out
}

interface ArgReduction {
  readonly bound: readonly AxisExpr[]
  readonly filter: Expr
}

/** What the argmax and argmin in an index search, at the index where they are read. */
function argReductions(c: Checking, e: Expr): ArgReduction[] {
  if (e.kind === "op") return e.args.flatMap((x) => argReductions(c, x))
  if (e.kind !== "ref" || (e.def.op !== "argmax" && e.def.op !== "argmin")) return []
  const map = new Map<AxisExpr, Expr>()
  e.def.formals.forEach((formal, i) => map.set(formal, e.index[i]!))
  const bound = e.def.bound.map((axis) => c.core.freshAxis(axis.extent))
  e.def.bound.forEach((axis, i) => map.set(axis, bound[i]!))
  return [{ bound, filter: substitute(c.core, e.def.filter, map) }]
}
