// A total order of expressions by structure: what makes the same text give the same core whatever was made first.
import type { AxisExpr, ConstExpr, Def, Expr, LoadExpr, OpExpr, RefExpr, SizeExpr } from "./expr.ts"
import { flatMap } from "./lists.ts"

/** The axes of several expressions, each once, in structural order. */
export function unionAxes(list: readonly Expr[]): readonly AxisExpr[] {
  let out = none
  for (let i = 0; i < list.length; i++) out = merged(out, list[i]!.axes)
  return out
}

const none: readonly AxisExpr[] = []

/** Two lists in order as one; one of them itself if it has all that the other has. */
function merged(x: readonly AxisExpr[], y: readonly AxisExpr[]): readonly AxisExpr[] {
  if (x === y || y.length === 0) return x
  if (x.length < y.length) return merged(y, x)
  const out: AxisExpr[] = []
  let next = 0
  for (const a of y) {
    while (next < x.length && compare(x[next]!, a) < 0) out.push(x[next++]!)
    if (x[next] !== a) out.push(a)
  }
  if (out.length === next) return x
  while (next < x.length) out.push(x[next++]!)
  return out
}

/** The references in several expressions, each once, in the order in which they are met. */
export function unionRefs(list: readonly Expr[]): readonly RefExpr[] {
  let out = noRef
  for (let i = 0; i < list.length; i++) out = joined(out, list[i]!.refs)
  return out
}

const noRef: readonly RefExpr[] = []

/** Two lists as one; the first itself if it has all that the second has. */
function joined(x: readonly RefExpr[], y: readonly RefExpr[]): readonly RefExpr[] {
  if (x === y || y.length === 0) return x
  if (x.length === 0) return y
  const more = y.filter((ref) => !x.includes(ref))
  return more.length === 0 ? x : [...x, ...more]
}

/** All orders of the axes (as positions) that permute only axes of equal extent. At most 24 are tried. */
export function orderings(axes: readonly AxisExpr[]): readonly (readonly number[])[] {
  if (axes.length < 2) return axes.length === 0 ? noAxis : oneAxis
  const sorted = axes.map((_, i) => i).sort((i, j) => compare(axes[i]!.extent, axes[j]!.extent) || i - j)
  let out: number[][] = [[]]
  for (let at = 0; at < sorted.length;) {
    let end = at
    while (end < sorted.length && axes[sorted[end]!]!.extent === axes[sorted[at]!]!.extent) end++
    const perms = permutations(sorted.slice(at, end))
    out = flatMap(out, (head) => perms.map((tail) => [...head, ...tail])).slice(0, 24)
    at = end
  }
  return out
}

const noAxis = [[]]
const oneAxis = [[0]]

function permutations(list: number[]): number[][] {
  if (list.length <= 1) return [list]
  return flatMap(list, (x, i) =>
    permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [x, ...rest]),
  )
}

const kindOrder = { const: 0, size: 1, load: 2, ref: 3, op: 4, axis: 5 } as const

/**
 * A total order by structure, independent of the order of creation. Distinct nodes never compare equal, and only the first
 * difference is descended into, so a comparison costs at most the height of the tree.
 */
export function compare(x: Expr, y: Expr): number {
  if (x === y) return 0
  if (x.kind !== y.kind) return kindOrder[x.kind] - kindOrder[y.kind]
  switch (x.kind) {
    case "const":
      return x.value - (y as ConstExpr).value || text(x.type, y.type) || (Object.is(x.value, -0) ? -1 : 1)
    case "size":
      return text(x.name, (y as SizeExpr).name)
    case "axis":
      return text(x.name, (y as AxisExpr).name) || compare(x.extent, (y as AxisExpr).extent)
    case "load":
      return text(x.input.name, (y as LoadExpr).input.name) || compareLists(x.index, (y as LoadExpr).index)
    case "ref":
      return compareDefs(x.def, (y as RefExpr).def) || compareLists(x.index, (y as RefExpr).index)
    case "op":
      return text(x.op, (y as OpExpr).op) || compareLists(x.args, (y as OpExpr).args)
  }
}

function compareLists(x: readonly Expr[], y: readonly Expr[]): number {
  if (x.length !== y.length) return x.length - y.length
  for (let i = 0; i < x.length; i++) {
    const order = compare(x[i]!, y[i]!)
    if (order !== 0) return order
  }
  return 0
}

/** Orders definitions by structure. */
export function compareDefs(x: Def, y: Def): number {
  if (x === y) return 0
  return (
    text(x.op, y.op) ||
    compareLists(x.formals, y.formals) ||
    compareLists(x.bound, y.bound) ||
    compare(x.filter, y.filter) ||
    compare(x.body, y.body) ||
    compareRecurrences(x, y)
  )
}

/** Recurrences are opened in an order that the text decides. */
function compareRecurrences(x: Def, y: Def): number {
  const [r, s] = [x.recurrence, y.recurrence]
  return r && s ? r.id - s.id || r.states.indexOf(x) - s.states.indexOf(y) : 0
}

const text = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0)
