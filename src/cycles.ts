// Placed statements -> what runs at each index of a recurrence, and in which loops.
import { type Placed, readsOf } from "./dimensions.ts"
import { leadingTo } from "./graph.ts"
import type { AxisExpr, Def, Recurrence } from "./ir.ts"

/** A recurrence among statements. */
export interface Cycle {
  readonly recurrence: Recurrence
  /** The steps, and all that they read that depends on the states. */
  readonly members: ReadonlySet<Placed>
  /** The dimension along which the states pass. */
  readonly axis: AxisExpr
  /** Dimensions along which the states are independent of one another: their loops may stand around that of `axis`. */
  readonly apart: ReadonlySet<AxisExpr>
}

/**
 * The statements with their loops in an order that recurrences allow: what runs at each index of one has the same loops up
 * to that of its axis, and those of the states' own dimensions inside it.
 */
export function nest(statements: readonly Placed[]): Placed[] {
  const cycles = cyclesOf(statements)
  const made = new Map<Placed, Placed>()
  return statements.map((s) => {
    const loops = new Set<AxisExpr>()
    for (const { recurrence, members, axis, apart } of cycles) {
      const isState = s.op === "state" && s.def!.recurrence === recurrence
      if (!isState && !members.has(s)) continue
      for (const a of s.loops) if (apart.has(a)) loops.add(a)
      if (!isState) loops.add(axis)
    }
    for (const a of s.loops) loops.add(a)
    const sources = new Map([...s.sources].map(([def, source]) => [def, made.get(source)!]))
    const follows = s.follows && made.get(s.follows)!
    const out: Placed = { ...s, loops: [...loops], sources, ...(follows && { follows }) }
    made.set(s, out)
    return out
  })
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
  return [...recurrences]
    .sort((x, y) => x.id - y.id)
    .map((recurrence) => {
      const members = membersOf(recurrence, byDef)
      const axis = byDef.get(recurrence.steps[0]!)!.place[0] as AxisExpr
      return { recurrence, members, axis, apart: apartIn(recurrence, members, axis, byDef) }
    })
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
