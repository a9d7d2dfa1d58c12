// Substitution and the smart constructor of reductions: core -> core.
//
// Equalities in a filter ("deltas") are eliminated here, guards of the body join the filter, conditions and factors free of
// the bound axes move out. Nothing else is needed for gather, scatter, one-hot, transpose, diagonal or window: they are all
// reductions whose filter holds an equality.
import {
  linear,
  fromLinear,
  combine,
  terms,
  fromTerms,
  type Factor,
  factors,
  fromFactors,
  commonFactors,
  without,
} from "./flat.ts"
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  type ReduceOp,
  type Substitution,
  compare,
  conjunction,
  conjuncts,
  identities,
  isConst,
  unionAxes,
} from "./ir.ts"
import { flatMap } from "./lists.ts"
import { inRange, isConditional, readsData } from "./range.ts"
import { withoutWindows } from "./windows.ts"

/** Replaces axes by expressions, all at once. */
export function substitute(core: Core, root: Expr, map: Substitution): Expr {
  if (map.size === 0) return root
  const done = new Map<Expr, Expr>()
  const go = (e: Expr): Expr => {
    if (!hasAxisOf(e, map)) return e
    const seen = done.get(e)
    if (seen) return seen
    let out: Expr = e
    if (e.kind === "axis") out = map.get(e)!
    else if (e.kind === "load") out = core.load(e.input, e.index.map(go))
    else if (e.kind === "ref") out = refer(core, e.def, e.index.map(go))
    else if (e.kind === "op") out = core.op(e.op, ...e.args.map(go))
    done.set(e, out)
    return out
  }
  return go(root)
}

function hasAxisOf({ axes }: Expr, map: Substitution): boolean {
  for (let i = 0; i < axes.length; i++) if (map.has(axes[i]!)) return true
  return false
}

/**
 * A definition at new indices. Plain and affine indices stay references to one vector. Diagonals, constants and
 * data-dependent indices make a definition of their own where that has no more axes than the vector; otherwise the vector
 * is computed and gathered from.
 */
export function refer(core: Core, def: Def, index: readonly Expr[]): Expr {
  // One sorted row, and the history of a state, serve all their readers.
  if (def.op === "argsort" || def.recurrence) return core.ref(def, index)
  const axes = unionAxes(index)
  const affine = index.every((e) => e.axes.length === 1 && !readsData(e))
  if (affine && axes.length === index.length) return core.ref(def, index)
  const pinned = def.formals.filter((f) =>
    conjuncts(def.filter).some((c) => isEquality(c) && c.axes.includes(f)),
  )
  if (axes.length > def.formals.length - pinned.length) return core.ref(def, index)
  return instantiate(core, def, index)
}

/** The reduction itself at the given indices, with fresh bound axes. */
export function instantiate(core: Core, def: Def, index: readonly Expr[]): Expr {
  const bound = def.bound.map((a) => core.freshAxis(a.extent))
  const map = new Map<AxisExpr, Expr>()
  def.formals.forEach((f, i) => map.set(f, index[i]!))
  def.bound.forEach((a, i) => map.set(a, bound[i]!))
  return reduce(core, def.op, bound, substitute(core, def.filter, map), substitute(core, def.body, map))
}

const isEquality = (e: Expr): boolean => e.kind === "op" && e.op === "eq"

/**
 * A reduction of `body` over the bound axes where `filter` holds. Returns whatever says the same: the reduction may have
 * moved under a factor or a guard, split, or disappeared. An argsort keeps its bound axis.
 */
export function reduce(core: Core, op: ReduceOp, bound: readonly AxisExpr[], filter: Expr, body: Expr): Expr {
  switch (op) {
    case "let":
    case "argmax":
    case "argmin":
      return core.define(op, bound, filter, body)
    case "argsort":
      // Keys that are all the same stay in their order.
      return body.axes.includes(bound[0]!) ? core.define(op, bound, filter, body) : bound[0]!
    case "state":
    case "step":
      throw new Error("a recurrence is opened and closed")
    default:
      return new Reduction(core, op).make(bound, filter, body)
  }
}

/** An expression without the guards at its root, and their conditions. */
export function unguard(e: Expr): { conditions: Expr[]; value: Expr } {
  const conditions: Expr[] = []
  let value = e
  while (value.kind === "op" && value.op === "guard") {
    conditions.push(...conjuncts(value.args[0]!))
    value = value.args[1]!
  }
  return { conditions, value }
}

