// Making folds and scans: initial values and steps -> states and steps of the core.
import { type AxisExpr, type Core, type Def, type Expr, type Recurrence, refsIn } from "./ir.ts"
import { transformer } from "./transform.ts"
import type { ScalarType } from "./types.ts"

/** A state before anything is known of its step: its initial value, and axes it has whether that has them or not. */
export interface Start {
  readonly axes: readonly AxisExpr[]
  readonly initial: Expr
}

interface Shape extends Start {
  readonly type: ScalarType
}

/** A recurrence whose steps are still to be written, in terms of its states. */
export class OpenRecurrence {
  private readonly core: Core
  private readonly over: AxisExpr
  private shapes: readonly Shape[]
  private recurrence: Recurrence

  /** Opens a recurrence along an axis, its first index first. */
  constructor(core: Core, over: AxisExpr, starts: readonly Start[]) {
    this.core = core
    this.over = over
    this.shapes = starts.map(({ axes, initial }) => ({
      axes: union(axes, initial.axes),
      initial,
      type: initial.type,
    }))
    this.recurrence = core.openRecurrence(over, false, this.shapes)
  }

  /** The states before a step, at the axis of the recurrence and their own axes. */
  get states(): readonly Expr[] {
    return this.recurrence.states.map((def, i) => this.core.ref(def, [this.over, ...this.shapes[i]!.axes]))
  }

  /** Whether a step reads the states at its own index of the axis only, so that no step sees another one. */
  inOrder(value: Expr): boolean {
    return readsAt(this.recurrence, value, this.over)
  }

  /**
   * Closes the recurrence with the value of each state after a step. A state gets every axis that a step brings in, and is
   * real if a step is. Returns the steps, and what brings other expressions over the first states up to that.
   */
  close(values: readonly Expr[]): { readonly steps: readonly Expr[]; readonly renew: (e: Expr) => Expr } {
    const { core, over } = this
    let renew = (e: Expr): Expr => e
    for (let grown = this.grown(values); grown !== this.shapes; grown = this.grown(values)) {
      const next = core.openRecurrence(over, false, grown)
      const change = replacing(core, this.recurrence, this.shapes, next, grown)
      const earlier = renew
      renew = (e) => change(earlier(e))
      values = values.map(change)
      this.recurrence = next
      this.shapes = grown
    }
    const axesOf = (i: number): AxisExpr[] => [over, ...this.shapes[i]!.axes]
    core.closeRecurrence(
      this.recurrence,
      values.map((value, i) => ({ axes: axesOf(i), value })),
    )
    return { steps: this.recurrence.steps.map((def, i) => core.ref(def, axesOf(i))), renew }
  }

  /** The shapes that states with these steps have; the present ones if nothing is new. */
  private grown(values: readonly Expr[]): readonly Shape[] {
    const grown = this.shapes.map(({ axes, initial, type }, i): Shape => {
      const value = values[i]!
      const brought = value.axes.filter((a) => a !== this.over)
      return { axes: union(axes, brought), initial, type: value.type === "real" ? "real" : type }
    })
    const same = grown.every((s, i) => {
      const { axes, type } = this.shapes[i]!
      return s.axes.length === axes.length && s.type === type
    })
    return same ? this.shapes : grown
  }
}

/** Whether every read of the states stands at the given index of the axis, through whatever definitions. */
function readsAt(r: Recurrence, root: Expr, over: Expr): boolean {
  const depends = new Map<Def, boolean>()
  const dependsOn = (def: Def): boolean => {
    if (r.states.includes(def)) return true
    const known = depends.get(def)
    if (known !== undefined) return known
    depends.set(def, false)
    const below = [...refsIn(def.filter), ...refsIn(def.body)].map((e) => e.def)
    const yes = [...below, ...(def.op === "state" ? def.recurrence!.steps : [])].some(dependsOn)
    depends.set(def, yes)
    return yes
  }
  const seen = new Set<Def>()
  const fine = (e: Expr, at: Expr | undefined): boolean =>
    refsIn(e).every(({ def, index }) => {
      if (!dependsOn(def)) return true
      const position = at ? index.indexOf(at) : -1
      if (position < 0) return false
      if (r.states.includes(def)) return position === 0
      if (seen.has(def)) return true
      seen.add(def)
      const inside = def.formals[position]
      const steps = def.op === "state" ? def.recurrence!.steps.map((d) => core(d, inside)) : []
      return core(def, inside) && steps.every((ok) => ok)
    })
  const core = (def: Def, at: Expr | undefined): boolean => fine(def.filter, at) && fine(def.body, at)
  return fine(root, over)
}

/** Reads of the states of one recurrence become reads of those of another, which have more axes. */
function replacing(
  core: Core,
  old: Recurrence,
  before: readonly Shape[],
  next: Recurrence,
  after: readonly Shape[],
): (e: Expr) => Expr {
  return transformer(core, {
    before: (e, rebuild) => {
      const at = e.kind === "ref" ? old.states.indexOf(e.def) : -1
      if (e.kind !== "ref" || at < 0) return undefined
      const own = before[at]!.axes
      const [time, ...rest] = e.index.map(rebuild)
      const index = after[at]!.axes.map((a) => rest[own.indexOf(a)] ?? a)
      return core.ref(next.states[at]!, [time!, ...index])
    },
  })
}

const union = (x: readonly AxisExpr[], y: readonly AxisExpr[]): readonly AxisExpr[] => [
  ...new Set([...x, ...y]),
]
