// Reverse-mode differentiation: core -> core.
//
// The chain rule over definitions and the partials of the operator table; nothing here knows an operator by name except the
// control of structural zeros. The adjoint of a node has the axes of the node: wherever a child lacks an axis the adjoint is
// summed at once. A leaf read at indices e contributes a sum whose filter says `x == e`; the constructor of sums turns that
// into renamings, transposes, one-hot guards, scatters and windows.
import { adjointOfBody } from "./adjoints.ts"
import { bounds } from "./bounds.ts"
import { factors, fromTerms, operands, terms } from "./flat.ts"
import { definitions, postorder } from "./graph.ts"
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  type Recurrence,
  conjunction,
  conjuncts,
  isConst,
} from "./ir.ts"
import { ops } from "./ops.ts"
import { template } from "./pattern.ts"
import { carriedBack } from "./running-back.ts"
import { runningOf } from "./running.ts"
import { addSteps } from "./steps.ts"
import { reduce, substitute, unguard } from "./sums.ts"
import type { Input } from "./types.ts"

/** The derivative of an input: an expression over the axes of the input. */
export interface Gradient {
  readonly axes: readonly AxisExpr[]
  readonly value: Expr
}

/** Σ seed · root over the axes of both, differentiated by the inputs. */
export function grad(core: Core, root: Expr, seed: Expr, wrt: readonly Input[]): Map<Input, Gradient> {
  const state = new Backward(core, wrt)
  state.body(root, [...new Set([...root.axes, ...seed.axes])], seed)
  for (const def of definitions([root]).reverse()) state.definition(def)
  return new Map(
    wrt.map((input) => [input, { axes: axesOf(core, input), value: state.inputs.get(input) ?? core.zero }]),
  )
}

/** The axes of an input's own array, under the names of its declaration. */
export function axesOf(core: Core, input: Input): AxisExpr[] {
  // Two dimensions of one name would be one axis; positions keep them apart.
  const names = input.dimensions.map((d) => d.name)
  return input.dimensions.map((d, i) =>
    core.axis(names.indexOf(d.name) === i ? d.name : `${d.name}'${i}`, d.extent),
  )
}

class Backward {
  readonly inputs = new Map<Input, Expr>()
  private readonly core: Core
  private readonly wrt: ReadonlySet<Input>
  private readonly defs = new Map<Def, Expr>()
  private readonly active = new Map<Expr, boolean>()
  private readonly activeStates: Map<Recurrence, boolean>
  /** For a recurrence that is being differentiated, the one that carries the adjoints of its states back. */
  private readonly reversed = new Map<Recurrence, Recurrence>()

  constructor(core: Core, wrt: readonly Input[], activeStates = new Map<Recurrence, boolean>()) {
    this.core = core
    this.wrt = new Set(wrt)
    this.activeStates = activeStates
  }

  /** Whether a derivative can reach a differentiated input through this node. */
  private reaches(e: Expr): boolean {
    let yes = this.active.get(e)
    if (yes === undefined) {
      if (e.kind === "load") yes = this.wrt.has(e.input)
      else if (e.kind === "ref") yes = e.def.type === "real" && this.reachesThrough(e.def)
      else if (e.kind === "op") {
        const { params, partials } = ops[e.op]
        yes = e.args.some((x, i) => partials?.[params[i]!] !== undefined && this.reaches(x))
      } else yes = false
      this.active.set(e, yes)
    }
    return yes
  }

  private reachesThrough(def: Def): boolean {
    const { recurrence } = def
    if (!recurrence) return this.reaches(def.body)
    let yes = this.activeStates.get(recurrence)
    if (yes === undefined) {
      // The states pass on what enters at the start or in a step: whether anything does is asked with the states aside.
      this.activeStates.set(recurrence, false)
      const apart = new Backward(this.core, [...this.wrt], new Map(this.activeStates))
      yes = [...recurrence.states, ...recurrence.steps].some(
        (d) => d.type === "real" && apart.reaches(d.body),
      )
      this.activeStates.set(recurrence, yes)
    }
    return yes
  }

  /**
   * Propagates a seed through an expression that is evaluated at every index of the given axes. `name` is what reads its
   * value, where it has a name.
   */
  body(root: Expr, axes: readonly AxisExpr[], seed: Expr, name = root): void {
    if (!this.reaches(root)) return
    const { core } = this
    const adjoints = new Map<Expr, Expr>([[root, this.sumOut(seed, axes, root)]])
    for (const node of postorder([root]).reverse()) {
      const g = adjoints.get(node)
      if (!g || isConst(g, 0)) continue
      if (node.kind === "load") this.leaf(this.inputs, node.input, axesOf(core, node.input), node, g)
      else if (node.kind === "ref") this.leaf(this.defs, node.def, node.def.formals, node, g)
      else if (node.kind === "op") {
        const { params, partials, kept } = ops[node.op]
        const out = node === root ? name : node
        const add = (arg: Expr, partial: Expr): void => {
          const part = this.sumOut(scale(core, g, partial), node.axes, arg)
          const old = adjoints.get(arg)
          adjoints.set(arg, old ? join(core, old, part) : part)
        }
        if (kept !== undefined && out !== node) {
          // Where the value has a name its derivatives get names too: what it has in common with them is computed once.
          for (const x of operands(node)) {
            if (!this.reaches(x)) continue
            const part = core.define("let", [], core.true, derivative(kept)(core, { x, out }))
            add(x, core.op("select", core.op("ne", part, core.zero), part, core.zero))
          }
        } else {
          const holes: Record<string, Expr> = { out }
          params.forEach((name, i) => (holes[name] = node.args[i]!))
          node.args.forEach((arg, i) => {
            const partial = partials?.[params[i]!]
            if (partial !== undefined && this.reaches(arg)) add(arg, derivative(partial)(core, holes))
          })
        }
      }
    }
  }

