// Outputs -> statements: what the scheduler orders. Each definition, store and result becomes one statement with loops over
// its formals and its bound axes; expensive values that two statements need become statements of their own.
import { definitions, inOrder, postorder, reach, recurrencesIn } from "./graph.ts"
import { type AxisExpr, type Core, type Def, type Expr, type ReduceOp, conjunction, conjuncts } from "./ir.ts"
import { expander } from "./expand.ts"
import { flatMap } from "./lists.ts"
import type { Outputs } from "./loss.ts"
import { SHARED_COST, ops } from "./ops.ts"
import { atPlace, pinOf } from "./pins.ts"
import { type Store, split } from "./split.ts"
import { inRange, isConditional, readsData } from "./range.ts"
import { rewriter } from "./simplify.ts"
import { type Solution, refer, solutions, substitute } from "./sums.ts"
import { transformer } from "./transform.ts"

/** A definition, a store or a result, as loops: for each index of the formals, combine the body over the bound axes. */
export interface Statement {
  readonly kind: "define" | "store" | "result"
  /** How the body is combined over the bound axes. */
  readonly op: ReduceOp
  /** Axes of the value that are loops. */
  readonly formals: readonly AxisExpr[]
  readonly bound: readonly AxisExpr[]
  readonly filter: Expr
  readonly body: Expr
  readonly def: Def | undefined
  /** Where the value goes, an index for each axis of the array: a formal, or the expression that pins it. */
  readonly place: readonly Expr[]
  /** The array or scalar written; for a define, the definition's own array. */
  readonly name: string
}

/**
 * The statements of the outputs, each after those it reads. Without `optimise`: no splitting and no sharing. For owners, the
 * gradient of a window gathers from the places that read an element.
 */
export function statementsOf(outputs: Outputs, optimise: boolean, owner: boolean): Statement[] {
  const { core } = outputs
  const expand = expander(core, optimise)
  const finish = optimise ? rewriter(core, "finish") : (e: Expr): Expr => e
  const stores = optimise
    ? split(outputs, finish)
    : outputs.arrays.map((a): Store => ({ ...a, filter: core.true }))
  let sinks: Sink[] = [
    ...outputs.scalars.map((s): Sink => ({
      name: s.name,
      axes: [],
      filter: core.true,
      value: expand(finish(s.value)),
      result: true,
    })),
    ...stores.map((s): Sink => ({
      ...s,
      ...(s.pin ? { pin: { axis: s.pin.axis, at: expand(s.pin.at) } } : {}),
      filter: expand(s.filter),
      value: expand(s.value),
      result: false,
    })),
  ]
  if (optimise) sinks = share(core, sinks)
  const out: Statement[] = []
  // Pinning a formal may instantiate definitions anew, so what a statement reads is known only when it is made.
  const made = new Map<Def, Statement>()
  const of = (def: Def): Statement => {
    let s = made.get(def)
    if (!s) made.set(def, (s = ofDef(outputs, def, owner)))
    return s
  }
  const read = (s: Statement): Def[] =>
    flatMap([s.filter, s.body, ...s.place], (e) => e.refs).map((e) => e.def)
  const add = inOrder(
    (def) => read(of(def)),
    (def) => out.push(of(def)),
  )
  for (const sink of sinks) {
    const s = ofSink(core, sink)
    read(s).forEach(add)
    out.push(s)
  }
  return out
}

type Summed = Pick<Def, "bound" | "filter" | "body">

interface Sink extends Store {
  readonly result: boolean
}

function ofSink(core: Core, s: Sink): Statement {
  const formals = s.axes.filter((a) => a !== s.pin?.axis)
  const place = s.axes.map((a): Expr => (a === s.pin?.axis ? s.pin.at : a))
  const kind = s.result ? "result" : "store"
  const { filter, value: body, name } = s
  return { kind, op: "let", formals, bound: [], filter, body, def: undefined, place, name }
}

