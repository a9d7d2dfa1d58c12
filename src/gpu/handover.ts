// Steps -> the accumulators and loaded numbers that one step leaves for later ones.
import { updatedIn } from "../unroll/facts.ts"
import { type Plan, type Step, freeIn, withSources } from "./plan.ts"

/** What a step takes and leaves. */
export interface Handover {
  /** Values from outside that the step reads, with those by which it computes them. */
  readonly reads: ReadonlySet<number>
  /** Accumulators that it changes or combines. */
  readonly changes: ReadonlySet<number>
  /** Numbers that it loads from scratch for all steps. */
  readonly loads: ReadonlySet<number>
}

/** The handover of every step, and the values that are kept in memory between steps in the order of their slots. */
export interface Handovers {
  readonly steps: readonly Handover[]
  readonly kept: readonly number[]
}

/** Finds what steps hand over. */
export function handoversOf(plan: Plan): Handovers {
  const steps = plan.steps.map((step): Handover => {
    const changes = new Set(step.kind === "between" ? step.rows?.combined.keys() : [])
    const loads = new Set<number>()
    if (step.kind === "between")
      for (const { body } of step.segments) {
        for (const acc of updatedIn(body).keys()) changes.add(acc)
        for (const s of body) if (s.kind === "load") loads.add(s.id)
      }
    return { reads: withSources(plan, freeOf(step)), changes, loads }
  })
  const users = new Map<number, number>()
  for (const { reads, changes, loads } of steps)
    for (const id of new Set([...reads, ...changes, ...loads])) users.set(id, (users.get(id) ?? 0) + 1)
  const state = new Set([...plan.accs.keys(), ...steps.flatMap(({ loads }) => [...loads])])
  const kept = [...state].filter((id) => (users.get(id) ?? 0) > 1).sort((x, y) => x - y)
  return { steps, kept }
}

/** What the statements of a step read from outside. */
function freeOf(step: Step): Set<number> {
  if (step.kind === "rows") {
    const free = freeIn([step.loop], step.guards)
    for (const acc of step.combined.keys()) free.delete(acc)
    return free
  }
  const parts = step.segments.map(({ body, guards }) => freeIn(body, guards))
  return new Set(parts.flatMap((part) => [...part]))
}
