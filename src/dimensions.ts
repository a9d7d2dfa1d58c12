// Statements -> placed statements: one global list of loop dimensions, found by union-find over the axes of all statements.
//
// Each statement names its axes as it likes. Two axes are one dimension if a reader reads its producer there, if they index
// the same input in the same place, or if nothing keeps their loops apart; never two axes of one statement. Dimensions are
// then put into one total order, and every statement loops over its own in that order.
import { loadsIn } from "./graph.ts"
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  type LoadExpr,
  type RefExpr,
  compare,
  conjuncts,
  givesPlaces,
} from "./ir.ts"
import { flatMap } from "./lists.ts"
import type { Statement } from "./statements.ts"
import { substitute } from "./sums.ts"

/** A statement whose axes are dimensions. */
export interface Placed extends Statement {
  /** Loops, outermost first. */
  readonly loops: readonly AxisExpr[]
  /** The statements that compute the definitions it reads; a pinned store also follows the dense store of its array. */
  readonly sources: Map<Def, Placed>
  readonly follows: Placed | undefined
}

const reads = new WeakMap<Statement, readonly RefExpr[]>()

/** Every read of a definition by a statement, in its filter, body and place. */
export function readsOf(s: Statement): readonly RefExpr[] {
  let found = reads.get(s)
  if (!found) reads.set(s, (found = [...new Set(flatMap([s.filter, s.body, ...s.place], (e) => e.refs))]))
  return found
}

const loads = new WeakMap<Statement, readonly LoadExpr[]>()

/** Every element of an input that the filter or the body of a statement reads. */
export function loadsOf(s: Statement): readonly LoadExpr[] {
  let found = loads.get(s)
  if (!found) loads.set(s, (found = loadsIn([s.filter, s.body])))
  return found
}

/**
 * Names the axes of all statements after dimensions. For owners, and for places, which have two accumulators, the axes of a value
 * are loops around those it is reduced over.
 */
export function place(core: Core, statements: readonly Statement[], owner: boolean): Placed[] {
  const dimensions = new Dimensions(statements, owner)
  dimensions.join()
  const ranked = dimensions.ranked()
  const digits = String(ranked.length).length
  const names = ranked.map((d, i) => core.axis(`d${String(i).padStart(digits, "0")}`, d.extent))
  const placed: Placed[] = []
  const byDef = new Map<Def, Placed>()
  const byArray = new Map<string, Placed>()
  for (const s of statements) {
    const own = [...s.formals, ...s.bound]
    const map = new Map<AxisExpr, AxisExpr>(own.map((a) => [a, names[ranked.indexOf(dimensions.of(s, a))]!]))
    orient(s, map)
    const go = (e: Expr): Expr => substitute(core, e, map)
    const inOrder = (axes: readonly AxisExpr[]): AxisExpr[] => axes.map((a) => map.get(a)!).sort(compare)
    const isWhole = owner || givesPlaces(s.op)
    const loops = isWhole ? [...inOrder(s.formals), ...inOrder(s.bound)] : inOrder(own)
    const made: Placed = {
      kind: s.kind,
      op: s.op,
      formals: s.formals.map((a) => map.get(a)!),
      bound: s.bound.map((a) => map.get(a)!),
      filter: go(s.filter),
      body: go(s.body),
      def: s.def,
      place: s.place.map(go),
      name: s.name,
      loops,
      sources: new Map(),
      follows: s.kind === "store" ? byArray.get(s.name) : undefined,
    }
    for (const { def } of readsOf(made)) made.sources.set(def, byDef.get(def)!)
    if (s.def) byDef.set(s.def, made)
    if (s.kind === "store") byArray.set(s.name, made)
    placed.push(made)
  }
  return placed
}

/** A symmetric definition is read with sorted indices, so its own axes are sorted too. */
function orient(s: Statement, map: Map<AxisExpr, AxisExpr>): void {
  for (const [i, j] of s.def?.symmetric ?? []) {
    const [x, y] = [s.place[i]!, s.place[j]!]
    if (x.kind !== "axis" || y.kind !== "axis") continue
    const [p, q] = [map.get(x)!, map.get(y)!]
    if (compare(p, q) > 0) {
      map.set(x, q)
      map.set(y, p)
    }
  }
}

/** A class of axes. */
class Dimension {
  parent: Dimension | undefined
  readonly extent: Expr
  /** Statements with an axis in the class: no second one may join. */
  readonly statements: Set<Statement>
  constructor(extent: Expr, statement: Statement) {
    this.extent = extent
    this.statements = new Set([statement])
  }
  get root(): Dimension {
    return this.parent ? this.parent.root : this
  }
}

class Dimensions {
  private readonly statements: readonly Statement[]
  private readonly axes = new Map<Statement, Map<AxisExpr, Dimension>>()

  /** Whether what is owned comes before what lies together. */
  private readonly owner: boolean

  constructor(statements: readonly Statement[], owner: boolean) {
    this.statements = statements
    this.owner = owner
    for (const s of statements)
      this.axes.set(s, new Map([...s.formals, ...s.bound].map((a) => [a, new Dimension(a.extent, s)])))
  }

  of(s: Statement, a: AxisExpr): Dimension {
    return this.axes.get(s)!.get(a)!.root
  }

  private find(s: Statement, e: Expr): Dimension | undefined {
    return e.kind === "axis" ? this.axes.get(s)!.get(e)?.root : undefined
  }