/** Whether an expression is an array as it lies in memory, up to the order of its axes. */
const isArray = (e: Expr): boolean =>
  e.kind === "ref" &&
  e.def.op === "let" &&
  e.index.every((x, i) => x.kind === "axis" && e.index.indexOf(x) === i)

/** A definition whose filter says `formal == e` is a scatter: the formal is no loop but the place that is written. */
function ofDef(outputs: Outputs, def: Def, owner: boolean): Statement {
  const { core } = outputs
  const name = `T${def.id}`
  if (def.op === "argsort") {
    // The keys are an array, and the axis that is sorted is no loop of the statement.
    const keys = isArray(def.body) ? def.body : core.define("let", [], core.true, def.body)
    const formals = def.formals.slice(0, -1)
    return {
      kind: "define",
      op: "argsort",
      formals,
      bound: [],
      filter: core.true,
      body: keys,
      def,
      place: def.formals,
      name,
    }
  }
  let { filter, body } = def
  let formals: readonly AxisExpr[] = def.formals
  let place: readonly Expr[] = def.formals
  if (def.op === "state") {
    // The initial value is the state before the first step; it has no loop along the axis of the recurrence.
    const [over, ...own] = def.formals as [AxisExpr, ...AxisExpr[]]
    const first = def.recurrence!.descending ? core.op("sub", over.extent, core.one) : core.zero
    return {
      kind: "define",
      op: def.op,
      formals: own,
      bound: [],
      filter,
      body,
      def,
      place: [first, ...own],
      name,
    }
  }
  let { bound } = def
  if (owner && def.op === "sum") ({ bound, filter, body } = perOrder(core, def.formals, gathered(core, def)))
  if (def.op === "sum")
    for (;;) {
      const pin = pinOf(
        formals,
        filter,
        (at) => at.axes.some((a) => bound.includes(a)) && !(owner && isShared(at, bound)),
      )
      if (!pin) break
      const map = new Map([[pin.axis, pin.at]])
      filter = conjunction(core, atPlace(outputs, pin, conjuncts(filter)))
      body = substitute(core, body, map)
      formals = formals.filter((f) => f !== pin.axis)
      place = place.map((e) => substitute(core, e, map))
    }
  return { kind: "define", op: def.op, formals, bound, filter, body, def, place, name }
}

/**
 * Whether several rows may name a place by data of theirs: an owner of the place then looks for its rows, for they cannot all write
 * at once. In a sorted order each place has one row.
 */
const isShared = (at: Expr, bound: readonly AxisExpr[]): boolean =>
  readsData(at) &&
  at.axes.every((a) => bound.includes(a)) &&
  !at.refs.some((ref) => [...reach(ref.def)].some((def) => def.op === "argsort"))

/**
 * A sum of what rows add in several sorted orders, as the sum over the orders of what each adds: only within one order has each
 * place one row.
 */
function perOrder(core: Core, formals: readonly AxisExpr[], sum: Summed): Summed {
  const at = pinOf(formals, sum.filter, (e) => e.kind === "ref" && e.def.op === "argsort")?.at
  const sorted = at?.kind === "ref" ? at.index.at(-1)! : undefined
  const orders = sum.bound.filter((a) => a !== sorted)
  const isOnce = sum.bound.some((a) => a === sorted) && orders.every((a) => at!.axes.includes(a))
  if (!isOnce || orders.length === 0) return sum
  const inner = core.define("sum", [sorted as AxisExpr], sum.filter, sum.body)
  return { bound: orders, filter: core.true, body: inner }
}

/** A sum over the places of a window that meet a formal, `h == y + i`, as one over `i` at `y = h - i`. */
function gathered(core: Core, def: Def): Summed {
  let { bound, filter, body } = def
  for (;;) {
    const window = windowOf(core, def.formals, bound, filter)
    if (!window) return { bound, filter, body }
    const { axis, value, condition } = window
    const map = new Map([[axis, value]])
    const kept = conjuncts(filter).filter((c) => c !== condition)
    const moved = kept.map((c) => substitute(core, c, map))
    filter = conjunction(core, [...inRange(core, value, axis.extent), ...moved])
    body = substitute(core, body, map)
    bound = bound.filter((a) => a !== axis)
  }
}