  /** Sums an adjoint over the axes that the node it goes to lacks. */
  private sumOut(g: Expr, axes: readonly AxisExpr[], to: Expr): Expr {
    const missing = axes.filter((a) => !to.axes.includes(a))
    return missing.length === 0 ? g : reduce(this.core, "sum", missing, this.core.true, g)
  }

  /** Adds to the adjoint of an array, as an expression over its own axes, what one read of it contributes. */
  private leaf<K>(
    adjoints: Map<K, Expr>,
    key: K,
    own: readonly AxisExpr[],
    node: Expr & { kind: "load" | "ref" },
    g: Expr,
  ): void {
    const { core } = this
    // An axis that is an index by itself is the array's own, without a sum that would find it; an equality comes before that.
    const isPinned = unguard(g).conditions.some((c) => c.kind === "op" && c.op === "eq")
    const ownOf = (a: AxisExpr): AxisExpr | undefined => {
      const place = isPinned ? undefined : own[node.index.indexOf(a)]
      return place?.extent === a.extent ? place : undefined
    }
    const map = new Map(node.axes.map((a) => [a, ownOf(a) ?? core.freshAxis(a.extent)]))
    const bound = [...map.values()].filter((a) => !own.includes(a))
    const at = node.index.map((e) => substitute(core, e, map))
    const same = own.map((x, i) => core.op("eq", x, at[i]!))
    // The conditions of the adjoint come first: they may be what makes reading the indices legal.
    const { conditions, value } = unguard(substitute(core, g, map))
    const part = reduce(core, "sum", bound, conjunction(core, [...conditions, ...same]), value)
    const old = adjoints.get(key)
    adjoints.set(key, old ? join(core, old, part) : part)
  }

  /** Propagates the adjoint of a definition into its body. Those that read it have done so before. */
  definition(def: Def): void {
    if (def.op === "step") return this.step(def)
    if (def.op === "state") return this.state(def)
    const g = this.defs.get(def)
    if (!g || isConst(g, 0) || !this.reaches(def.body)) return
    const { core } = this
    const { formals, bound, body } = def
    const run = runningOf(def)
    const carried = run && carriedBack(core, def, run, g)
    if (carried) return this.body(body, [...formals.filter((a) => a !== run.over), ...bound], carried)
    const seed = adjointOfBody(core, def, g)
    if (seed) this.body(body, [...formals, ...bound], seed, def.op === "let" ? core.ref(def, formals) : body)
  }

  /** The state after a step is read where the loss reads it, and by the next step: that part comes back from there. */
  private step(def: Def): void {
    const recurrence = def.recurrence!
    if (!this.reachesThrough(def)) return
    const back = this.reversed.get(recurrence) ?? this.reverse(recurrence)
    const carried = this.core.ref(back.states[recurrence.steps.indexOf(def)]!, def.formals)
    const own = this.defs.get(def)
    this.body(def.body, def.formals, own ? join(this.core, own, carried) : carried)
  }

  /**
   * Opens the recurrence that carries adjoints back. What the loss takes from the last step alone (a fold does) is where it
   * starts; the rest joins it on the way.
   */
  private reverse(recurrence: Recurrence): Recurrence {
    const { core } = this
    const states = recurrence.steps.map((step) => {
      const [over, ...axes] = step.formals as [AxisExpr, ...AxisExpr[]]
      const last = recurrence.descending ? core.zero : core.op("sub", over.extent, core.one)
      const { at, rest } = split(core, this.defs.get(step) ?? core.zero, over, last)
      this.defs.set(step, rest)
      return { axes, type: step.type, initial: at }
    })
    const back = core.openRecurrence(recurrence.steps[0]!.formals[0]!, !recurrence.descending, states)
    this.reversed.set(recurrence, back)
    return back
  }

