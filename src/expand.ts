// Lowers logsumexp, softplus, sigmoid and their kin to operations that value and gradient share: core -> core.
//
// logsumexp becomes the pair (M, S) with M the maximum and S = Σ exp(x - M) over everything below the maximum, plus the ties
// less one, so that log(1 + S) keeps what a sum starting with 1 would lose: a cross-entropy of 4e-18 is 4e-18. `log1p(S)` is
// added last, after `M - z` has cancelled; `exp(x - lse)` is `exp(x - M) / (1 + S)`. No recognising rule may run after this.
import { type Core, type Def, type Expr, conjunction, isConst } from "./ir.ts"
import { flatMap } from "./lists.ts"
import { rewriter } from "./simplify.ts"
import { type Term, fromTerms, operands, terms } from "./flat.ts"
import { rankOf, rankValue } from "./ranks.ts"
import { runningOf, runningPair, runningValue } from "./running.ts"
import { count, reduce, refer, substitute } from "./sums.ts"
import { transformer } from "./transform.ts"

/** A function that expands expressions of one core; `all` also expands the elementwise operators. */
export function expander(core: Core, all = true): (e: Expr) => Expr {
  const rules = all ? rewriter(core, "expand") : (e: Expr): Expr => e
  const pairs = new Map<Def, { max: Expr; rest: Expr }>()
  /** The maximum and the sum of the others, as expressions over the formals of the definition. */
  const pairOf = (def: Def): { max: Expr; rest: Expr } => {
    let pair = pairs.get(def)
    const run = all && !pair ? runningOf(def) : undefined
    if (run) pairs.set(def, (pair = runningPair(core, def, run, expand)))
    if (!pair) {
      const { bound } = def
      const filter = expand(def.filter)
      const body = expand(def.body)
      const max = reduce(core, "max", bound, filter, body)
      const below = core.op("lt", body, max)
      const sum = reduce(
        core,
        "sum",
        bound,
        conjunction(core, [filter, below]),
        core.op("exp", core.op("sub", body, max)),
      )
      // What is not below is counted, not what is equal: a body that is computed again may round differently.
      const ties = count(core, bound, conjunction(core, [filter, core.op("not", below)]))
      const more = core.op("sub", ties, core.one)
      // A filter may leave nothing, and no tie either. The number of ties cannot say so: the largest, computed again, may
      // have come out below the maximum, and stand in the sum.
      const some = core.op("lt", core.const(-Infinity), max)
      const others = isConst(filter, 1) ? more : core.op("guard", some, more)
      pair = { max, rest: core.op("add", sum, others) }
      pairs.set(def, pair)
    }
    return pair
  }
  const runs = new Map<Def, Expr | undefined>()
  /** A running reduction as the recurrence that it is, a count of smaller or larger entries as a sort. */
  const running = (def: Def): Expr | undefined => {
    if (!runs.has(def)) {
      const { op } = def
      const run = op === "sum" || op === "prod" || op === "max" || op === "min" ? runningOf(def) : undefined
      const rank = run ? undefined : rankOf(core, def)
      const value = run ? runningValue(core, def, run, expand) : rank && rankValue(core, rank, expand)
      runs.set(def, value)
    }
    return runs.get(def)
  }
  const at = (def: Def, e: Expr, index: readonly Expr[]): Expr => {
    if (
      e.kind === "ref" &&
      e.index.length === def.formals.length &&
      e.index.every((x, i) => x === def.formals[i])
    )
      return refer(core, e.def, index)
    return substitute(core, e, new Map(def.formals.map((f, i) => [f, index[i]!])))
  }
  const parts = (e: Expr): { max: Expr; rest: Expr } | undefined => {
    if (e.kind !== "ref" || e.def.op !== "logsumexp") return undefined
    const index = e.index.map(expand)
    const { max, rest } = pairOf(e.def)
    return { max: at(e.def, max, index), rest: at(e.def, rest, index) }
  }
  /** `exp(x - s)` where s is a named sum of two or three exponentials, x among them: they expand together. */
  const partOf = (x: Expr, e: Expr): Expr | undefined => {
    if (e.kind !== "ref" || e.def.op !== "let") return undefined
    const sum = substitute(core, e.def.body, new Map(e.def.formals.map((f, i) => [f, e.index[i]!])))
    if (sum.kind !== "op" || sum.op !== "logaddexp" || !operands(sum).includes(x)) return undefined
    const [first, second] = sum.args as readonly [Expr, Expr]
    if (operands(sum).length > 2)
      return operands(sum).length > 3 ? undefined : core.op("exp", core.op("sub", x, sum))
    // The exponential of the sum, whichever is the smaller.
    const smaller = core.op("exp", core.op("neg", core.op("abs", core.op("sub", first, second))))
    const own = core.op("select", core.op("lt", x, x === first ? second : first), smaller, core.one)
    return core.op("div", own, core.op("add", core.one, smaller))
  }
  /** `exp(a - lse)` and `expm1(a - lse)`, whatever a is. */
  const exponential = (e: Expr & { kind: "op" }): Expr | undefined => {
    if (e.op !== "exp" && e.op !== "expm1") return undefined
    const list = terms(e.args[0]!)
    const [x, y] = list
    const part = e.op === "exp" && list.length === 2 && y!.negative && partOf(x!.term, y!.term)
    if (part) return expand(part)
    const pairs = list.map((t) => parts(t.term))
    const rests = flatMap(pairs, (pair, i) =>
      pair ? [{ rest: pair.rest, negative: list[i]!.negative }] : [],
    )
    if (!rests.some(({ negative }) => negative)) return undefined
    const shifted = fromTerms(
      core,
      list.map((t, i): Term => ({ ...t, term: pairs[i]?.max ?? expand(t.term) })),
    )
    const whole = ({ rest }: { readonly rest: Expr }): Expr => core.op("add", core.one, rest)
    if (e.op === "exp")
      return rests.reduce(
        (x, one) => core.op(one.negative ? "div" : "mul", x, whole(one)),
        core.op("exp", shifted),
      )
    const [only, ...more] = rests
    if (more.length > 0) return undefined
    return core.op("div", core.op("sub", core.op("expm1", shifted), only!.rest), whole(only!))
  }
  const before = (e: Expr): Expr | undefined => {
    const lone = parts(e)
    if (lone) return core.op("add", lone.max, core.op("log1p", lone.rest))
    if (e.kind === "ref") {
      const steps = all ? running(e.def) : undefined
      return steps && at(e.def, steps, e.index.map(expand))
    }
    if (e.kind !== "op") return undefined
    if (e.op === "exp" || e.op === "expm1") return exponential(e)
    if (e.op !== "add" && e.op !== "sub") return comparison(e)
    const list = terms(e)
    if (!list.some((t) => t.term.kind === "ref" && t.term.def.op === "logsumexp")) return undefined
    const tails: Term[] = []
    const maxima: Term[] = []
    const others: Term[] = []
    for (const t of list) {
      const pair = parts(t.term)
      if (pair) {
        tails.push({ term: core.op("log1p", pair.rest), negative: t.negative })
        maxima.push({ ...t, term: pair.max })
      } else others.push({ ...t, term: expand(t.term) })
    }
    // What a maximum may cancel against comes next to it: a small term between them would lose its digits.
    const against = others.filter((t) => t.negative !== maxima[0]!.negative)
    const heads = [...maxima, ...against, ...others.filter((t) => !against.includes(t))]
    let out = fromTerms(core, heads)
    for (const t of tails) out = core.op(t.negative ? "sub" : "add", out, t.term)
    return out
  }
  /** `-inf < lse` and `lse < inf` ask only whether the maximum is finite. */
  const comparison = (e: Expr & { kind: "op" }): Expr | undefined => {
    if (e.op !== "lt") return undefined
    const [x, y] = e.args as readonly [Expr, Expr]
    const low = isConst(x, -Infinity) ? parts(y) : undefined
    const high = isConst(y, Infinity) ? parts(x) : undefined
    return low ? core.op("lt", x, low.max) : high && core.op("lt", high.max, y)
  }
  // What reads no definition has no reduction in it.
  const structure = transformer(core, { keeps: (e) => e.refs.length === 0, before })
  const expand = (e: Expr): Expr => structure(e)
  return (e) => rules(expand(e))
}
