// Reductions over what stands up to each index of an axis, or behind it: recognised, and turned into recurrences.
//
// `sum[j in k if j <= k](x[k = j])` reads n values for each of n indices; a recurrence along k adds one value a step.
import { linear } from "./flat.ts"
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  conjunction,
  conjuncts,
  identities,
  isConst,
} from "./ir.ts"
import { reduce, substitute } from "./sums.ts"
import { transformer } from "./transform.ts"
import type { ScalarType } from "./types.ts"

/** A reduction whose filter compares a bound axis with a formal, on which nothing else in it depends. */
export interface Running {
  /** The formal, and the bound axis: both run over the same indices. */
  readonly over: AxisExpr
  readonly along: AxisExpr
  /** Whether it reduces what stands at an index or behind it, so that the recurrence starts at the last one. */
  readonly descending: boolean
  /** Whether an index itself is left out. */
  readonly strict: boolean
  /** The other conditions. */
  readonly conditions: readonly Expr[]
}

/** Short axes are not worth it. */
const FEWEST = 4

/** Finds that a reduction is a running one. */
export function runningOf(def: Def): Running | undefined {
  const all = conjuncts(def.filter)
  for (const condition of all) {
    const found = comparison(def, condition)
    if (!found || found.over.extent !== found.along.extent) continue
    const { extent } = found.over
    if (extent.kind === "const" && extent.value < FEWEST) continue
    const conditions = all.filter((c) => c !== condition)
    if ([...conditions, def.body].every((e) => !e.axes.includes(found.over))) return { ...found, conditions }
  }
  return undefined
}

/** Reads `j <= k`, `j < k` and their mirror images, in whatever way they are written. */
function comparison(
  { formals, bound }: Def,
  condition: Expr,
): Pick<Running, "over" | "along" | "descending" | "strict"> | undefined {
  if (condition.kind !== "op" || (condition.op !== "lt" && condition.op !== "le")) return undefined
  const [x, y] = condition.args as readonly [Expr, Expr]
  if (x.type !== "int" || y.type !== "int") return undefined
  const [left, right] = [linear(x), linear(y)]
  const terms = new Map(left.terms)
  for (const [atom, c] of right.terms) terms.set(atom, (terms.get(atom) ?? 0) - c)
  const atoms = [...terms].filter(([, c]) => c !== 0)
  const over = atoms.find(([atom]) => formals.includes(atom as AxisExpr))
  const along = atoms.find(([atom]) => bound.includes(atom as AxisExpr))
  if (atoms.length !== 2 || !over || !along || over[1] + along[1] !== 0 || Math.abs(along[1]) !== 1)
    return undefined
  // along - over <= distance, or over - along <= distance.
  const distance = right.constant - left.constant - (condition.op === "lt" ? 1 : 0)
  if (distance !== 0 && distance !== -1) return undefined
  return {
    over: over[0] as AxisExpr,
    along: along[0] as AxisExpr,
    descending: along[1] < 0,
    strict: distance === -1,
  }
}

/** Whether it only counts the indices. */
const isPlainCount = (def: Def, { conditions }: Running): boolean =>
  def.op === "sum" && conditions.length === 0 && def.bound.length === 1 && isConst(def.body, 1)

export const combined = { sum: "add", prod: "mul", max: "max", min: "min" } as const

/** The values of the states of a recurrence before and after a step, at its axis and their own. */
interface Sides {
  readonly states: readonly Expr[]
  readonly steps: readonly Expr[]
}

/** Opens a recurrence along the axis of a running reduction: `close` gives its steps, in terms of its states. */
export function open(
  core: Core,
  def: Def,
  { over }: Running,
  descending: boolean,
  initials: readonly Expr[],
  type: ScalarType,
): Pick<Sides, "states"> & { readonly close: (...values: readonly Expr[]) => Sides } {
  const others = def.formals.filter((a) => a !== over)
  const axes = [over, ...others]
  const starts = initials.map((initial) => ({ axes: others, type, initial }))
  const opened = core.openRecurrence(over, descending, starts)
  const refs = (defs: readonly Def[]): readonly Expr[] => defs.map((d) => core.ref(d, axes))
  const close = (...values: readonly Expr[]): Sides => {
    const steps = values.map((value) => ({ axes, value }))
    const closed = core.closeRecurrence(opened, steps)
    return { states: refs(closed.states), steps: refs(closed.steps) }
  }
  return { states: refs(opened.states), close }
}

/** A running sum, product, maximum or minimum as an expression over the formals of its definition. */
export function runningValue(core: Core, def: Def, run: Running, expand: (e: Expr) => Expr): Expr {
  const { over, descending, strict } = run
  if (isPlainCount(def, run)) {
    const before = descending ? core.op("sub", over.extent, over) : core.op("add", over, core.one)
    return strict ? core.op("sub", before, core.one) : before
  }
  const op = def.op as keyof typeof combined
  const { states, close } = open(core, def, run, descending, [core.const(identities[op]!)], def.type)
  const closed = close(core.op(combined[op], states[0]!, own(core, def, run, expand)))
  return (strict ? closed.states : closed.steps)[0]!
}

const values = new WeakMap<Def, Expr>()

/** An expression whose running sums are recurrences, and everything else as it was: to evaluate it as it stands. */
export function inSteps(core: Core, e: Expr): Expr {
  const rebuild = transformer(core, {
    def: (def, inside) => {
      const run = def.op === "sum" ? runningOf(def) : undefined
      if (!run) return undefined
      let value = values.get(def)
      if (!value) values.set(def, (value = runningValue(core, def, run, inside)))
      return value
    },
  })
  return rebuild(e)
}

/**
 * A running logsumexp as its maximum and the sum of the others, relative to the maximum: when a larger value comes, the sum is
 * scaled down, and what was the maximum joins it.
 */
export function runningPair(
  core: Core,
  def: Def,
  run: Running,
  expand: (e: Expr) => Expr,
): { readonly max: Expr; readonly rest: Expr } {
  const initials = [core.const(-Infinity), core.zero]
  const { states, close } = open(core, def, run, run.descending, initials, "real")
  const [max, rest] = states as [Expr, Expr]
  const x = expand(own(core, def, run, (e) => e))
  const scale = core.op("exp", core.op("neg", core.op("abs", core.op("sub", x, max))))
  const larger = core.op("mul", core.op("add", core.one, rest), scale)
  const equal = core.op("select", core.op("eq", x, max), core.op("add", rest, core.one), larger)
  const next = core.op("select", core.op("lt", x, max), core.op("add", rest, scale), equal)
  const closed = close(core.op("max", max, x), next)
  const [most, others] = (run.strict ? closed.states : closed.steps) as [Expr, Expr]
  return { max: most, rest: others }
}

/** What one index adds: the reduction over the other bound axes, at the place of the bound axis. */
export function own(core: Core, def: Def, run: Running, expand: (e: Expr) => Expr): Expr {
  const { others, filter, body } = here(core, def, run)
  return reduce(core, def.op, others, expand(filter), expand(body))
}

/** The conditions and the body at the place of the bound axis, and the bound axes that are left. */
export function here(
  core: Core,
  def: Def,
  { over, along, conditions }: Running,
): { readonly others: readonly AxisExpr[]; readonly filter: Expr; readonly body: Expr } {
  const place = new Map([[along, over]])
  return {
    others: def.bound.filter((a) => a !== along),
    filter: substitute(core, conjunction(core, conditions), place),
    body: substitute(core, def.body, place),
  }
}