  /** The adjoint of the state before a step is what the recurrence backwards gives there; before the first, it is the start's. */
  private state(def: Def): void {
    const recurrence = def.recurrence!
    const back = this.reversed.get(recurrence)
    // The states stand together, behind everything that reads them: the last one to come closes the recurrence.
    if (!back || def !== recurrence.states[0]) return
    const { core } = this
    core.closeRecurrence(
      back,
      recurrence.states.map((state) => ({ axes: state.formals, value: this.defs.get(state) ?? core.zero })),
    )
    recurrence.states.forEach((state, i) => {
      const [over, ...axes] = state.formals as [AxisExpr, ...AxisExpr[]]
      const some = core.op("lt", core.zero, over.extent)
      const first = recurrence.descending ? core.op("sub", over.extent, core.one) : core.zero
      const adjoint = core.ref(back.steps[i]!, [first, ...axes])
      this.body(state.body, axes, core.op("guard", some, adjoint))
    })
  }
}

/** g · partial, where a partial that is 0 in a branch is a structural zero there. */
function scale(core: Core, g: Expr, partial: Expr): Expr {
  if (isConst(partial, 0)) return core.zero
  if (isConst(partial, 1)) return g
  if (partial.kind === "op") {
    const [c, x, y] = partial.args as readonly [Expr, Expr, Expr]
    if (partial.op === "indicator") return under(core, c, g)
    if (partial.op === "neg") return core.op("neg", scale(core, g, c))
    if (partial.op === "select") {
      const [whenTrue, whenFalse] = [scale(core, g, x), scale(core, g, y)]
      if (isConst(whenFalse, 0)) return under(core, c, whenTrue)
      if (isConst(whenTrue, 0)) return under(core, core.op("not", c), whenFalse)
      // What both sides are guarded by also guards the condition.
      const [left, right] = [unguard(whenTrue), unguard(whenFalse)]
      const shared = left.conditions.filter((x) => right.conditions.includes(x))
      return core.op("guard", conjunction(core, shared), core.op("select", c, whenTrue, whenFalse))
    }
  }
  // Of a sum of guarded terms none may hold: then it is a structural zero, whatever multiplies it.
  if (mayBeInfinite(partial)) {
    const { conditions, value } = unguard(g)
    const parts = terms(value)
    if (parts.length > 1 && parts.every(({ term }) => term.kind === "op" && term.op === "guard")) {
      const products = parts.map((part) => ({ ...part, term: core.op("mul", part.term, partial) }))
      return core.op("guard", conjunction(core, conditions), fromTerms(core, products))
    }
  }
  return core.op("mul", g, partial)
}

/** Whether a product has a factor that grows beyond all bounds over finite numbers. */
function mayBeInfinite(e: Expr): boolean {
  return factors(e).some(
    ({ factor }) =>
      factor.kind === "op" && (factor.op === "exp" || factor.op === "pow") && bounds(factor)[1] === Infinity,
  )
}

/** `value` where a condition holds, tested after the conditions that guard the value already: they may make it legal. */
function under(core: Core, condition: Expr, guarded: Expr): Expr {
  const { conditions, value } = unguard(guarded)
  return core.op("guard", conjunction(core, [...conditions, condition]), value)
}

/** The sum of two contributions under the conditions with which both start: what multiplies it later may be legal only there. */
function join(core: Core, x: Expr, y: Expr): Expr {
  const [a, b] = [unguard(x), unguard(y)]
  let n = 0
  while (n < a.conditions.length && a.conditions[n] === b.conditions[n]) n++
  if (n === 0) return addSteps(core, x, y)
  const rest = ({ conditions, value }: typeof a): Expr =>
    core.op("guard", conjunction(core, conditions.slice(n)), value)
  return core.op("guard", conjunction(core, a.conditions.slice(0, n)), addSteps(core, rest(a), rest(b)))
}

/** An expression as the sum of what it is at one index of an axis, where the axis is replaced, and of the rest everywhere. */
function split(core: Core, e: Expr, axis: AxisExpr, index: Expr): { at: Expr; rest: Expr } {
  const go = (x: Expr): { at: Expr; rest: Expr } => split(core, x, axis, index)
  const there = (x: Expr): Expr => substitute(core, x, new Map([[axis, index]]))
  if (e.kind === "op" && (e.op === "add" || e.op === "sub" || e.op === "neg")) {
    const parts = e.args.map(go)
    return {
      at: core.op(e.op, ...parts.map((part) => part.at)),
      rest: core.op(e.op, ...parts.map((part) => part.rest)),
    }
  }
  if (e.kind === "op" && e.op === "guard") {
    const pin = core.op("eq", axis, index)
    const all = conjuncts(e.args[0]!)
    const others = all.filter((c) => c !== pin)
    const condition = conjunction(core, others.map(there))
    if (others.length < all.length)
      return { at: core.op("guard", condition, there(e.args[1]!)), rest: core.zero }
    const { at, rest } = go(e.args[1]!)
    return { at: core.op("guard", condition, at), rest: core.op("guard", e.args[0]!, rest) }
  }
  return { at: core.zero, rest: e }
}

const derivatives = new Map<string, ReturnType<typeof template>>()

/** A derivative of the operator table, read once. */
function derivative(text: string): ReturnType<typeof template> {
  let made = derivatives.get(text)
  if (!made) derivatives.set(text, (made = template(text)))
  return made
}
