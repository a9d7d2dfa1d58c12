// Making folds and scans: initial values and steps -> states and steps of the core.
import type { AxisExpr, Core, Def, Expr, Recurrence } from "./ir.ts"
import type { ScalarType } from "./types.ts"

/** What a state is before its step is known: its initial value, and axes it has whether that has them or not. */
export interface Start {
  readonly axes: readonly AxisExpr[]
  readonly initial: Expr
  /** Default that of the initial value. */
  readonly type?: ScalarType
}

/** A recurrence whose steps are still to be written, in terms of its states. */
export class OpenRecurrence {
  private readonly core: Core
  private readonly over: AxisExpr
  private readonly starts: readonly Required<Start>[]
  private readonly recurrence: Recurrence

  /** Opens a recurrence along an axis, its first index first. */
  constructor(core: Core, over: AxisExpr, starts: readonly Start[]) {
    this.core = core
    this.over = over
    this.starts = starts.map(({ axes, initial, type }) => ({
      axes: union(axes, initial.axes),
      initial,
      type: type ?? initial.type,
    }))
    this.recurrence = core.openRecurrence(over, false, this.starts)
  }

  /** The states before a step, at the axis of the recurrence and their own axes. */
  get states(): readonly Expr[] {
    return this.recurrence.states.map((def, i) => this.core.ref(def, this.axesOf(i)))
  }

  /** Whether a step reads the states at its own index of the axis only, so that no step sees another one. */
  inOrder(value: Expr): boolean {
    return readsAt(this.recurrence, value, this.over)
  }

  /**
   * What the states must be for these steps if that is more than they are: a state has every axis that its step brings in, and
   * is real if its step is. The steps must then be written anew, in terms of such states.
   */
  grown(values: readonly Expr[]): readonly Start[] | undefined {
    const grown = this.starts.map(({ axes, initial, type }, i): Required<Start> => {
      const value = values[i]!
      const brought = value.axes.filter((a) => a !== this.over)
      return { axes: union(axes, brought), initial, type: value.type === "real" ? "real" : type }
    })
    const same = grown.every((s, i) => {
      const { axes, type } = this.starts[i]!
      return s.axes.length === axes.length && s.type === type
    })
    return same ? undefined : grown
  }

  /** Closes the recurrence with the value of each state after a step, and returns the steps. */
  close(values: readonly Expr[]): readonly Expr[] {
    const made = this.core.closeRecurrence(
      this.recurrence,
      values.map((value, i) => ({ axes: this.axesOf(i), value })),
    )
    return made.steps.map((def, i) => this.core.ref(def, this.axesOf(i)))
  }

  private axesOf(state: number): readonly AxisExpr[] {
    return [this.over, ...this.starts[state]!.axes]
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
    const below = [...def.filter.refs, ...def.body.refs].map((e) => e.def)
    const yes = [...below, ...(def.op === "state" ? def.recurrence!.steps : [])].some(dependsOn)
    depends.set(def, yes)
    return yes
  }
  const seen = new Set<string>()
  const fine = (e: Expr, at: Expr | undefined): boolean =>
    e.refs.every(({ def, index }) => {
      if (!dependsOn(def)) return true
      if (r.states.includes(def)) return at !== undefined && index[0] === at
      return index.some((x, position) => x === at && within(def, position))
    })
  /** The same of what a definition reads, the index being that of one of its formals. */
  const within = (def: Def, position: number): boolean => {
    const key = `${def.id} ${position}`
    if (seen.has(key)) return true
    seen.add(key)
    const steps = def.op === "state" ? def.recurrence!.steps : []
    const at = def.formals[position]
    return [def, ...steps].every((d) => fine(d.filter, at) && fine(d.body, at))
  }
  return fine(root, over)
}

const union = (x: readonly AxisExpr[], y: readonly AxisExpr[]): readonly AxisExpr[] => [
  ...new Set([...x, ...y]),
]