  private union(x: Dimension | undefined, y: Dimension | undefined): void {
    if (!x || !y || x === y || x.extent !== y.extent) return
    for (const s of y.statements) if (x.statements.has(s)) return
    y.parent = x
    for (const s of y.statements) x.statements.add(s)
  }

  /** Joins axes, the most telling evidence first. */
  join(): void {
    const producers = new Map<Def, Statement>()
    for (const s of this.statements) if (s.def) producers.set(s.def, s)
    const reads = flatMap(this.statements, (reader) =>
      readsOf(reader).map(({ def, index }) => ({ reader, def, index })),
    )
    this.joinRecurrences(producers, reads)
    const isSink = ({ reader }: (typeof reads)[number]): number => (reader.kind === "define" ? 0 : 1)
    const isSymmetric = ({ def }: (typeof reads)[number]): number => (def.symmetric.length > 0 ? 1 : 0)
    reads.sort(
      (x, y) => isSink(x) - isSink(y) || isSymmetric(x) - isSymmetric(y) || y.index.length - x.index.length,
    )
    for (const r of reads) {
      const producer = producers.get(r.def)!
      const place = [...producer.place]
      for (const [i, j] of r.def.symmetric) {
        const [p, q] = [this.find(producer, place[i]!), this.find(producer, place[j]!)]
        const [x, y] = [this.find(r.reader, r.index[i]!), this.find(r.reader, r.index[j]!)]
        if ((p && p === y) || (q && q === x)) [place[i], place[j]] = [place[j]!, place[i]!]
      }
      place.forEach((e, i) => this.union(this.find(producer, e), this.find(r.reader, r.index[i]!)))
    }
    const places = new Map<string, Dimension>()
    const same = (key: string, d: Dimension | undefined): void => {
      if (!d) return
      const known = places.get(key)?.root
      if (known) this.union(known, d)
      else places.set(key, d)
    }
    for (const s of this.statements) {
      for (const { input, index } of [...loadsOf(s), ...loadsIn(s.place)])
        index.forEach((x, i) => same(`${input.name} ${i}`, this.find(s, x)))
      if (s.kind === "store") s.place.forEach((x, i) => same(`${s.name} ${i}`, this.find(s, x)))
    }
    const roots = this.roots()
    for (const x of roots) for (const y of roots) if (x.root !== y.root) this.union(x.root, y.root)
  }

  /** The steps of a recurrence and what reads its states run along one dimension, and a state and its step have the same others. */
  private joinRecurrences(
    producers: ReadonlyMap<Def, Statement>,
    reads: readonly { readonly reader: Statement; readonly def: Def; readonly index: readonly Expr[] }[],
  ): void {
    for (const { reader, def, index } of reads) {
      if (def.op !== "state") continue
      const [step] = def.recurrence!.steps.map((d) => producers.get(d)!)
      this.union(this.find(step!, step!.place[0]!), this.find(reader, index[0]!))
    }
    for (const step of this.statements) {
      if (step.op !== "step") continue
      const { states, steps } = step.def!.recurrence!
      const state = producers.get(states[steps.indexOf(step.def!)]!)!
      this.union(this.find(producers.get(steps[0]!)!, steps[0]!.formals[0]!), this.find(step, step.place[0]!))
      state.place.forEach((e, i) => this.union(this.find(state, e), this.find(step, step.place[i]!)))
    }
  }

  private roots(): Dimension[] {
    return [...new Set(flatMap(this.statements, (s) => [...this.axes.get(s)!.values()].map((d) => d.root)))]
  }

  /** The dimensions, outermost first. */
  ranked(): Dimension[] {
    const all = this.roots()
    const score = new Map<Dimension, Map<Dimension, number>>(all.map((d) => [d, new Map()]))
    const before = (x: Dimension | undefined, y: Dimension | undefined, weight: number): void => {
      if (x && y && x !== y) score.get(x)!.set(y, (score.get(x)!.get(y) ?? 0) + weight)
    }
    const inOrder = (s: Statement, index: readonly Expr[]): void => {
      const list = index.map((e) => this.find(s, e))
      list.forEach((x, i) => list.slice(i + 1).forEach((y) => before(x, y, 4)))
    }
    for (const s of this.statements) {
      for (const { index } of loadsOf(s)) inOrder(s, index)
      if (s.kind === "store") inOrder(s, s.place)
      // An argmax keeps two numbers, for which there are no array accumulators: its own axes are innermost.
      const weight = s.op === "argmax" || s.op === "argmin" ? 1e6 : this.owner ? 1e3 : 2
      for (const f of s.formals) for (const r of s.bound) before(this.find(s, f), this.find(s, r), weight)
      // `j <= k` bounds the loop over the reduced axis by the other.
      for (const c of conjuncts(s.filter))
        for (const f of s.formals)
          for (const r of s.bound)
            if (c.axes.includes(f) && c.axes.includes(r)) before(this.find(s, f), this.find(s, r), 0.5)
    }
    const left = new Set(all)
    const out: Dimension[] = []
    while (left.size > 0) {
      let best: Dimension | undefined
      let most = -Infinity
      for (const x of left) {
        let wins = 0
        for (const y of left) wins += Math.sign((score.get(x)!.get(y) ?? 0) - (score.get(y)!.get(x) ?? 0))
        if (wins > most) {
          most = wins
          best = x
        }
      }
      out.push(best!)
      left.delete(best!)
    }
    return out
  }
}
