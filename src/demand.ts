// Which conditions hold wherever a statement's value is needed: they become branches around loops and rows, so that a row
// left out by `where` or by an inactive hinge costs nothing, and nothing of it is read.
import { type AxisExpr, type Def, type Expr, conjuncts, definitions } from "./ir.ts"
import { type Placed, readsOf } from "./dimensions.ts"

/** The conditions under which each statement matters, over its own loops. */
export function demands(statements: readonly Placed[]): Map<Placed, ReadonlySet<Expr>> {
  const reads = new Map<Placed, { reader: Placed; index: readonly Expr[] }[]>()
  for (const reader of statements)
    for (const { def, index } of readsOf(reader)) {
      const source = reader.sources.get(def)!
      const list = reads.get(source)
      if (list) list.push({ reader, index })
      else reads.set(source, [{ reader, index }])
    }
  const out = new Map<Placed, ReadonlySet<Expr>>()
  const of = (s: Placed): ReadonlySet<Expr> => {
    const known = out.get(s)
    if (known) return known
    const own = new Set<Expr>()
    if (s.op === "sum" || s.kind !== "define") for (const c of conjuncts(s.filter)) own.add(c)
    if (s.kind === "store") for (const c of guards(s.body)) own.add(c)
    if (s.kind === "define") for (const c of fromReaders(s)) own.add(c)
    out.set(s, own)
    return own
  }
  /** What all readers demand, as far as it can be said with the statement's own axes. */
  const fromReaders = (s: Placed): Expr[] => {
    let shared: Set<Expr> | undefined
    const inside = dependencies(s)
    for (const { reader, index } of reads.get(s) ?? []) {
      const same = new Set<AxisExpr>()
      s.place.forEach((e, i) => {
        if (e.kind === "axis" && index[i] === e) same.add(e)
      })
      const wanted = [...of(reader), ...conjuncts(reader.filter), ...guards(reader.body)].filter(
        (c) => c.axes.every((a) => same.has(a)) && definitions([c]).every((d) => inside.has(d)),
      )
      shared = new Set(shared ? wanted.filter((c) => shared!.has(c)) : wanted)
    }
    return [...(shared ?? [])]
  }
  // Results read scalars unconditionally; they demand nothing.
  for (const s of statements) of(s)
  return out
}

/** The conditions of the guards at the root of an expression. */
export function guards(e: Expr): Expr[] {
  const out: Expr[] = []
  while (e.kind === "op" && e.op === "guard") {
    out.push(...conjuncts(e.args[0]!))
    e = e.args[1]!
  }
  return out
}

/** Definitions that are complete before the statement starts, because it reads them itself. */
function dependencies(s: Placed): ReadonlySet<Def> {
  return new Set(definitions([s.filter, s.body]))
}
