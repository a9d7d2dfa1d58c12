// `count[j in b](x[b = j] > x)`, the number of entries of a list that are larger than each: from n comparisons for each of n
// entries to one sort.
//
// In ascending order an entry stands behind all smaller ones. Where equal entries begin and end is carried along the sorted
// list, and goes back to where the entries stand. Only lists of a whole call are sorted: for short rows, comparing is faster.
import { type AxisExpr, type Core, type Def, type Expr, conjuncts, isConst } from "./ir.ts"
import { count, reduce, substitute } from "./sums.ts"

/** A count of the entries that compare with each entry of a list in one way. */
export interface Rank {
  readonly over: AxisExpr
  /** The entry at `over`. */
  readonly entry: Expr
  /** Whether it counts larger entries, not smaller ones, and equal ones too. */
  readonly larger: boolean
  readonly equal: boolean
}

/** Finds that a sum is such a count. */
export function rankOf(core: Core, def: Def): Rank | undefined {
  const [over, ...others] = def.formals
  const [along, ...more] = def.bound
  if (def.op !== "sum" || !isConst(def.body, 1) || !over || !along) return undefined
  if (others.length > 0 || more.length > 0 || over.extent !== along.extent || over.extent.kind === "const")
    return undefined
  const conditions = conjuncts(def.filter)
  const order = conditions.find((c) => c.kind === "op" && (c.op === "lt" || c.op === "le"))
  if (order?.kind !== "op") return undefined
  const equal = order.op === "le"
  // An entry is neither larger nor smaller than itself.
  const apart = core.op("ne", along, over)
  if (conditions.some((c) => c !== order && (equal || c !== apart))) return undefined
  for (const [entry, other, larger] of [
    [order.args[0]!, order.args[1]!, true],
    [order.args[1]!, order.args[0]!, false],
  ] as const)
    if (
      entry.type === "real" &&
      entry.axes.length === 1 &&
      entry.axes[0] === over &&
      substitute(core, entry, new Map([[over, along]])) === other
    )
      return { over, entry, larger, equal }
  return undefined
}

/** The count as an expression over `over`. */
export function rankValue(core: Core, rank: Rank, expand: (e: Expr) => Expr): Expr {
  const { over, larger, equal } = rank
  // One array of entries, for what is computed twice may be rounded in two ways.
  const entries = core.define("let", [], core.true, expand(rank.entry))
  const entry = (at: Expr): Expr => substitute(core, entries, new Map([[over, at]]))
  const isNumber = (x: Expr): Expr =>
    core.op("or", core.op("lt", x, core.const(Infinity)), core.op("eq", x, core.const(Infinity)))

  // How many stand before the first of the entries that are equal to one, or before the first that is larger.
  const fromEnd = larger !== equal
  const order = reduce(core, "argsort", [over], core.true, entries)
  const sorted = entry(order)
  const next = core.op(fromEnd ? "add" : "sub", over, core.one)
  const exists = fromEnd ? core.op("lt", next, over.extent) : core.op("le", core.zero, next)
  const neighbour = substitute(core, sorted, new Map([[over, next]]))
  const recurrence = core.openRecurrence(over, fromEnd, [{ axes: [], type: "int", initial: core.zero }])
  const carried = core.ref(recurrence.states[0]!, [over])
  const same = core.op("and", exists, core.op("eq", sorted, neighbour))
  const own = fromEnd ? core.op("add", over, core.one) : over
  const step = { axes: [over], value: core.op("select", same, carried, own) }
  const before = core.ref(core.closeRecurrence(recurrence, [step]).steps[0]!, [over])

  const place = core.freshAxis(over.extent)
  const at = new Map([[over, place]])
  const isHere = core.op("eq", over, substitute(core, order, at))
  const mine = reduce(core, "sum", [place], isHere, substitute(core, before, at))
  const numbers = count(core, [place], isNumber(entry(place)))
  const found = larger ? core.op("sub", numbers, mine) : mine
  return core.op("guard", isNumber(entries), found)
}
