// Windows in two dimensions as two windows in one: core -> core.
//
// `Σ_i Σ_j g[i] g[j] u[y + i, x + j]` is `Σ_j g[j] v[y, x + j]` with `v[y, w] = Σ_i g[i] u[y + i, w]`: what is summed first
// reads the other place as a whole, so that place is an axis there, and 121 products a pixel become 22.
import { postorder } from "./graph.ts"
import type { AxisExpr, Core, Expr } from "./ir.ts"
import { flatMap } from "./lists.ts"
import { readsData } from "./range.ts"

/**
 * An expression about to be summed over an axis, with the places of windows along other axes (`x + j`) replaced by axes of
 * their own wherever it reads the axes of such a place in no other way; and what the new axes stand for.
 */
export function withoutWindows(
  core: Core,
  body: Expr,
  summed: AxisExpr,
): { readonly body: Expr; readonly places: ReadonlyMap<AxisExpr, Expr> } {
  const extents = new Map<Expr, Expr | undefined>()
  for (const e of postorder([body])) {
    if (e.kind !== "load" && e.kind !== "ref") continue
    const own =
      e.kind === "load" ? e.input.dimensions.map((d) => d.extent) : e.def.formals.map((f) => f.extent)
    e.index.forEach((at, i) => {
      if (at.kind !== "op" || at.axes.length < 2 || at.axes.includes(summed) || readsData(at)) return
      extents.set(at, !extents.has(at) || extents.get(at) === own[i] ? own[i] : undefined)
    })
  }
  const windows = new Map(flatMap([...extents], ([at, extent]) => (extent ? [[at, extent] as const] : [])))
  for (let before = -1; before !== windows.size;) {
    before = windows.size
    const others = axesBeside(body, windows)
    for (const at of windows.keys()) if (at.axes.some((a) => others.has(a))) windows.delete(at)
  }
  if (windows.size === 0) return { body, places: new Map() }
  const axes = new Map([...windows].map(([at, extent]) => [at, core.freshAxis(extent)]))
  const done = new Map<Expr, Expr>(axes)
  const go = (e: Expr): Expr => {
    let out = done.get(e)
    if (out) return out
    if (e.kind === "load") out = core.load(e.input, e.index.map(go))
    else if (e.kind === "ref") out = core.ref(e.def, e.index.map(go))
    else out = e.kind === "op" ? core.op(e.op, ...e.args.map(go)) : e
    done.set(e, out)
    return out
  }
  return { body: go(body), places: new Map([...axes].map(([at, axis]) => [axis, at])) }
}

/** The axes that an expression reads outside of the given places, or in more than one of them. */
function axesBeside(body: Expr, places: ReadonlyMap<Expr, unknown>): ReadonlySet<AxisExpr> {
  const out = new Set<AxisExpr>()
  const met = new Set<AxisExpr>()
  const seen = new Set<Expr>()
  const go = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.kind === "axis") out.add(e)
    else if (places.has(e)) for (const a of e.axes) (met.has(a) ? out : met).add(a)
    else if (e.kind === "op") e.args.forEach(go)
    else if (e.kind === "load" || e.kind === "ref") e.index.forEach(go)
  }
  go(body)
  return out
}
