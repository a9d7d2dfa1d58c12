// Rebuilding core expressions bottom-up, definitions included: core -> core.
//
// Recurrences are rebuilt in two steps. First states and steps stand for themselves, so that no expression is met before it is
// known; then every recurrence whose contents have changed is made anew and takes the place of the old one.
import { recurrencesIn } from "./graph.ts"
import { type AxisExpr, type Core, type Def, type Expr, type LoadExpr, type Recurrence } from "./ir.ts"
import type { OpName } from "./ops.ts"
import { reduce, refer, substitute } from "./sums.ts"

/** What to do instead of rebuilding a node as it was; undefined means nothing special. */
export interface Change {
  /** Whether a node surely stays as it is, with all that it reads; asked of every node before anything else. */
  readonly keeps?: (e: Expr) => boolean
  /** For a load whose indices are already rebuilt. */
  readonly load?: (e: LoadExpr, index: readonly Expr[]) => Expr | undefined
  /** For an operator whose arguments are already rebuilt. */
  readonly op?: (op: OpName, args: readonly Expr[]) => Expr | undefined
  /** For a definition, as an expression over its formals; `rebuild` is for its filter and body. */
  readonly def?: (def: Def, rebuild: (e: Expr) => Expr) => Expr | undefined
  /** Before anything else, for a node as it was. */
  readonly before?: (e: Expr, rebuild: (e: Expr) => Expr) => Expr | undefined
}

/** A function that rebuilds expressions of one core with a change, remembering what it has seen. */
export function transformer(core: Core, change: Change): (e: Expr) => Expr {
  let depth = 0
  let met = false
  const rebuild = rebuilder(core, change, () => (met = true))
  const within = (e: Expr): Expr => {
    depth++
    try {
      return rebuild(e)
    } finally {
      depth--
    }
  }
  const contents = new Map<Recurrence, Contents>()
  const contentsOf = (r: Recurrence): Contents => {
    let made = contents.get(r)
    if (!made) {
      const axes = r.states.map((state) => state.formals.map((f) => core.axis(f.name, within(f.extent))))
      const initials = r.states.map((state) => within(state.body))
      made = { axes, initials, steps: r.steps.map((step) => within(step.body)) }
      contents.set(r, made)
    }
    return made
  }
  const tie = tied(core, contentsOf, new Map())
  // A change that asks for more while an expression is rebuilt gets it with the states as they were.
  return (e) => {
    if (depth > 0) return rebuild(e)
    const out = within(e)
    return met ? tie(out) : out
  }
}

/** A function that gives every recurrence of an expression new steps, in terms of the states as they are. */
export function withSteps(core: Core, change: (step: Def) => Expr): (e: Expr) => Expr {
  return tied(
    core,
    ({ states, steps }) => ({
      axes: states.map((state) => state.formals),
      initials: states.map((state) => state.body),
      steps: steps.map(change),
    }),
    new Map(),
  )
}

/** What a recurrence is to be made of, its own states and steps and those of others standing for themselves. */
interface Contents {
  /** For each state, the axis of the recurrence and the axes of the state. */
  readonly axes: readonly (readonly AxisExpr[])[]
  readonly initials: readonly Expr[]
  readonly steps: readonly Expr[]
}

function readsStates({ refs }: Expr): boolean {
  for (let i = 0; i < refs.length; i++) if (recurrencesIn(refs[i]!.def).length > 0) return true
  return false
}

const remade = new WeakMap<Recurrence, Map<string, Recurrence>>()