/** Σ 1 over the indices that pass the filter. */
export function count(core: Core, bound: readonly AxisExpr[], filter: Expr): Expr {
  return reduce(core, "sum", bound, filter, core.one)
}

/** The mean over the indices that pass the filter; 0 if none does. */
export function mean(core: Core, bound: readonly AxisExpr[], filter: Expr, body: Expr): Expr {
  return core.op("ratio", reduce(core, "sum", bound, filter, body), count(core, bound, filter))
}

/** Whether the condition holds for some index that passes the filter. */
export function any(core: Core, bound: readonly AxisExpr[], filter: Expr, condition: Expr): Expr {
  return core.op("lt", core.zero, count(core, bound, conjunction(core, [filter, condition])))
}

/** Whether the condition holds for every index that passes the filter. */
export function all(core: Core, bound: readonly AxisExpr[], filter: Expr, condition: Expr): Expr {
  return core.op("eq", core.zero, count(core, bound, conjunction(core, [filter, core.op("not", condition)])))
}

/** An axis that an equality determines. */
export interface Solution {
  readonly axis: AxisExpr
  readonly value: Expr
  readonly condition: Expr
}

/** An equality of ints solved for each of the axes on which it depends linearly, with coefficient 1 or -1. */
export function solutions(core: Core, condition: Expr, axes: readonly AxisExpr[]): Solution[] {
  if (condition.kind !== "op" || condition.op !== "eq") return []
  const [p, q] = condition.args as readonly [Expr, Expr]
  if (p.type !== "int" || q.type !== "int") return []
  const difference = combine(linear(p), linear(q), -1)
  return flatMap(axes, (axis): Solution[] => {
    const c = difference.terms.get(axis)
    if (c !== 1 && c !== -1) return []
    const terms = new Map(difference.terms)
    terms.delete(axis)
    const rest = { terms, constant: difference.constant }
    const value = fromLinear(core, combine({ terms: new Map(), constant: 0 }, rest, -c))
    return value.axes.includes(axis) ? [] : [{ axis, value, condition }]
  })
}

class Reduction {
  private readonly core: Core
  private readonly op: "sum" | "prod" | "max" | "min" | "logsumexp"

  constructor(core: Core, op: "sum" | "prod" | "max" | "min" | "logsumexp") {
    this.core = core
    this.op = op
  }

  /** The value if no index passes the filter. */
  private get identity(): Expr {
    return this.core.const(identities[this.op]!)
  }

  /** The value where a condition without bound axes holds, else the identity. */
  private under(condition: Expr, value: Expr): Expr {
    if (this.op === "sum") return this.core.op("guard", condition, value)
    return this.core.op("select", condition, value, this.identity)
  }

  make(bound: readonly AxisExpr[], filter: Expr, body: Expr): Expr {
    const { core } = this
    const singles = bound.filter((a) => isConst(a.extent, 1))
    if (singles.length > 0) {
      const map = new Map(singles.map((a) => [a, core.zero]))
      const rest = bound.filter((a) => !singles.includes(a))
      return this.make(rest, substitute(core, filter, map), substitute(core, body, map))
    }
    if (this.op === "sum") {
      while (
        body.kind === "op" &&
        (body.op === "guard" || (body.op === "select" && isConst(body.args[2]!, 0)))
      ) {
        filter = core.op("and", filter, body.args[0]!)
        body = body.args[1]!
      }
      if (isConst(body, 0)) return core.zero
    }
    if (isConst(filter, 0)) return this.identity
    if (bound.length === 0) return this.under(filter, body)

    const conditions = conjuncts(filter)
    const solved = this.solve(bound, conditions)
    if (solved) {
      const map = new Map([[solved.axis, solved.value]])
      const rest = bound.filter((a) => a !== solved.axis)
      const kept = conditions.filter((c) => c !== solved.condition)
      const range = inRange(core, solved.value, solved.axis.extent)
      const moved = kept.map((c) => substitute(core, c, map))
      return this.make(rest, conjunction(core, [...range, ...moved]), substitute(core, body, map))
    }

    const outside = conditions.filter((c) => !c.axes.some((a) => bound.includes(a)))
    if (outside.length > 0) {
      const inside = conditions.filter((c) => !outside.includes(c))
      return this.under(conjunction(core, outside), this.make(bound, conjunction(core, inside), body))
    }
    return this.op === "sum" ? this.sum(bound, filter, body) : core.define(this.op, bound, filter, body)
  }

