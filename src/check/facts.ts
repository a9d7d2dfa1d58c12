// What a condition says: the facts that hold where it does.
import { type Core, type Expr, conjuncts } from "../ir.ts"
import { flatMap } from "../lists.ts"
import { NodeFact } from "../node-fact.ts"

// Expressions share their parts, so what is known of a part is kept: a walk of every path would never end.
const grounds = new NodeFact<boolean>()
const dataReaders = new NodeFact<boolean>()

/** Whether an expression is made of sizes and options alone. */
export function isGround(e: Expr): boolean {
  return e.axes.length === 0 && !readsSamples(e)
}

function readsSamples(e: Expr): boolean {
  if (e.kind === "load") return e.input.role !== "option" || e.index.length > 0
  if (e.kind === "ref") return true
  return e.kind === "op" && remembered(grounds, e, () => e.args.some(readsSamples))
}

/** Whether an expression depends on more than axes, sizes and scalar options. */
export function readsArrays(e: Expr): boolean {
  if (e.kind === "load") return e.index.length > 0
  if (e.kind === "ref") return true
  return e.kind === "op" && remembered(dataReaders, e, () => e.args.some(readsArrays))
}

function remembered(known: NodeFact<boolean>, e: Expr, find: () => boolean): boolean {
  let value = known.get(e)
  if (value === undefined) known.set(e, (value = find()))
  return value
}

/** What is known where a condition holds. */
export function assumptions(core: Core, condition: Expr): Expr[] {
  return flatMap(conjuncts(condition), (c) => {
    if (c.kind !== "op" || c.op !== "not") return [c]
    const inner = c.args[0]!
    if (inner.kind !== "op") return [c]
    const [x, y] = inner.args
    const ints = inner.args.every((a) => a.type === "int")
    if (inner.op === "or")
      return [...assumptions(core, core.op("not", x!)), ...assumptions(core, core.op("not", y!))]
    if (inner.op === "eq") return [c, core.op("ne", x!, y!)]
    if (inner.op === "ne") return [c, core.op("eq", x!, y!)]
    if (inner.op === "lt" && ints) return [c, core.op("le", y!, x!)]
    if (inner.op === "le" && ints) return [c, core.op("lt", y!, x!)]
    return [c]
  })
}

/**
 * Whether a condition says that a label is not its sentinel: it compares the label, or it says by other data which places of
 * a list hold one (`i < length`, `mask`).
 */
export function excludesSentinel(condition: Expr, label: Expr): boolean {
  if (condition.kind === "load") return label.axes.every((a) => condition.axes.includes(a))
  if (condition.kind !== "op") return false
  const [x, y] = condition.args
  switch (condition.op) {
    case "ne":
    case "eq":
      return x === label || y === label
    case "le":
    case "lt":
      return y === label || limits(x!, y!, label) || limits(y!, x!, label)
    default:
      return false
  }
}

/** Whether an expression tells places of a label apart, and another one is data that is the same for all of them. */
function limits(place: Expr, limit: Expr, label: Expr): boolean {
  const along = place.axes.filter((a) => label.axes.includes(a) && !limit.axes.includes(a))
  return along.length > 0 && !readsArrays(place) && readsArrays(limit)
}