/** Puts recurrences with the new contents in place of the old ones. `known` are states and steps that are replaced already. */
function tied(
  core: Core,
  contentsOf: (r: Recurrence) => Contents,
  known: ReadonlyMap<Def, Def>,
): (e: Expr) => Expr {
  const map = new Map(known)
  const replace = (from: Recurrence, to: Recurrence): void => {
    from.states.forEach((d, i) => map.set(d, to.states[i]!))
    from.steps.forEach((d, i) => map.set(d, to.steps[i]!))
  }
  const settle = (r: Recurrence): void => {
    const { axes, initials, steps } = contentsOf(r)
    const trial = tied(core, contentsOf, new Map([...map, ...r.states.map((d) => [d, d] as const)]))
    const [a, b] = [initials.map(trial), steps.map(trial)]
    const same =
      r.states.every((d, i) => d.body === a[i] && d.formals.every((f, k) => f === axes[i]![k])) &&
      r.steps.every((d, i) => d.body === b[i])
    if (same) return replace(r, r)
    const key = [...a, ...b, ...axes.flat()].map((e) => e.id).join()
    let made = remade.get(r)
    if (!made) remade.set(r, (made = new Map()))
    let to = made.get(key)
    if (!to) {
      const states = r.states.map(({ type }, i) => ({ axes: axes[i]!.slice(1), type, initial: a[i]! }))
      const opened = core.openRecurrence(axes[0]![0]!, r.descending, states)
      replace(r, opened)
      const step = tied(core, contentsOf, map)
      to = core.closeRecurrence(
        opened,
        steps.map((value, i) => ({ axes: axes[i]!, value: step(value) })),
      )
      made.set(key, to)
    }
    replace(r, to)
  }
  return rebuilder(core, {
    keeps: (e) => !readsStates(e),
    before: (e, rebuild) => {
      if (e.kind !== "ref" || !e.def.recurrence) return undefined
      if (!map.has(e.def)) settle(e.def.recurrence)
      return core.ref(map.get(e.def)!, e.index.map(rebuild))
    },
  })
}

/** Rebuilds expressions; the states and steps of recurrences stay, and are told. */
function rebuilder(core: Core, change: Change, tell?: () => void): (e: Expr) => Expr {
  const done = new Map<Expr, Expr>()
  const defs = new Map<Def, { readonly value: Expr; readonly formals: readonly AxisExpr[] }>()
  const { keeps } = change
  const rebuild = (e: Expr): Expr => {
    if (e.kind === "const" || keeps?.(e)) return e
    const seen = done.get(e)
    if (seen) return seen
    const out = change.before?.(e, rebuild) ?? build(e)
    done.set(e, out)
    return out
  }
  const build = (e: Expr): Expr => {
    switch (e.kind) {
      case "load": {
        const index = e.index.map(rebuild)
        return change.load?.(e, index) ?? core.load(e.input, index)
      }
      case "op": {
        const args = e.args.map(rebuild)
        const same = args.every((x, i) => x === e.args[i])
        return change.op?.(e.op, args) ?? (same ? e : core.op(e.op, ...args))
      }
      case "axis":
        return core.axis(e.name, rebuild(e.extent))
      case "ref": {
        const index = e.index.map(rebuild)
        if (!e.def.recurrence) return at(e.def, index)
        tell?.()
        return core.ref(e.def, index)
      }
      default:
        return e
    }
  }
  /** A definition made of its rebuilt parts, as an expression over its rebuilt formals; itself if none has changed. */
  const again = (def: Def, formals: readonly AxisExpr[]): Expr => {
    const bound = def.bound.map((a) => core.axis(a.name, rebuild(a.extent)))
    const [filter, body] = [rebuild(def.filter), rebuild(def.body)]
    if (filter === def.filter && body === def.body && bound.every((a, i) => a === def.bound[i]))
      return core.ref(def, def.formals)
    const value = reduce(core, def.op, bound, filter, body)
    return def.op === "argsort" ? substitute(core, value, new Map([[bound[0]!, formals.at(-1)!]])) : value
  }
  /** The rebuilt definition at rebuilt indices. */
  const at = (def: Def, index: readonly Expr[]): Expr => {
    let known = defs.get(def)
    if (!known) {
      const formals = def.formals.map((f) => core.axis(f.name, rebuild(f.extent)))
      known = { value: change.def?.(def, rebuild) ?? again(def, formals), formals }
      defs.set(def, known)
    }
    const { value, formals } = known
    // A definition that is still one keeps being read where it was; only a new shape decides anew.
    if (value.kind === "ref" && value.index.every((i) => i.kind === "axis")) {
      const order = value.index.map((i) => index[formals.indexOf(i as AxisExpr)])
      if (order.every((i) => i !== undefined)) return refer(core, value.def, order as Expr[])
    }
    return substitute(core, value, new Map(formals.map((f, i) => [f, index[i]!])))
  }
  return rebuild
}
