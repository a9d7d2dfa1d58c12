// Placed statements -> what runs at each index of a recurrence, and in which loops.
import { type Placed, readsOf } from "./dimensions.ts"
import { leadingTo } from "./graph.ts"
import type { AxisExpr, Def, Recurrence } from "./ir.ts"
import { flatMap } from "./lists.ts"

/** A recurrence among statements. */
export interface Cycle {
  readonly recurrence: Recurrence
  /** The steps, and all that they read that depends on the states. */
  readonly members: ReadonlySet<Placed>
  /** Named values that steps of another recurrence read, made of what there is at each index anyway. */
  readonly besides: ReadonlySet<Placed>
  /** The dimension along which the states pass. */
  readonly axis: AxisExpr
  /** Dimensions along which the states are independent of one another: their loops may stand around that of `axis`. */
  readonly apart: ReadonlySet<AxisExpr>
}

/**
 * The statements with their loops in an order that recurrences allow: what runs at each index of one has the same loops up
 * to that of its axis, and those of the states' own dimensions inside it. For owners, what has no part in one stays as it is: its
 * iterations run at once.
 */
export function nest(statements: readonly Placed[], owner: boolean): Placed[] {
  const cycles = cyclesOf(statements)
  const made = new Map<Placed, Placed>()
  return inOrder(statements, cycles).map((s) => {
    const loops = new Set<AxisExpr>()
    for (const { recurrence, members, besides, axis, apart } of cycles) {
      const isState = s.op === "state" && s.def!.recurrence === recurrence
      if (!isState && !members.has(s) && !besides.has(s)) continue
      for (const a of s.loops) if (apart.has(a)) loops.add(a)
      if (!isState) loops.add(axis)
    }
    for (const a of owner ? s.loops : apartFirst(s.loops, cycles)) loops.add(a)
    const sources = new Map([...s.sources].map(([def, source]) => [def, made.get(source)!]))
    const follows = s.follows && made.get(s.follows)!
    const out: Placed = { ...s, loops: [...loops], sources, ...(follows && { follows }) }
    made.set(s, out)
    return out
  })
}

/** Statements with what a recurrence has on the way right behind it. */
function inOrder(statements: readonly Placed[], cycles: readonly Cycle[]): readonly Placed[] {
  const out = [...statements]
  for (const { members, besides } of cycles) {
    if (besides.size === 0) continue
    const others = out.filter((s) => !besides.has(s))
    const end = others.findLastIndex((s) => members.has(s)) + 1
    out.splice(0, out.length, ...others.slice(0, end), ...besides, ...others.slice(end))
  }
  return out
}

/**
 * Loops with those along which a recurrence is independent before that of its axis, so that one run of it after the other has
 * all that leads to it and all that follows from it. The innermost loop stays: memory is read in its order.
 */
function apartFirst(loops: readonly AxisExpr[], cycles: readonly Cycle[]): readonly AxisExpr[] {
  const isAlong = (a: AxisExpr): boolean => cycles.some(({ axis, apart }) => a === axis || apart.has(a))
  const kept = loops.every(isAlong) ? [] : loops.slice(-1)
  const outer = loops.slice(0, loops.length - kept.length)
  for (const { axis, apart } of cycles) {
    const at = outer.indexOf(axis)
    if (at < 0) continue
    const moved = outer.filter((a, i) => i > at && apart.has(a))
    const others = outer.filter((a) => !moved.includes(a))
    outer.splice(
      0,
      outer.length,
      ...others.slice(0, others.indexOf(axis)),
      ...moved,
      ...others.slice(others.indexOf(axis)),
    )
  }
  return [...outer, ...kept]
}

