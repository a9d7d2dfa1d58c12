// What the largest or smallest values are found among, by name, so that it is computed once: core -> core, before differentiation.
//
// The derivative looks for the index whose value is the largest. Computed again in other loops a value may be rounded in another
// way, in lanes or with a quotient that is shared there, and then none would be equal to the largest. A named value is kept.
import { postorder } from "./graph.ts"
import type { Core, Def, Expr } from "./ir.ts"
import { type OpName, SHARED_COST, ops } from "./ops.ts"
import { isConditional } from "./range.ts"
import { transformer } from "./transform.ts"

/** A function that names the values which reductions of some expressions to the largest or smallest compare. */
export function extremes(core: Core, exprs: readonly Expr[]): (e: Expr) => Expr {
  const named = new Set<Def>()
  const nameOf = (e: Expr): Expr => core.define("let", [], core.true, e)
  const name = transformer(core, {
    keeps: readsNothing,
    def: ({ op, bound, filter, body }, rebuild) => {
      if ((op !== "max" && op !== "min") || isExact(body) || isShared(core, body)) return undefined
      const value = nameOf(rebuild(body))
      if (value.kind === "ref") named.add(value.def)
      return core.define(op, bound, rebuild(filter), value)
    },
  })
  for (const e of exprs) name(e)
  if (named.size === 0) return name
  const isNamed = (e: Expr): boolean => e.kind === "ref" && named.has(e.def)
  const isExtreme = (e: Expr): boolean => e.kind === "ref" && isNamed(e.def.body)
  // What an extreme is compared with or taken from, as in `u - max[d](u)`, is the same value and not only the same formula. So is
  // what is made of other definitions, wherever it stands: it is better read than computed again.
  const met = (e: Expr): Expr => {
    if (e.kind !== "op" || e.axes.length === 0) return e
    const value = nameOf(e)
    return isNamed(value) ? value : e
  }
  const use = transformer(core, {
    keeps: readsNothing,
    op: (op, args) => {
      const again = core.op(op, ...args)
      const known = again.refs.length > 0 ? met(again) : again
      if (known !== again) return known
      const [x, y] = args as readonly [Expr, Expr]
      if (args.length !== 2 || isExtreme(x) === isExtreme(y)) return undefined
      const [a, b] = isExtreme(x) ? [x, met(y)] : [met(x), y]
      return a === x && b === y ? undefined : core.op(op, a, b)
    },
  })
  return (e) => use(name(e))
}

/** Whether an expression has no definition in it, and so no extreme. */
const readsNothing = (e: Expr): boolean => e.refs.length === 0

/** Operators that round nothing: they choose, or change a sign. */
const choosing: ReadonlySet<OpName> = new Set<OpName>([
  "neg",
  "abs",
  "relu",
  "max",
  "min",
  "clampMin",
  "clampMax",
  "clamp",
  "select",
  "guard",
  "stop",
])

/**
 * Whether a value has the same bits wherever it is computed: it is read from an array, or chosen among such. Numbers of the text
 * and of calls are doubles, which lanes of f32 round.
 */
function isExact(e: Expr): boolean {
  if (e.type !== "real") return true
  if (e.kind === "const") return Math.fround(e.value) === e.value
  if (e.kind === "load") return e.index.length > 0
  return e.kind !== "op" || (choosing.has(e.op) && e.args.every(isExact))
}

/**
 * Whether the scheduler names a value anyway: an expensive one, which has a name wherever it stands unless a condition keeps it in
 * range, and the same formula in the derivative unless that reads it from another index.
 */
function isShared(core: Core, e: Expr): boolean {
  if (e.kind !== "op" || (ops[e.op].cost ?? 1) < SHARED_COST || isConditional(core, e)) return false
  return postorder([e]).every(
    (x) =>
      (x.kind !== "load" && x.kind !== "ref") ||
      x.index.every((i) => i.kind === "axis" || i.axes.length === 0),
  )
}