  /** An equality that determines a bound axis, if there is one that may be used. */
  private solve(bound: readonly AxisExpr[], conditions: readonly Expr[]): Solution | undefined {
    // A window (`h == y + i` with y and i both bound) is left to the scheduler, which may push or pull.
    const isWindow = ({ value }: Solution): boolean =>
      value.kind === "op" && !readsData(value) && value.axes.some((a) => bound.includes(a))
    for (const condition of conditions) {
      const solved = solutions(this.core, condition, bound).find((x) => !isWindow(x))
      if (solved) return solved
    }
    return undefined
  }

  private sum(bound: readonly AxisExpr[], filter: Expr, body: Expr): Expr {
    const { core } = this
    const depends = (e: Expr): boolean => e.axes.some((a) => bound.includes(a))
    // What only the filter keeps in range is not read outside of it.
    const leaves = (e: Expr): boolean =>
      !depends(e) && !isConst(e, 1) && (isConst(filter, 1) || !isConditional(core, e))

    // A term whose own guard pins a bound axis leaves the sum: Σ_j (W[b,j] - [j == b]) k[j] is a sum and one entry.
    const parts = terms(body)
    if (parts.length > 1) {
      const pins = parts.filter((t) => this.pins(bound, t.term))
      if (pins.length > 0) {
        const rest = parts.filter((t) => !pins.includes(t))
        const sums = pins.map((t) => ({ term: this.make(bound, filter, t.term), negative: t.negative }))
        if (rest.length > 0)
          sums.unshift({ term: this.make(bound, filter, fromTerms(core, rest)), negative: false })
        return fromTerms(core, sums)
      }
      const shared = commonFactors(parts.map((t) => factors(t.term).filter((f) => leaves(f.factor))))
      if (shared.length > 0) {
        const inner = parts.map((t) => ({ ...t, term: fromFactors(core, without(factors(t.term), shared)) }))
        return fromFactors(core, [
          ...shared,
          { factor: this.make(bound, filter, fromTerms(core, inner)), inverse: false },
        ])
      }
    }

    if (parts.length === 1) {
      if (parts[0]!.negative) return core.op("neg", this.make(bound, filter, parts[0]!.term))
      const list = factors(body)
      const free = list.filter((f) => leaves(f.factor))
      const rest = list.filter((f) => !free.includes(f))
      if (free.length > 0 && !isConst(body, 1)) {
        const inner = this.make(bound, filter, fromFactors(core, rest))
        return fromFactors(core, [{ factor: inner, inverse: false }, ...free])
      }
      const nested = this.nest(bound, filter, list)
      if (nested) return nested
    }

    if (isConst(body, 1) && isConst(filter, 1))
      return bound.reduce((product: Expr, a) => core.op("mul", product, a.extent), core.one)
    return core.define("sum", bound, filter, body)
  }

  /** Whether a term is a guard with an equality that can be solved for a bound axis. */
  private pins(bound: readonly AxisExpr[], term: Expr): boolean {
    for (const { factor } of factors(term))
      if (factor.kind === "op" && factor.op === "guard" && this.solve(bound, conjuncts(factor.args[0]!)))
        return true
    return false
  }

  /** Sums first over an axis on which only some of the factors depend, unless a condition links it to another bound axis. */
  private nest(bound: readonly AxisExpr[], filter: Expr, list: readonly Factor[]): Expr | undefined {
    if (bound.length < 2 || list.length < 2) return undefined
    const conditions = conjuncts(filter)
    const dependents = (a: AxisExpr): Factor[] => list.filter((f) => f.factor.axes.includes(a))
    const candidates = bound
      .filter((a) => dependents(a).length < list.length && dependents(a).length > 0)
      .filter((a) =>
        conditions.every((c) => !c.axes.includes(a) || c.axes.every((x) => x === a || !bound.includes(x))),
      )
      .sort((x, y) => dependents(x).length - dependents(y).length || compare(x, y))
    const axis = candidates[0]
    if (!axis) return undefined
    const inside = dependents(axis)
    const own = conditions.filter((c) => c.axes.includes(axis))
    const { core } = this
    const { body, places } = withoutWindows(core, fromFactors(core, inside), axis)
    const inner = substitute(core, this.make([axis], conjunction(core, own), body), places)
    const outer = list.filter((f) => !inside.includes(f))
    if (own.length > 0 && outer.some((f) => isConditional(this.core, f.factor))) return undefined
    const kept = conditions.filter((c) => !own.includes(c))
    return this.make(
      bound.filter((a) => a !== axis),
      conjunction(core, kept),
      fromFactors(core, [...outer, { factor: inner, inverse: false }]),
    )
  }
}
