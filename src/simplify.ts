// Applying rewrite rules to the core: core -> core.
import { proves } from "./bounds.ts"
import { Core, type CoreLimits, type Expr, heads } from "./ir.ts"
import { flatMap } from "./lists.ts"
import { type OpName, ops } from "./ops.ts"
import { type Holes, type Pattern, build, matchOp, mayMatch, pattern } from "./pattern.ts"
import { type Rule, expansions, finishing, identities, stabilising } from "./rules.ts"
import { factors, fromFactors, terms } from "./flat.ts"
import { transformer } from "./transform.ts"

interface Compiled {
  readonly rule: Rule
  readonly from: Pattern & { readonly kind: "op" }
  readonly to: Pattern
  readonly when: Pattern | undefined
}

/** Rules by the operator at the root of their left-hand side. */
export class RuleSet {
  private readonly ofOperators = new Map<OpName, OfOperator>()

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      const from = pattern(rule.from)
      if (from.kind !== "op") throw new Error(`the rule ${rule.name} does not start with an operator`)
      const when = rule.when === undefined ? undefined : pattern(rule.when)
      const known = this.ofOperators.get(from.op)?.rules ?? []
      const all = [...known, { rule, from, to: pattern(rule.to), when }]
      this.ofOperators.set(from.op, { rules: all, byHeads: new Map() })
    }
  }

  has(op: OpName): boolean {
    return this.ofOperators.has(op)
  }

  /** The rules that an operator may match by what stands at the roots of its arguments: for most arguments there is none. */
  candidates(op: OpName, args: readonly Expr[]): readonly Compiled[] {
    const own = this.ofOperators.get(op)
    if (!own) return none
    const [x, y] = args
    const key = y ? 2 * (HEADS * x!.head + y.head) + +(x === y) : x!.head
    let found = own.byHeads.get(key)
    if (!found) own.byHeads.set(key, (found = own.rules.filter(({ from }) => mayMatch(from, args))))
    return found
  }
}

interface OfOperator {
  readonly rules: readonly Compiled[]
  /** Those that may match, by the heads of two arguments and whether they are the same. */
  readonly byHeads: Map<number, readonly Compiled[]>
}

/** How many heads nodes may have. */
const HEADS = heads.op + Object.keys(ops).length
const none: readonly Compiled[] = []

/** Tries the rules on an operator about to be made. */
export function applyRules(
  core: Core,
  set: RuleSet,
  op: OpName,
  args: readonly Expr[],
  fired?: (rule: Rule) => void,
): Expr | undefined {
  const candidates = set.candidates(op, args)
  if (candidates.length === 0) return undefined
  const holes: Holes = new Map()
  for (const { rule, from, to, when } of candidates) {
    if (!matchOp(from, op, args, holes)) continue
    if (rule.ints?.some((name) => holes.get(name)!.type !== "int")) continue
    if (when && !proves(build(core, when, holes))) continue
    fired?.(rule)
    return build(core, to, holes)
  }
  return undefined
}

const lazily = <T>(make: () => T): (() => T) => {
  let made: T | undefined
  return () => (made ??= make())
}
const sets = {
  identities: lazily(() => new RuleSet(identities)),
  stabilise: lazily(() => new RuleSet(stabilising)),
  finish: lazily(() => new RuleSet(finishing)),
  expand: lazily(() => new RuleSet(expansions)),
}

/** A core whose constructors apply the identities. */
export function createCore(limits?: CoreLimits): Core {
  const set = sets.identities()
  return new Core((core, op, args) => applyRules(core, set, op, args), limits)
}

/** Rewrites expressions, definitions included, until no rule of the stage fires. */
export function rewriter(
  core: Core,
  stage: "stabilise" | "finish" | "expand",
  fired?: (rule: Rule) => void,
): (e: Expr) => Expr {
  const set = sets[stage]()
  const rewrite = transformer(core, {
    // In the step of a recurrence an operator may expand together with those that it takes: the derivative of a step reads the
    // value that was kept, and shares nothing with them. Elsewhere it needs their values, so each expands by itself.
    before: (e) => {
      if (stage !== "expand" || e.kind !== "op" || !set.has(e.op)) return undefined
      if (!e.refs.some(({ def }) => def.op === "state")) return undefined
      const out = applyRules(core, set, e.op, e.args, fired)
      return out && rewrite(out)
    },
    op: (op, args) => {
      const out = applyRules(core, set, op, args, fired)
      if (out) return rewrite(out)
      if (stage !== "expand" && (op === "add" || op === "sub")) {
        const met = paired(core, set, op, args as readonly [Expr, Expr], fired)
        if (met) return rewrite(met)
      }
      return stage === "finish" && (op === "mul" || op === "div")
        ? multiplied(core, set, cancelled(core, core.op(op, ...args)), fired)
        : undefined
    },
  })
  return rewrite
}