/** The recurrences of a list of statements, outer ones before those inside. */
export function cyclesOf(statements: readonly Placed[]): Cycle[] {
  const byDef = new Map<Def, Placed>()
  const recurrences = new Set<Recurrence>()
  for (const s of statements) {
    if (!s.def || byDef.has(s.def)) continue
    byDef.set(s.def, s)
    if (s.def.op === "step") recurrences.add(s.def.recurrence!)
  }
  const cycles = [...recurrences]
    .sort((x, y) => x.id - y.id)
    .map((recurrence) => {
      const members = membersOf(recurrence, byDef)
      const axis = byDef.get(recurrence.steps[0]!)!.place[0] as AxisExpr
      return { recurrence, members, axis, apart: apartIn(recurrence, members, axis, byDef) }
    })
  const inSteps = new Set(
    flatMap(cycles, ({ members }) => flatMap([...members], (s) => [...s.sources.values()])),
  )
  const besides = cycles.map((cycle) => besidesOf(cycle, statements, inSteps))
  // What is on the way of a recurrence inside the step of another is on the way of that one too, or of none.
  return cycles.map((cycle) => {
    const around = flatMap(cycles, ({ members }, i) =>
      [...cycle.members].every((s) => members.has(s)) ? [besides[i]!] : [],
    )
    const own = [...around[0]!].filter((s) => around.every((other) => other.has(s)))
    return { ...cycle, besides: new Set(own) }
  })
}

/**
 * Named values that steps read and that a recurrence can have on the way, for they read its states at its own index, and else
 * what there is without it.
 */
function besidesOf(
  { recurrence, members, axis }: Pick<Cycle, "recurrence" | "members" | "axis">,
  statements: readonly Placed[],
  inSteps: ReadonlySet<Placed>,
): ReadonlySet<Placed> {
  const own = new Set<Placed>(members)
  for (const s of statements) if (s.op === "state" && s.def!.recurrence === recurrence) own.add(s)
  const end = statements.findLastIndex((s) => members.has(s))
  const before = new Set(statements.slice(0, end))
  const behind = new Set<Placed>(own)
  const out = new Set<Placed>()
  for (const s of statements) {
    if (own.has(s)) continue
    const reads = readsOf(s).filter(({ def }) => behind.has(s.sources.get(def)!))
    if (reads.length === 0) continue
    behind.add(s)
    const isOnTheWay = ({ def, index }: (typeof reads)[number]): boolean => {
      const source = s.sources.get(def)!
      const isState = source.op === "state" && source.def!.recurrence === recurrence
      return own.has(source) && index[isState ? 0 : source.place.indexOf(axis)] === axis
    }
    const isThere = [...s.sources.values()].every((x) => own.has(x) || before.has(x))
    if (s.op === "let" && inSteps.has(s) && s.loops.includes(axis) && isThere && reads.every(isOnTheWay))
      out.add(s)
  }
  return out
}

function membersOf(r: Recurrence, byDef: ReadonlyMap<Def, Placed>): ReadonlySet<Placed> {
  const reads = (s: Placed): Placed[] => {
    const inner = s.op === "state" && s.def!.recurrence!.id > r.id ? s.def!.recurrence!.steps : []
    return [...s.sources.values(), ...inner.map((d) => byDef.get(d)!)]
  }
  const steps = r.steps.map((d) => byDef.get(d)!)
  return leadingTo(steps, reads, (s) => s.def !== undefined && r.states.includes(s.def))
}

function apartIn(
  r: Recurrence,
  members: ReadonlySet<Placed>,
  axis: AxisExpr,
  byDef: ReadonlyMap<Def, Placed>,
): ReadonlySet<AxisExpr> {
  const inside = new Set([...r.states.map((d) => byDef.get(d)!), ...members])
  const candidates = byDef.get(r.steps[0]!)!.formals.filter((a) => a !== axis)
  const isApart = (a: AxisExpr): boolean =>
    [...inside].every((s) => s.formals.includes(a) && s.loops.includes(a)) &&
    [...members].every((s) =>
      readsOf(s).every(({ def, index }) => {
        const source = s.sources.get(def)!
        return !inside.has(source) || source.place.every((e, i) => e !== a || index[i] === a)
      }),
    )
  return new Set(candidates.filter(isApart))
}
