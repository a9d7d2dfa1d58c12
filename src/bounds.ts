// Interval analysis of core expressions: what values may appear, from declared domains, sizes and the operator table.
import { type Expr, type RefExpr, givesPlaces, identities, isConst } from "./ir.ts"
import { NodeFact } from "./node-fact.ts"
import { type Interval, ops } from "./ops.ts"

const UNKNOWN: Interval = [-Infinity, Infinity]
const LARGEST = 2 ** 31

const known = new NodeFact<Interval>()

/** The range of an expression, NaN aside. */
export function bounds(e: Expr): Interval {
  let range = known.get(e)
  if (!range) known.set(e, (range = compute(e)))
  return range
}

function compute(e: Expr): Interval {
  switch (e.kind) {
    case "const":
      return [e.value, e.value]
    case "size":
      return [0, LARGEST]
    case "axis":
      return [0, Math.max(0, bounds(e.extent)[1] - 1)]
    case "load":
      return ofInput(e)
    case "ref": {
      const { op, body } = e.def
      const range = bounds(body)
      if (op === "let") return range
      if (op === "sum") return [range[0] >= 0 ? 0 : -Infinity, range[1] <= 0 ? 0 : Infinity]
      if (op === "max" || op === "min") {
        const identity = identities[op]!
        return [Math.min(range[0], identity), Math.max(range[1], identity)]
      }
      if (givesPlaces(op)) return [0, LARGEST]
      return op === "prod" && range[0] >= 0 ? [0, Infinity] : UNKNOWN
    }
    case "op": {
      const of = ops[e.op].bounds
      if (e.op === "mul" && e.args[0] === e.args[1]) {
        const [low, high] = bounds(e.args[0]!)
        const least = low > 0 ? low * low : high < 0 ? high * high : 0
        return [least, Math.max(low * low, high * high)]
      }
      if (e.op === "ratio") {
        const [x, y] = [bounds(e.args[0]!), bounds(e.args[1]!)]
        return x[0] >= 0 && y[0] >= 0 ? [0, Infinity] : UNKNOWN
      }
      if (!of) return UNKNOWN
      const [low, high] = of(...e.args.map(bounds))
      if (Number.isNaN(low) || Number.isNaN(high)) return UNKNOWN
      if (e.op !== "sub") return [low, high]
      const [x, y] = e.args as readonly [Expr, Expr]
      if (isAmong(x, y, "max") || isAmong(y, x, "min")) return [low, Math.min(high, 0)]
      return isAmong(y, x, "max") || isAmong(x, y, "min") ? [Math.max(low, 0), high] : [low, high]
    }
  }
}

/** Whether an expression is one of those of which another one is the largest or smallest. */
function isAmong(x: Expr, extreme: Expr, op: "max" | "min"): boolean {
  if (extreme.kind !== "ref" || extreme.def.op !== op || !isConst(extreme.def.filter, 1)) return false
  return matches(extreme.def.body, x, extreme, new Map())
}

/**
 * Whether an expression is the body of a reduction for the index of a reference and any indices on its bound axes. `known` is what
 * parts of the body stand for: each for one expression.
 */
function matches(body: Expr, x: Expr, to: RefExpr, known: Map<Expr, Expr>): boolean {
  const found = known.get(body)
  if (found) return found === x
  known.set(body, x)
  const { formals, bound } = to.def
  const all = (xs: readonly Expr[], ys: readonly Expr[]): boolean =>
    xs.length === ys.length && xs.every((one, i) => matches(one, ys[i]!, to, known))
  if (body.kind === "axis") {
    const formal = formals.indexOf(body)
    if (formal >= 0) return to.index[formal] === x
    return bound.includes(body) ? x.kind === "axis" && x.extent === body.extent : body === x
  }
  if (body === x) return ![...formals, ...bound].some((axis) => body.axes.includes(axis))
  if (body.kind === "load" && x.kind === "load") return body.input === x.input && all(body.index, x.index)
  if (body.kind === "ref" && x.kind === "ref") return body.def === x.def && all(body.index, x.index)
  return body.kind === "op" && x.kind === "op" && body.op === x.op && all(body.args, x.args)
}

function ofInput(e: Expr & { kind: "load" }): Interval {
  const { input } = e
  if (input.type === "bool") return [0, 1]
  let low = -Infinity
  let high = Infinity
  // Only domains that every call checks may be relied on: those of options, and those a proof asked for.
  if (input.domain && (input.role === "option" || input.domainUsed)) {
    if (input.domain.low) low = bounds(input.domain.low.value)[0]
    if (input.domain.high) high = bounds(input.domain.high.value)[1]
  }
  if (input.label && !input.label.optional) {
    low = Math.max(low, 0)
    high = Math.min(high, bounds(input.label.extent)[1] - 1)
  }
  if (input.choices) return [0, input.choices.length - 1]
  return [low, high]
}

/** Whether a condition holds for all values in range; a NaN is not considered. */
export function proves(condition: Expr): boolean {
  if (condition.kind === "const") return condition.value !== 0
  if (condition.kind !== "op") return false
  const [x, y] = condition.args as readonly [Expr, Expr]
  switch (condition.op) {
    case "and":
      return proves(x) && proves(y)
    case "or":
      return proves(x) || proves(y)
    case "lt":
      return bounds(x)[1] < bounds(y)[0] || strictlyPositive(x, y)
    case "le":
      return bounds(x)[1] <= bounds(y)[0]
    case "ne":
      return bounds(x)[1] < bounds(y)[0] || bounds(y)[1] < bounds(x)[0]
    default:
      return false
  }
}

/** `0 < y` for an option declared so: closed intervals cannot say it. */
function strictlyPositive(x: Expr, y: Expr): boolean {
  if (x.kind !== "const" || y.kind !== "load" || y.input.role !== "option") return false
  const low = y.input.domain?.low
  return low !== undefined && low.strict && bounds(low.value)[0] >= x.value
}
