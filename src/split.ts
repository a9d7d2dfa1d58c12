// Outputs -> stores: each gradient becomes one dense store and, where a term is pinned by `c == y`, one entry stored after it.
//
// The pinned entry is the whole entry, dense term included, simplified with the pinned axis replaced: `softmax - 1` at the
// label becomes `expm1(z_y - lse)`, which an addition to a rounded array could never recover.
import { type AxisExpr, type Core, type Expr, conjunction, conjuncts } from "./ir.ts"
import { assuming, rewriter } from "./simplify.ts"
import { type Term, fromTerms, substitute, terms } from "./sums.ts"
import type { Outputs } from "./loss.ts"

/** One write of an array, at every index of its axes; or, with `pin`, at the entries where an axis equals an expression. */
export interface Store {
  readonly name: string
  readonly axes: readonly AxisExpr[]
  readonly pin?: { readonly axis: AxisExpr; readonly at: Expr }
  /** For a pinned store: the rows in which the entry exists. */
  readonly filter: Expr
  readonly value: Expr
}

/** Splits the arrays of the outputs into stores, in the order in which they must be done. */
export function split(outputs: Outputs): Store[] {
  const { core } = outputs
  const finish = rewriter(core, "finish")
  return outputs.arrays.flatMap((array): Store[] => {
    const { name, axes } = array
    const value = finish(array.value)
    const whole: Store = { name, axes, filter: core.true, value }
    let condition: Expr = core.true
    let inner = value
    while (inner.kind === "op" && inner.op === "guard") {
      condition = core.op("and", condition, inner.args[0]!)
      inner = inner.args[1]!
    }
    const parts = terms(inner)
    const pins = parts.map((t) => pinOf(axes, conjunction(core, [condition, ...guardOf(t.term)])))
    const chosen = pins.find((p) => p !== undefined)
    if (!chosen) return [whole]
    const isPinned = (i: number): boolean => pins[i] !== undefined && pins[i].axis === chosen.axis && pins[i].at === chosen.at
    // Two terms pinned to different entries would overwrite each other; then the comparison stays in the dense store.
    if (pins.some((p, i) => p !== undefined && !isPinned(i))) return [whole]
    const dense = parts.filter((_, i) => !isPinned(i))
    const own = conjuncts(condition).filter((c) => c !== chosen.condition)
    const denseValue = dense.length === 0 ? core.zero : core.op("guard", conjunction(core, own), fromTerms(core, dense))
    const map = new Map([[chosen.axis, chosen.at]])
    const at = (e: Expr): Expr => substitute(core, e, map)
    // With one pinned term its other conditions decide which entries exist; with several they stay in the entry.
    const pinned = parts.filter((_, i) => isPinned(i))
    const facts = [...conjuncts(condition), ...(pinned.length === 1 ? guardOf(pinned[0]!.term) : [])]
    const rows = facts.map(at)
    const known = assuming(core, rows)
    const entry = fromTerms(core, parts.map((t): Term => ({ ...t, term: known(at(t.term)) })))
    return [
      { ...whole, value: denseValue },
      { name, axes, pin: { axis: chosen.axis, at: chosen.at }, filter: conjunction(core, rows), value: finish(entry) },
    ]
  })
}

/** The conjuncts of the guards around a term. */
function guardOf(e: Expr): Expr[] {
  const out: Expr[] = []
  while (e.kind === "op" && e.op === "guard") {
    out.push(...conjuncts(e.args[0]!))
    e = e.args[1]!
  }
  return out
}

/** An equality between an axis of the output and something free of it. */
function pinOf(
  axes: readonly AxisExpr[],
  condition: Expr,
): { axis: AxisExpr; at: Expr; condition: Expr } | undefined {
  for (const c of conjuncts(condition)) {
    if (c.kind !== "op" || c.op !== "eq") continue
    for (const [x, y] of [c.args, [...c.args].reverse()] as readonly (readonly Expr[])[])
      if (x!.kind === "axis" && axes.includes(x!) && !y!.axes.includes(x!) && y!.type === "int")
        return { axis: x!, at: y!, condition: c }
  }
  return undefined
}
