// What a running reduction passes back to its body: core -> core.
//
// A value is seen by every index from its own on. What comes back to it from there is a recurrence in the other direction, so
// that gradients take one pass as values do.
import { adjointOfFactor } from "./adjoints.ts"
import { type AxisExpr, type Core, type Def, type Expr, conjunction, identities } from "./ir.ts"
import { type Running, combined, here, open, own } from "./running.ts"
import { count, reduce, substitute } from "./sums.ts"

/** The adjoint of the body of a running reduction, over the axes of the body, from that of its values. */
export function carriedBack(core: Core, def: Def, run: Running, g: Expr): Expr | undefined {
  const back = new Back(core, def, run)
  switch (def.op) {
    case "logsumexp":
      return back.logsumexp(g)
    case "max":
    case "min":
      return back.extreme(g, def.op)
    case "prod":
      return back.product(g)
    default:
      return undefined
  }
}

class Back {
  private readonly core: Core
  private readonly def: Def
  private readonly run: Running
  /** The first index that sees the value at the bound axis, and the conditions under which there is one. */
  private readonly first: Expr
  private readonly isSeen: readonly Expr[]

  constructor(core: Core, def: Def, run: Running) {
    this.core = core
    this.def = def
    this.run = run
    this.first = run.strict ? this.next(run.along) : run.along
    this.isSeen = run.strict ? [this.exists(this.first), ...run.conditions] : run.conditions
  }

  /**
   * Of the values L: `exp(x[j] - L[j]) * B[j]` where B[j] is the sum of `g[k] * exp(L[j] - L[k])` over the k that see j. No
   * exponent is positive.
   */
  logsumexp(g: Expr): Expr {
    const { core, def, first } = this
    const { over } = this.run
    const some = (at: Expr): Expr => core.op("lt", core.const(-Infinity), this.value(at))
    const back = this.carry(core.op("guard", some(over), g), (carried, next) => {
      // A row that is left out passes nothing back, whatever is in it.
      const isKept = core.op(
        "or",
        core.op("lt", this.value(next), core.const(Infinity)),
        core.op("ne", carried, core.zero),
      )
      const passed = core.op(
        "mul",
        carried,
        core.op("exp", core.op("sub", this.value(over), this.value(next))),
      )
      return { condition: core.op("and", some(over), isKept), passed }
    })
    const weight = core.op("exp", core.op("sub", def.body, this.value(first)))
    return this.where([...this.isSeen, some(first)], core.op("mul", back, weight))
  }

  /**
   * Of the values M: B[j] where x[j] is M[j], and B[j] is the sum of `g[k] / ties[k]` over the k from j on whose M is still that
   * of j.
   */
  extreme(g: Expr, op: "max" | "min"): Expr {
    const { core, def, first } = this
    const { over } = this.run
    const back = this.carry(core.op("ratio", g, this.ties(op)), (passed, next) => ({
      condition: core.op("eq", this.value(next), this.value(over)),
      passed,
    }))
    return this.where([...this.isSeen, core.op("eq", def.body, this.value(first))], back)
  }

  /** How many values are the largest (or smallest) of those that an index sees: as many as before, unless a better one came. */
  private ties(op: "max" | "min"): Expr {
    const { core, def, run } = this
    const { over, strict, descending } = run
    const { states, close } = open(core, def, run, descending, [core.zero], "int")
    const value = this.value(over)
    const before = strict ? value : this.before(over, core.const(identities[op]!))
    const after = strict
      ? core.op(
          combined[op],
          value,
          own(core, def, run, (e) => e),
        )
      : value
    const { others, filter, body } = here(core, def, run)
    const more = count(core, others, conjunction(core, [filter, core.op("eq", body, after)]))
    const as = core.op("guard", core.op("eq", before, after), states[0]!)
    const closed = close(core.op("add", as, more))
    return (strict ? closed.states : closed.steps)[0]!
  }

  /** The product of what comes before x[j], times the sum of `g[k]` times the product of what comes between j and k. */
  product(g: Expr): Expr {
    const { core, def, run } = this
    const { over, along, strict, conditions } = run
    const factor = own(core, def, run, (e) => e)
    const back = this.carry(g, (carried, next) => {
      const between = strict ? factor : substitute(core, factor, new Map([[over, next]]))
      return { condition: this.isKept(between, carried), passed: core.op("mul", carried, between) }
    })
    const before = strict ? this.value(along) : this.before(along, core.one)
    const outer = this.where([...this.isSeen, this.isKept(before, back)], core.op("mul", before, back))
    const others = def.bound.filter((a) => a !== along)
    if (others.length === 0) return outer
    const filter = conjunction(core, conditions)
    const whole = reduce(core, "prod", others, filter, def.body)
    return adjointOfFactor(core, others, filter, def.body, whole, outer)
  }

  /** Whether a product with what is carried back counts: a row that is left out passes nothing back, whatever is in it. */
  private isKept(factor: Expr, carried: Expr): Expr {
    const { core } = this
    const isFinite = core.op("lt", core.op("abs", factor), core.const(Infinity))
    return core.op("or", isFinite, core.op("ne", carried, core.zero))
  }

  /**
   * At the first index that sees a value, what is added at each index that does so; `step` says what of the sum at the next
   * index passes on, and when.
   */
  private carry(
    added: Expr,
    step: (carried: Expr, next: Expr) => { readonly condition: Expr; readonly passed: Expr },
  ): Expr {
    const { core, def, run } = this
    const { states, close } = open(core, def, run, !run.descending, [core.zero], "real")
    const next = this.next(run.over)
    const { condition, passed } = step(states[0]!, next)
    const [sum] = close(core.op("add", added, this.where([this.exists(next), condition], passed))).steps
    return substitute(core, sum!, new Map([[run.over, this.first]]))
  }

  /** The reduction at an index. */
  private value(at: Expr): Expr {
    return this.core.ref(
      this.def,
      this.def.formals.map((f) => (f === this.run.over ? at : f)),
    )
  }

  /** The reduction at the index before this one; of nothing, `empty`. */
  private before(at: AxisExpr, empty: Expr): Expr {
    const { core, run } = this
    const index = core.op(run.descending ? "add" : "sub", at, core.one)
    const exists = run.descending ? core.op("lt", index, run.over.extent) : core.op("le", core.zero, index)
    return core.op("select", exists, this.value(index), empty)
  }

  private next(at: AxisExpr): Expr {
    return this.core.op(this.run.descending ? "sub" : "add", at, this.core.one)
  }

  private exists(next: Expr): Expr {
    const { core, run } = this
    return run.descending ? core.op("le", core.zero, next) : core.op("lt", next, run.over.extent)
  }

  private where(conditions: readonly Expr[], value: Expr): Expr {
    return this.core.op("guard", conjunction(this.core, conditions), value)
  }
}
