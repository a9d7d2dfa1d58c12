// The axes that a loss (or a function with typed parameters) names -> the axes of the arguments of a call.
import type * as Ast from "../../grammar/ast.ts"
import type { AxisExpr } from "../ir.ts"
import type { Given } from "./arguments.ts"
import { type Checking, axisName, axisNames } from "./checking.ts"
import { fits } from "./components.ts"
import { type AxisGroup, type Callable, type Scope, nameOf } from "./scope.ts"
import { flatMap } from "../lists.ts"

/**
 * Axes of the callee's types stand for own axes of the values: by name where the names are equal, else in order. Its batch
 * axes stand for the axes that are left. An axis that no argument decides stays unknown, which matters only where it is used.
 */
export function matchAxes(
  c: Checking,
  callable: Callable,
  node: Ast.Call,
  given: readonly Given[],
  scope: Scope,
): AxisGroup[] | undefined {
  const { declaration } = callable
  if (declaration.kind !== "loss" && !given.some(({ parameter }) => parameter.type)) return []
  const batch = declaration.kind === "loss" ? declaration.axes.map(nameOf) : []
  const found = new Map<string, readonly AxisExpr[]>()
  const matched = new Set<AxisExpr>()
  const left: AxisExpr[] = []
  for (const { parameter, isOption, value, node: at } of given) {
    const written = (parameter.type?.axes ?? []).map(nameOf)
    const own = written.filter((name) => !batch.includes(name))
    if (value?.kind !== "scalar" || !at) continue
    const axes = c.own.filter((a) => value.expr.axes.includes(a))
    const inner = value.expr.axes.filter((a) => !c.batch.includes(a))
    if (inner.length > 0 && own.length > 0) {
      const pairs = pair(own, axes, found) ?? pair(own, inner, found)
      if (!pairs) {
        c.fail(
          scope,
          at.span,
          "argument-axes",
          `\`${parameter.name.name}\` of \`${callable.name}\` has ${list(own)} as own axes, and ${c.quote(scope, at)} has ${axisNames(inner)}`,
        )
        return undefined
      }
      for (const [name, group] of pairs) {
        const known = found.get(name)
        if (known && known.some((a, i) => a !== group[i])) {
          c.fail(
            scope,
            at.span,
            "argument-axes",
            `axis \`${name}\` of \`${callable.name}\` would be ${axisNames(known)} and ${axisNames(group)} at once`,
            {
              help: "the arguments must agree about their axes; rename one with `x[d = e]`",
            },
          )
          return undefined
        }
        const twice = [...found].find(
          ([other, axes]) => other !== name && axes.some((a) => group.includes(a)),
        )
        if (twice) {
          c.fail(
            scope,
            at.span,
            "argument-axes",
            `axes \`${twice[0]}\` and \`${name}\` of \`${callable.name}\` would both be ${axisNames(group)}`,
            { help: `rename one of them: \`let v[${name} in …] = x[${axisName(group[0]!)} = ${name}]\`` },
          )
          return undefined
        }
        const wanted = parameter.type!.axes.find((axis) => nameOf(axis) === name)!
        if (group[0] && !fits(c, wanted, group[0], callable.name, at.span, scope)) return undefined
        found.set(name, group)
        group.forEach((a) => matched.add(a))
      }
    }
    if (!isOption) for (const a of value.expr.axes) if (!left.includes(a)) left.push(a)
  }
  const order = [...c.batch, ...c.own]
  const rows = [...order.filter((a) => left.includes(a)), ...left.filter((a) => !order.includes(a))].filter(
    (a) => !matched.has(a),
  )
  for (const [name, group] of pair(batch, rows, found, true) ?? []) found.set(name, group)

  const names = new Set([
    ...batch,
    ...flatMap(given, ({ parameter }) => (parameter.type?.axes ?? []).map(nameOf)),
  ])
  const place = c.place(scope.frame, node.span)
  return [...names].map((name) => {
    const axes = found.get(name)
    const items = (axes ?? []).map((axis) => ({ axis, low: c.core.zero }))
    return { name, items, place, what: "axis", ...(axes ? {} : { broken: true }) }
  })
}

const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ")

/** Pairs names with axes: equal or known ones first, the others in order, `...` with what is left. */
function pair(
  names: readonly string[],
  axes: readonly AxisExpr[],
  known: ReadonlyMap<string, readonly AxisExpr[]>,
  loosely = false,
): Map<string, readonly AxisExpr[]> | undefined {
  const out = new Map<string, readonly AxisExpr[]>()
  let rest = [...axes]
  for (const name of names) {
    const same =
      rest.find((a) => axisName(a) === name) ??
      rest.find((a) => name !== "..." && known.get(name)?.includes(a))
    if (!same) continue
    out.set(name, [same])
    rest = rest.filter((a) => a !== same)
  }
  const open = names.filter((name) => !out.has(name))
  const at = open.indexOf("...")
  const [before, after] = at < 0 ? [open, []] : [open.slice(0, at), open.slice(at + 1)]
  if (!loosely && (at < 0 ? rest.length !== open.length : rest.length < open.length - 1)) return undefined
  before.forEach((name, i) => rest[i] && out.set(name, [rest[i]]))
  after.forEach((name, i) => {
    const axis = rest[rest.length - after.length + i]
    if (axis) out.set(name, [axis])
  })
  if (at >= 0) out.set("...", rest.slice(before.length, Math.max(before.length, rest.length - after.length)))
  return out
}
