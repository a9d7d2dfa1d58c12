// Steps -> which scratch arrays threads and workgroups have for themselves.
import { hasOwnElements } from "../blocks.ts"
import { Places } from "../blocks/places.ts"
import type { Buffer, Kernel, Stmt } from "../loops.ts"
import { touchedIn } from "../unroll/facts.ts"
import { type Plan, type Step } from "./plan.ts"

/** Who has an array for itself: the whole program one, each workgroup of a step one, or each of its threads. */
export interface Home {
  readonly step: number | undefined
  /** Whether all that touches it in a workgroup is one loop whose iterations are dealt out to the threads. */
  readonly inThread: boolean
}

/**
 * The homes of the scratch arrays. An array that one step alone touches belongs to its rows, unless each has elements of its own
 * in it: iterations that run at once touch no elements of one another, so what they write and read is made anew in each.
 */
export function homesOf(plan: Plan, kernel: Kernel): ReadonlyMap<Buffer, Home> {
  const places = new Places(kernel)
  const steps = usersOf(plan)
  return new Map(
    kernel.scratch.map((buffer): [Buffer, Home] => {
      const [step, ...others] = [...(steps.get(buffer) ?? [])]
      const only = others.length === 0 ? plan.steps[step ?? -1] : undefined
      if (step === undefined || !only || (only.kind === "rows" && hasOwnElements(only.loop, buffer, places)))
        return [buffer, { step: undefined, inThread: false }]
      const holders = bodiesOf(only).flatMap((body) => dealtWith(buffer, body))
      return [buffer, { step, inThread: holders.length === 1 && holders[0] !== undefined }]
    }),
  )
}

/** The steps that touch each array; -1 stands for what any step may compute. */
export function usersOf(plan: Plan): ReadonlyMap<Buffer, ReadonlySet<number>> {
  const steps = new Map<Buffer, Set<number>>()
  const note = (buffer: Buffer, step: number): void => {
    steps.set(buffer, (steps.get(buffer) ?? new Set()).add(step))
  }
  plan.steps.forEach((step, i) => {
    for (const body of bodiesOf(step)) for (const buffer of touchedIn(body)) note(buffer, i)
  })
  for (const s of plan.pure.values()) if (s.kind === "load") note(s.buffer, -1)
  return steps
}

/** The statements of a step: those of one row, or of the segments. */
function bodiesOf(step: Step): readonly (readonly Stmt[])[] {
  return step.kind === "rows" ? [step.loop.body] : step.segments.map(({ body }) => body)
}

/** The loops dealt out to threads that touch an array; undefined stands for a statement outside of them. */
function dealtWith(buffer: Buffer, body: readonly Stmt[]): (Stmt | undefined)[] {
  return body.flatMap((s): (Stmt | undefined)[] => {
    if (!touchedIn([s]).has(buffer)) return []
    if (s.kind === "for") return s.apart ? [s] : dealtWith(buffer, s.body)
    if (s.kind === "if") return [...dealtWith(buffer, s.then), ...dealtWith(buffer, s.else)]
    return [undefined]
  })
}