/**
 * A sum in which a term of each side make up the left-hand side of a rule: in `x + exp(y) - 1` the last two do. What the rule
 * gives stands where the left one stood.
 */
function paired(
  core: Core,
  set: RuleSet,
  op: "add" | "sub",
  [left, right]: readonly [Expr, Expr],
  fired?: (rule: Rule) => void,
): Expr | undefined {
  const lefts = terms(left)
  const rights = terms(right, op === "sub")
  if (lefts.length * rights.length > MOST_PAIRS) return undefined
  for (const a of lefts)
    for (const b of rights) {
      if (a.term === left && b.term === right) continue
      const sum = applyRules(
        core,
        set,
        a.negative === b.negative ? "add" : "sub",
        a.negative && !b.negative ? [b.term, a.term] : [a.term, b.term],
        fired,
      )
      if (!sum) continue
      const negative = a.negative && b.negative
      const first = replaced(core, left, a.term, negative === a.negative ? sum : core.op("neg", sum))
      return core.op(op, first, replaced(core, right, b.term, core.zero))
    }
  return undefined
}

/** More pairs are not looked at: sums are short where they are written by hand, products of derivatives are longer. */
const MOST_PAIRS = 64
const MOST_FACTORS = 12

/** A sum with one of its terms replaced. */
function replaced(core: Core, sum: Expr, term: Expr, by: Expr): Expr {
  if (sum === term) return by
  if (sum.kind !== "op" || (sum.op !== "add" && sum.op !== "sub" && sum.op !== "neg")) return sum
  return core.op(sum.op, ...sum.args.map((x) => replaced(core, x, term, by)))
}

/** A product without the factors that stand above and below and cannot be 0: the domain grows, the error shrinks. */
function cancelled(core: Core, e: Expr): Expr {
  let list = factors(e)
  for (const f of list) {
    if (f.inverse) continue
    const under = list.find((g) => g.inverse && g.factor === f.factor)
    if (under && f.factor.kind !== "const" && proves(core.op("ne", f.factor, core.zero)))
      list = list.filter((g) => g !== f && g !== under)
  }
  return list.length === factors(e).length ? e : fromFactors(core, list)
}

/** A product or quotient in which two factors that make up the left-hand side of a rule are one, wherever they stand. */
function multiplied(core: Core, set: RuleSet, e: Expr, fired?: (rule: Rule) => void): Expr {
  const list = factors(e)
  if (list.length > MOST_FACTORS) return e
  for (let i = 0; i < list.length; i++)
    for (let k = i + 1; k < list.length; k++) {
      const [a, b] = [list[i]!, list[k]!]
      if (a.inverse && b.inverse) continue
      const [over, under] = a.inverse ? [b, a] : [a, b]
      const factor = applyRules(core, set, under.inverse ? "div" : "mul", [over.factor, under.factor], fired)
      if (!factor) continue
      const rest = flatMap(list, (f) => (f === a ? [{ factor, inverse: false }] : f === b ? [] : [f]))
      return multiplied(core, set, fromFactors(core, rest), fired)
    }
  return e
}

/** Replaces conditions that are known to hold by true (or false), and folds what intervals decide. */
export function assuming(core: Core, facts: readonly Expr[]): (e: Expr) => Expr {
  const known = new Map<Expr, Expr>()
  // A node is made after its parts, so what is older than every fact has none inside.
  let oldest = Infinity
  const put = (e: Expr, value: Expr): void => {
    known.set(e, value)
    oldest = Math.min(oldest, e.id)
  }
  for (const fact of facts) {
    put(fact, core.true)
    put(core.op("not", fact), core.false)
  }
  const go = (e: Expr): Expr => {
    if (e.id < oldest) return e
    const value = known.get(e)
    if (value) return value
    if (e.kind !== "op") return e
    const args = e.args.map(go)
    const out = args.every((x, i) => x === e.args[i]) ? e : core.op(e.op, ...args)
    known.set(e, out)
    return out
  }
  return go
}
