// Reductions over what stands up to each index of an axis, or behind it: recognised, and turned into recurrences.
//
// `sum[j in k if j <= k](x[k = j])` reads n values for each of n indices; a recurrence along k adds one value a step.
import { linear } from "./flat.ts"
import {
  type AxisExpr,
  type Core,
  type Def,
  type Expr,
  type Recurrence,
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

const combined = { sum: "add", prod: "mul", max: "max", min: "min" } as const

/** Opens a recurrence along the axis of a running reduction, and returns its states there. */
function open(
  core: Core,
  def: Def,
  { over }: Running,
  descending: boolean,
  initials: readonly Expr[],
  type: ScalarType,
): { readonly recurrence: Recurrence; readonly axes: readonly AxisExpr[]; readonly states: readonly Expr[] } {
  const others = def.formals.filter((a) => a !== over)
  const axes = [over, ...others]
  const recurrence = core.openRecurrence(
    over,
    descending,
    initials.map((initial) => ({ axes: others, type, initial })),
  )
  return { recurrence, axes, states: recurrence.states.map((state) => core.ref(state, axes)) }
}

/** A running sum, product, maximum or minimum as an expression over the formals of its definition. */
export function runningValue(core: Core, def: Def, run: Running, expand: (e: Expr) => Expr): Expr {
  const { over, descending, strict } = run
  if (isPlainCount(def, run)) {
    const before = descending ? core.op("sub", over.extent, over) : core.op("add", over, core.one)
    return strict ? core.op("sub", before, core.one) : before
  }
  const op = def.op as keyof typeof combined
  const { recurrence, axes, states } = open(
    core,
    def,
    run,
    descending,
    [core.const(identities[op]!)],
    def.type,
  )
  const value = core.op(combined[op], states[0]!, own(core, def, run, expand))
  core.closeRecurrence(recurrence, [{ axes, value }])
  return strict ? states[0]! : core.ref(recurrence.steps[0]!, axes)
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
  const { recurrence, axes, states } = open(core, def, run, run.descending, initials, "real")
  const [max, rest] = states as [Expr, Expr]
  const x = expand(own(core, def, run, (e) => e))
  const scale = core.op("exp", core.op("neg", core.op("abs", core.op("sub", x, max))))
  const larger = core.op("mul", core.op("add", core.one, rest), scale)
  const equal = core.op("select", core.op("eq", x, max), core.op("add", rest, core.one), larger)
  const next = core.op("select", core.op("lt", x, max), core.op("add", rest, scale), equal)
  core.closeRecurrence(recurrence, [
    { axes, value: core.op("max", max, x) },
    { axes, value: next },
  ])
  if (run.strict) return { max, rest }
  return { max: core.ref(recurrence.steps[0]!, axes), rest: core.ref(recurrence.steps[1]!, axes) }
}

/** What one index adds: the reduction over the other bound axes, at the place of the bound axis. */
function own(core: Core, def: Def, { over, along, conditions }: Running, expand: (e: Expr) => Expr): Expr {
  const here = new Map([[along, over]])
  const others = def.bound.filter((a) => a !== along)
  const filter = expand(substitute(core, conjunction(core, conditions), here))
  return reduce(core, def.op, others, filter, expand(substitute(core, def.body, here)))
}

/**
 * The adjoint of the body of a running logsumexp L, from that of its values g: `exp(x[j] - L[j]) * B[j]` where B[j] is the sum
 * of `g[k] * exp(L[j] - L[k])` over the k that see j, a recurrence in the other direction. No exponent is positive.
 */
export function carriedBack(core: Core, def: Def, run: Running, g: Expr): Expr {
  const { over, along, descending, strict, conditions } = run
  const lse = (at: Expr): Expr =>
    core.ref(
      def,
      def.formals.map((f) => (f === over ? at : f)),
    )
  const after = (at: AxisExpr): Expr => core.op(descending ? "sub" : "add", at, core.one)
  const exists = (at: Expr): Expr =>
    descending ? core.op("le", core.zero, at) : core.op("lt", at, over.extent)
  const some = (at: Expr): Expr => core.op("lt", core.const(-Infinity), lse(at))
  const both = (...list: readonly Expr[]): Expr => conjunction(core, list)

  const { recurrence, axes, states } = open(core, def, run, !descending, [core.zero], "real")
  const [carried] = states as [Expr]
  const next = after(over)
  // A row that is left out passes nothing back, whatever is in it.
  const isKept = core.op(
    "or",
    core.op("lt", lse(next), core.const(Infinity)),
    core.op("ne", carried, core.zero),
  )
  const passed = core.op("mul", carried, core.op("exp", core.op("sub", lse(over), lse(next))))
  const value = core.op(
    "add",
    core.op("guard", some(over), g),
    core.op("guard", both(exists(next), some(over), isKept), passed),
  )
  core.closeRecurrence(recurrence, [{ axes, value }])

  const first = strict ? after(along) : along
  const back = core.ref(recurrence.steps[0]!, [first, ...axes.slice(1)])
  const weight = core.op("exp", core.op("sub", def.body, lse(first)))
  return core.op(
    "guard",
    both(...(strict ? [exists(first)] : []), ...conditions, some(first)),
    core.op("mul", back, weight),
  )
}