/**
 * An equality of a formal and a place of a window, solved for a summed axis that is as long as that of the formal: the one that
 * is left is short.
 */
function windowOf(
  core: Core,
  formals: readonly AxisExpr[],
  bound: readonly AxisExpr[],
  filter: Expr,
): Solution | undefined {
  for (const condition of conjuncts(filter)) {
    const met = formals.filter((f) => condition.axes.includes(f))
    if (met.length === 0 || readsData(condition)) continue
    const sizes = new Set(flatMap(met, (f) => sizesIn(f.extent)))
    const isLong = (a: AxisExpr): boolean => bound.includes(a) && sizesIn(a.extent).some((x) => sizes.has(x))
    const solved = solutions(core, condition, bound).find((x) => isLong(x.axis) && !x.value.axes.some(isLong))
    if (solved) return solved
  }
  return undefined
}

const sizesIn = (e: Expr): Expr[] => postorder([e]).filter((x) => x.kind === "size")

/**
 * Makes expensive operators that stand in two or more statements definitions of their own. Definitions are interned modulo
 * axis names, so `exp(z - M)` in a sum and in a gradient are found to be one array.
 */
function share(core: Core, sinks: readonly Sink[]): Sink[] {
  const users = new Map<Def, Set<unknown>>()
  const lets = new Map<Expr, Def | undefined>()
  /** The definition that an expensive operator would be. */
  const asLet = (e: Expr): Def | undefined => {
    if (e.kind !== "op" || e.axes.length === 0 || (ops[e.op].cost ?? 1) < SHARED_COST) return undefined
    // What only a condition keeps in range stays under its condition.
    if (isConditional(core, e) || outgrowsStates(e)) return undefined
    if (!lets.has(e)) {
      const ref = core.define("let", [], core.true, e)
      lets.set(e, ref.kind === "ref" ? ref.def : undefined)
    }
    return lets.get(e)
  }
  const note = (user: unknown, roots: readonly Expr[]): void => {
    for (const e of postorder(roots)) {
      const def = asLet(e)
      if (def) users.set(def, (users.get(def) ?? new Set()).add(user))
    }
  }
  const rootsOf = (s: Sink): Expr[] => [s.value, s.filter]
  for (const def of definitions(flatMap(sinks, rootsOf))) note(def, [def.body, def.filter])
  for (const sink of sinks) note(sink, rootsOf(sink))
  // Most definitions have nothing in them that is shared.
  const changing = new Set<unknown>()
  for (const all of users.values()) if (all.size > 1) for (const user of all) changing.add(user)
  if (changing.size === 0) return [...sinks]
  const isSteady = (def: Def): boolean => {
    for (const d of reach(def)) if (d.recurrence || changing.has(d)) return false
    return true
  }
  const rebuild = transformer(core, {
    before: (e, rebuild) => {
      if (e.kind === "ref" && isSteady(e.def)) return refer(core, e.def, e.index.map(rebuild))
      const def = asLet(e)
      if (!def || e.kind !== "op" || (users.get(def)?.size ?? 0) < 2) return undefined
      return core.define("let", [], core.true, core.raw(e.op, e.args.map(rebuild)))
    },
  })
  return sinks.map((s) => ({ ...s, value: rebuild(s.value), filter: rebuild(s.filter) }))
}

/**
 * Whether an array of a value would be larger than those of the states, or of what is made of them, that it reads: a value
 * for each pair at every step is computed again on the way back.
 */
function outgrowsStates(e: Expr): boolean {
  const states = e.refs.filter(({ def }) => recurrencesIn(def).length > 0)
  return states.length > 0 && !states.some((state) => e.axes.every((a) => state.axes.includes(a)))
}
