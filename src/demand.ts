// Which conditions hold wherever a statement's value is needed: they become branches around loops and rows, so that a row
// left out by `where` or by an inactive hinge costs nothing, and nothing of it is read.
import { children, postorderOfReads, reach } from "./graph.ts"
import { type AxisExpr, type Def, type Expr, type RefExpr, conjuncts } from "./ir.ts"
import { cyclesOf } from "./cycles.ts"
import { type Placed, readsOf } from "./dimensions.ts"
import { flatMap } from "./lists.ts"

/** The conditions under which each statement matters, over its own loops. */
export function demands(statements: readonly Placed[]): Map<Placed, ReadonlySet<Expr>> {
  const reads = new Map<Placed, { reader: Placed; read: RefExpr }[]>()
  for (const reader of statements)
    for (const read of readsOf(reader)) {
      const source = reader.sources.get(read.def)!
      const list = reads.get(source)
      if (list) list.push({ reader, read })
      else reads.set(source, [{ reader, read }])
    }
  const indices = usedAsIndex(statements)
  const cycles = cyclesOf(statements)
  const out = new Map<Placed, ReadonlySet<Expr>>()
  const of = (s: Placed): ReadonlySet<Expr> => {
    const known = out.get(s)
    if (known) return known
    const own = new Set<Expr>()
    if (s.op === "sum" || s.kind !== "define") for (const c of conjuncts(s.filter)) own.add(c)
    if (s.kind === "store") for (const c of guards(s.body)) own.add(c)
    if (s.def && !indices.has(s.def))
      for (const c of s.op === "step" ? fromOutside(s) : fromReaders(s)) own.add(c)
    out.set(s, own)
    return own
  }
  /**
   * What everything outside a recurrence demands that reads one of its states, as far as it can be said with axes along which
   * the states are independent: a step is also needed for those after it.
   */
  const fromOutside = (s: Placed): Expr[] => {
    const { recurrence, members, apart } = cycles.find(
      (c) => c.members.has(s) && c.recurrence === s.def!.recurrence,
    )!
    const ends = statements.filter(
      (x) => x.def && (x === s || [...recurrence.states, ...recurrence.steps].includes(x.def)),
    )
    const uses = flatMap(ends, (end) => reads.get(end) ?? []).filter(({ reader }) => !members.has(reader))
    const complete = dependencies(s)
    let shared: Set<Expr> | undefined
    for (const { reader, read } of uses) {
      const source = reader.sources.get(read.def)!
      const same = new Set(source.place.filter((e, i) => apart.has(e as AxisExpr) && read.index[i] === e))
      const path = pathsOf(reader).get(read) ?? []
      const wanted = [...of(reader), ...path].filter(
        (c) => c.axes.every((a) => same.has(a)) && c.refs.every(({ def }) => complete.has(def)),
      )
      shared = new Set(shared ? wanted.filter((c) => shared!.has(c)) : wanted)
    }
    return [...(shared ?? [])]
  }
  /** What all readers demand, as far as it can be said with the statement's own axes. */
  const fromReaders = (s: Placed): Expr[] => {
    let shared: Set<Expr> | undefined
    let inside: ReadonlySet<Def> | undefined
    const complete = (def: Def): boolean => (inside ??= dependencies(s)).has(def)
    for (const { reader, read } of reads.get(s) ?? []) {
      if (shared?.size === 0) break
      const same = new Set<AxisExpr>()
      s.place.forEach((e, i) => {
        if (e.kind === "axis" && read.index[i] === e) same.add(e)
      })
      const path = pathsOf(reader).get(read) ?? []
      const wanted = [...of(reader), ...path].filter(
        (c) => c.axes.every((a) => same.has(a)) && c.refs.every(({ def }) => complete(def)),
      )
      shared = new Set(shared ? wanted.filter((c) => shared!.has(c)) : wanted)
    }
    return [...(shared ?? [])]
  }
  // Results read scalars unconditionally; they demand nothing.
  for (const s of statements) of(s)
  return out
}

const paths = new WeakMap<Placed, ReadonlyMap<Expr, ReadonlySet<Expr>>>()

function pathsOf(s: Placed): ReadonlyMap<Expr, ReadonlySet<Expr>> {
  let known = paths.get(s)
  if (!known) paths.set(s, (known = pathConditions(s)))
  return known
}

/** For each node of a statement that reads a definition, the conditions of the filter and the selections on every way to it. */
function pathConditions(s: Placed): ReadonlyMap<Expr, ReadonlySet<Expr>> {
  const out = new Map<Expr, ReadonlySet<Expr>>()
  const arrive = (e: Expr, conditions: ReadonlySet<Expr>): void => {
    if (e.refs.length === 0) return
    const known = out.get(e)
    if (known === conditions) return
    out.set(e, known ? new Set([...known].filter((c) => conditions.has(c))) : conditions)
  }
  const filter = conjuncts(s.filter)
  arrive(s.body, new Set(filter))
  // A conjunct of the filter is reached only if those before it hold; where a row is written, only if all do.
  filter.forEach((c, i) => arrive(c, new Set(filter.slice(0, i))))
  for (const e of s.place) arrive(e, new Set(filter))
  for (const e of postorderOfReads([s.filter, s.body, ...s.place]).reverse()) {
    const here = out.get(e)
    if (!here) continue
    const [c, x, y] = e.kind === "op" ? e.args : []
    if (e.kind === "op" && (e.op === "guard" || e.op === "select")) {
      arrive(c!, here)
      arrive(x!, new Set([...here, ...conjuncts(c!)]))
      if (y) arrive(y, here)
    } else for (const child of children(e)) arrive(child, here)
  }
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

/** Definitions whose values are indices: they are always computed, for an index must be one even where its element is not used. */
function usedAsIndex(statements: readonly Placed[]): ReadonlySet<Def> {
  const out = new Set<Def>()
  for (const s of statements) {
    const reads = postorderOfReads([s.filter, s.body, ...s.place]).filter(
      (e) => e.kind === "load" || e.kind === "ref",
    )
    const places = s.place.filter((e) => e.kind !== "load" && e.kind !== "ref")
    for (const index of [...flatMap(reads, (e) => e.index), ...places])
      for (const { def } of index.refs) for (const d of throughStates(def)) out.add(d)
  }
  return out
}

/** The definitions that a definition reads, directly, from step to step or otherwise. */
function throughStates(def: Def): ReadonlySet<Def> {
  const out = new Set<Def>()
  const visit = (d: Def): void => {
    if (out.has(d)) return
    for (const x of reach(d)) out.add(x)
    for (const { recurrence } of reach(d)) recurrence?.steps.forEach(visit)
  }
  visit(def)
  return out
}

/** Definitions that are complete before the statement starts, because it reads them itself. */
function dependencies(s: Placed): ReadonlySet<Def> {
  return new Set(flatMap([...s.filter.refs, ...s.body.refs], ({ def }) => [...reach(def)]))
}
