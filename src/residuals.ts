// What the steps of recurrences compute by name, so that it is computed once: core -> core, before differentiation.
//
// The derivative of a step reads the step's own intermediate values, at the same index and, where a state is shifted, at
// others. A named value is kept and read there; the same formula written for another index would be computed again. What does
// not change from step to step is computed before the first one.
import { recurrencesIn } from "./graph.ts"
import { type Core, type Expr, conjunction, conjuncts } from "./ir.ts"
import { SHARED_COST, ops } from "./ops.ts"
import { isConditional, readsData } from "./range.ts"
import { withSteps } from "./transform.ts"

/** A function that names the values which the steps in an expression should compute once. */
export function residuals(core: Core): (e: Expr) => Expr {
  const named = withSteps(core, (step) => {
    const [time] = step.formals as [Expr]
    const done = new Map<Expr, Expr>()
    const name = (e: Expr): Expr => core.define("let", [], core.true, e)
    const go = (e: Expr): Expr => {
      if (e.kind === "load") return core.load(e.input, e.index.map(go))
      if (e.kind === "ref") return core.ref(e.def, e.index.map(go))
      if (e.kind !== "op") return e
      let out = done.get(e)
      if (out) return out
      const worth = e.axes.length > 0 && !isConditional(core, e)
      if (worth && isSteady(e, time)) out = conjunction(core, [...ranges(e), name(e)])
      else if (worth && isCostly(e)) out = name(core.raw(e.op, e.args.map(inside)))
      else out = rebuilt(e, go)
      done.set(e, out)
      return out
    }
    // Of costly values inside one another the outermost is kept: the derivative asks for it alone.
    const inside = (e: Expr): Expr => (e.kind === "op" && isCostly(e) ? rebuilt(e, inside) : go(e))
    const rebuilt = (e: Expr & { kind: "op" }, change: (x: Expr) => Expr): Expr => {
      const args = e.args.map(change)
      return args.every((x, i) => x === e.args[i]) ? e : core.op(e.op, ...args)
    }
    return go(step.body)
  })
  return (e) => (e.refs.some(({ def }) => recurrencesIn(def).length > 0) ? named(e) : e)
}

/** Whether a value reads a state and costs so much that it is better read again than computed again. */
function isCostly(e: Expr & { kind: "op" }): boolean {
  return (ops[e.op].cost ?? 1) >= SHARED_COST && e.refs.some(({ def }) => def.op === "state")
}

/** Whether a value is the same at every step, and more than one or two operations. */
function isSteady(e: Expr & { kind: "op" }, time: Expr): boolean {
  return !e.axes.some((a) => a === time) && operations(e) > 2
}

/** What a condition says of places alone: it stays where it stands, for the reads that it keeps in range. */
function ranges(e: Expr): Expr[] {
  if (e.type !== "bool") return []
  return conjuncts(e).filter((c) => c.kind === "op" && (c.op === "le" || c.op === "lt") && !readsData(c))
}

function operations(e: Expr): number {
  return e.kind === "op" ? e.args.reduce((sum, x) => Math.min(sum + operations(x), 8), 1) : 0
}
