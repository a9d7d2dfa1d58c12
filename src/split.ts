// Outputs -> stores: each gradient becomes one dense store and, where a term is pinned by `c == y`, one entry stored after it.
//
// The pinned entry is the whole entry, dense term included, simplified with the pinned axis replaced: `softmax - 1` at the
// label becomes `expm1(z_y - lse)`, which an addition to a rounded array could never recover.
import { type AxisExpr, type Core, type Expr, type OpExpr, conjunction, conjuncts } from "./ir.ts"
import { flatMap } from "./lists.ts"
import { assuming } from "./simplify.ts"
import { type Factor, type Term, factors, fromFactors, fromTerms, terms } from "./flat.ts"
import { atPlace, pinOf } from "./pins.ts"
import { substitute } from "./sums.ts"
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

/** Splits the arrays of the outputs into stores, in the order in which they must be done; `finish` applies the finishing rules. */
export function split(outputs: Outputs, finish: (e: Expr) => Expr): Store[] {
  const { core } = outputs
  return flatMap(outputs.arrays, (array): Store[] => {
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
    const pins = parts.map((t) => pinOf(axes, conjunction(core, [condition, ...guardOf(t.term)]), () => true))
    const chosen = pins.find((p) => p !== undefined)
    if (!chosen) return [whole]
    const isPinned = (i: number): boolean =>
      pins[i] !== undefined && pins[i].axis === chosen.axis && pins[i].at === chosen.at
    // Two terms pinned to different entries would overwrite each other; then the comparison stays in the dense store.
    if (pins.some((p, i) => p !== undefined && !isPinned(i))) return [whole]
    const dense = parts.filter((_, i) => !isPinned(i))
    const own = conjuncts(condition).filter((c) => c !== chosen.condition)
    const denseValue =
      dense.length === 0 ? core.zero : core.op("guard", conjunction(core, own), fromTerms(core, dense))
    const map = new Map([[chosen.axis, chosen.at]])
    const at = (e: Expr): Expr => substitute(core, e, map)
    // With one pinned term its other conditions decide which entries exist; with several they stay in the entry.
    const pinned = parts.filter((_, i) => isPinned(i))
    const facts = [...conjuncts(condition), ...(pinned.length === 1 ? guardOf(pinned[0]!.term) : [])]
    const rows = atPlace(outputs, chosen, facts)
    const known = assuming(core, rows)
    const entry = entryOf(
      core,
      parts.map((t): Term => ({ ...t, term: known(at(t.term)) })),
    )
    return [
      { ...whole, value: denseValue },
      {
        name,
        axes,
        pin: { axis: chosen.axis, at: chosen.at },
        filter: conjunction(core, rows),
        value: finish(entry),
      },
    ]
  })
}

/** A sum in which `k * exp(x) - k` is `k * expm1(x)`, also where the first term stands under a guard of its own. */
function entryOf(core: Core, summands: readonly Term[]): Expr {
  const list = flatMap(summands, (t) => terms(t.term, t.negative))
  const first = list.find((t) => isGuard(t.term) && factors(t.term.args[1]!).some(isExponential))
  if (first) {
    const condition = (first.term as OpExpr).args[0]!
    const under = (t: Term): boolean => isGuard(t.term) && t.term.args[0] === condition
    const whenTrue = list.map((t): Term => (under(t) ? { ...t, term: (t.term as OpExpr).args[1]! } : t))
    const whenFalse = list.filter((t) => !under(t))
    return core.op(
      "select",
      condition,
      entryOf(core, whenTrue),
      whenFalse.length === 0 ? core.zero : fromTerms(core, whenFalse),
    )
  }
  return (
    cancelled(core, list) ??
    cancelled(
      core,
      flatMap(list, (t) => distributed(core, t)),
    ) ??
    fromTerms(core, list)
  )
}

/** `k * exp(x)` with a sum k as one product for each of its terms: one of them may be what another term takes away. */
function distributed(core: Core, t: Term): Term[] {
  const all = factors(t.term)
  const sum = all.find(
    (f) => !f.inverse && f.factor.kind === "op" && (f.factor.op === "add" || f.factor.op === "sub"),
  )
  if (!sum || !all.some(isExponential)) return [t]
  return terms(sum.factor).map(({ term, negative }) => ({
    term: fromFactors(core, [...factors(term), ...all.filter((f) => f !== sum)]),
    negative: negative !== t.negative,
  }))
}

const isExponential = (f: Factor): boolean => !f.inverse && f.factor.kind === "op" && f.factor.op === "exp"

/** The sum with `k * exp(x) - k` as `k * expm1(x)`; undefined if it has no such pair. */
function cancelled(core: Core, list: readonly Term[]): Expr | undefined {
  for (const t of list)
    for (const u of list) {
      if (t === u || t.negative === u.negative) continue
      const all = factors(t.term)
      const exponential = all.find(isExponential)
      const others = all.filter((f) => f !== exponential)
      if (!exponential || !sameFactors(others, factors(u.term))) continue
      const difference = core.op("expm1", (exponential.factor as OpExpr).args[0]!)
      const term = fromFactors(core, [{ factor: difference, inverse: false }, ...others])
      return fromTerms(
        core,
        flatMap(list, (x): Term[] => (x === t ? [{ term, negative: t.negative }] : x === u ? [] : [x])),
      )
    }
  return undefined
}

const isGuard = (e: Expr): e is OpExpr => e.kind === "op" && e.op === "guard"

/** Whether two products have the same factors, ones aside. */
function sameFactors(x: readonly Factor[], y: readonly Factor[]): boolean {
  const key = (list: readonly Factor[]): string =>
    list
      .filter((f) => !(f.factor.kind === "const" && f.factor.value === 1))
      .map((f) => `${f.inverse ? "/" : "*"}${f.factor.id}`)
      .sort()
      .join()
  return key(x) === key(y)
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
