// Proofs that an index stays in range: condition and known facts -> proved or not, and what remains to be asked.
//
// A condition on ints becomes "a linear form is not negative". Atoms of the form are replaced by their bounds (an axis by 0
// or its last index, a label by those of its axis, `min`, `max`, `div`, `mod`, `floor` by what they promise) and facts are
// subtracted from it until only a number is left, or sizes and options: the condition that a call must satisfy.
import { type Core, type Expr, type LoadExpr, conjuncts, givesPlaces } from "../ir.ts"
import { type Linear, combine, linear } from "../flat.ts"
import { flatMap } from "../lists.ts"
import type { Input } from "../types.ts"
import { assumptions, excludesSentinel, isGround, readsArrays } from "./facts.ts"
import { constant, difference, product, scale, without } from "./linear.ts"

/** An optional label that a proof takes to be in range, with the conditions that hold beside the given ones. */
export interface LabelUse {
  readonly load: LoadExpr
  readonly facts: readonly Expr[]
}

/** What a proof relies on. */
export interface Proof {
  readonly labels: readonly LabelUse[]
  readonly domains: readonly Input[]
}

/** Proves that a condition holds wherever the given ones do. */
export function prove(core: Core, condition: Expr, given: readonly Expr[]): Proof | undefined {
  const prover = new Prover(core, given)
  return prover.holds(condition) ? prover.proof : undefined
}

/** What would be enough for a condition to hold: linear forms over sizes and options that must not be negative. */
export interface Remainder extends Proof {
  readonly forms: readonly Linear[]
}

/** What a call must satisfy for a condition to hold; undefined if nothing is enough, or nothing that ordinary sizes satisfy. */
export function remaining(core: Core, condition: Expr, given: readonly Expr[]): Remainder | undefined {
  const forms: Linear[] = []
  const labels: LabelUse[] = []
  const domains: Input[] = []
  for (const part of conjuncts(condition)) {
    const search = new Prover(core, given)
    const known = search.holds(part)
    const candidates = known ? [undefined] : search.residuals.filter(satisfiable)
    const found = candidates.find((form) => {
      const prover = new Prover(core, given, form ? [form] : [])
      if (!prover.holds(part)) return false
      labels.push(...prover.proof.labels)
      domains.push(...prover.proof.domains)
      if (form) forms.push(form)
      return true
    })
    if (!known && !found) return undefined
  }
  return { forms, labels, domains }
}

/** False for what only sizes of 0 and 1 satisfy: that is a mistake in the text, not in a call. */
function satisfiable(form: Linear): boolean {
  let least = form.constant
  for (const [atom, c] of form.terms) {
    if (atom.kind !== "size" || c > 0) return true
    least += 2 * c
  }
  return least >= 0
}

const mostSteps = 400

class Prover {
  private readonly core: Core
  private readonly conditions: Expr[]
  private facts: Linear[]
  private branch: Expr[] = []
  private readonly labels: LabelUse[] = []
  private readonly domains: Input[] = []
  private steps = 0
  private learning = false
  readonly residuals: Linear[] = []

  constructor(core: Core, given: readonly Expr[], facts: readonly Linear[] = []) {
    this.core = core
    this.facts = [...facts]
    this.conditions = flatMap(given, (c) => assumptions(core, c))
    this.learn(this.conditions)
  }

  get proof(): Proof {
    return { labels: this.labels, domains: this.domains }
  }

  holds(condition: Expr): boolean {
    if (condition.kind === "const") return condition.value !== 0
    if (this.conditions.includes(condition) || this.branch.includes(condition)) return true
    if (condition.kind !== "op") return false
    const [x, y] = condition.args
    switch (condition.op) {
      case "and":
        return this.holds(x!) && this.holds(y!)
      case "or":
        return this.attempt(() => this.holds(x!)) || this.attempt(() => this.holds(y!))
      case "le":
        return this.isInt(x!, y!) && this.nonNegative(difference(y!, x!, 0), 3)
      case "lt":
        return this.isInt(x!, y!) && this.nonNegative(difference(y!, x!, -1), 3)
      case "eq":
        return (
          this.isInt(x!, y!) &&
          this.nonNegative(difference(y!, x!, 0), 3) &&
          this.nonNegative(difference(x!, y!, 0), 3)
        )
      case "ne":
        return (
          this.isInt(x!, y!) &&
          (this.attempt(() => this.nonNegative(difference(y!, x!, -1), 3)) ||
            this.attempt(() => this.nonNegative(difference(x!, y!, -1), 3)))
        )
      default:
        return false
    }
  }

  private isInt(...list: Expr[]): boolean {
    return list.every((e) => e.type === "int")
  }

  /** Reads conditions as linear forms that are not negative. */
  private learn(conditions: readonly Expr[]): void {
    const unequal: Linear[] = []
    for (const c of conditions) {
      if (c.kind !== "op" || c.args.some((x) => x.type === "bool")) continue
      const [x, y] = c.args
      const step = this.isInt(x!, y!) ? -1 : 0
      if (c.op === "le" || c.op === "lt") this.facts.push(difference(y!, x!, c.op === "lt" ? step : 0))
      else if (c.op === "eq") this.facts.push(difference(y!, x!, 0), difference(x!, y!, 0))
      else if (c.op === "ne" && step === -1) unequal.push(difference(x!, y!, 0))
    }
    // What is not at the end of its range is inside it.
    const [learning, residuals] = [this.learning, this.residuals.length]
    this.learning = true
    for (const form of unequal)
      for (const side of [form, scale(form, -1)])
        if (this.attempt(() => this.nonNegative(side, 1)))
          this.facts.push({ ...side, constant: side.constant - 1 })
    this.learning = learning
    this.residuals.length = residuals
  }

  /** Runs a step of a proof; what a failed one relied on is forgotten. */
  private attempt(step: () => boolean): boolean {
    const [labels, domains, facts, branch] = [
      this.labels.length,
      this.domains.length,
      this.facts,
      this.branch,
    ]
    const done = step()
    this.facts = facts
    this.branch = branch
    if (!done) {
      this.labels.length = labels
      this.domains.length = domains
    }
    return done
  }

  private nonNegative(form: Linear, depth: number): boolean {
    if (form.terms.size === 0) return form.constant >= 0
    if (++this.steps > mostSteps) return false
    const atoms = [...form.terms.keys()]
    if (atoms.every(isGround)) this.residuals.push(form)
    if (this.attempt(() => this.eliminate(form, depth))) return true
    if (depth === 0) return false
    for (const fact of this.facts)
      for (const [atom, c] of fact.terms) {
        const factor = (form.terms.get(atom) ?? 0) / c
        if (factor > 0 && this.attempt(() => this.nonNegative(combine(form, fact, -factor), depth - 1)))
          return true
      }
    return false
  }

  /** Replaces one atom by its bound: first what depends on axes and data, sizes last. */
  private eliminate(form: Linear, depth: number): boolean {
    const atoms = [...form.terms.keys()].sort((x, y) => rank(x) - rank(y))
    for (const atom of atoms) {
      const c = form.terms.get(atom)!
      const put = (bound: Linear): boolean => this.nonNegative(combine(without(form, atom), bound, c), depth)
      const bounded = this.bound(atom, c > 0, put, form)
      if (bounded !== undefined) return bounded
    }
    return false
  }

  /** Tries the lower (or upper) bounds of an atom; undefined if none is known. */
  private bound(
    atom: Expr,
    lower: boolean,
    put: (bound: Linear) => boolean,
    form: Linear,
  ): boolean | undefined {
    const either = (...list: Expr[]): boolean => list.some((e) => this.attempt(() => put(linear(e))))
    const both = (...list: Expr[]): boolean => list.every((e) => put(linear(e)))
    const between = (
      low: Expr | number | undefined,
      high: Expr | undefined,
      shift = 0,
    ): boolean | undefined => {
      const end = lower ? low : high
      if (end === undefined) return undefined
      const bound = typeof end === "number" ? constant(end) : linear(end)
      return put(lower ? bound : { ...bound, constant: bound.constant + shift })
    }
    switch (atom.kind) {
      case "axis":
        return between(0, atom.extent, -1)
      case "size":
        return lower ? put(constant(0)) : undefined
      case "load":
        return this.boundLoad(atom, lower, put)
      case "ref": {
        const { op, bound, body, filter } = atom.def
        if (givesPlaces(op)) return between(0, bound[0]!.extent, -1)
        if (op === "sum" && body.type === "int" && lower && countsUp(body)) return put(constant(0))
        if (op === "let" && filter.kind === "const") return undefined
        return undefined
      }
      case "op": {
        const [x, y, z] = atom.args
        switch (atom.op) {
          case "max":
          case "clampMin":
            return lower ? either(x!, y!) : both(x!, y!)
          case "min":
          case "clampMax":
            return lower ? both(x!, y!) : either(x!, y!)
          case "relu":
            return lower ? either(this.core.zero, x!) : both(this.core.zero, x!)
          case "clamp":
            // Of a range that ends before it begins, the end is what comes out.
            return lower ? both(y!, z!) : put(linear(z!))
          case "mod":
            return this.attempt(() =>
              this.nonNegative({ ...linear(y!), constant: linear(y!).constant - 1 }, 1),
            )
              ? between(0, y, -1)
              : undefined
          case "mul":
            return this.boundProduct(x!, y!, lower, put)
          case "idiv":
            return y!.kind === "const" && y!.value > 0
              ? this.boundQuotient(atom, x!, y!.value, form)
              : undefined
          case "floor":
          case "ceil":
            return this.boundRounded(atom.op, x!, lower, put)
          case "indicator":
            return between(0, this.core.one)
          case "abs":
            return lower ? put(constant(0)) : both(x!, this.core.op("neg", x!))
          case "guard":
          case "select":
            return this.boundSelect(x!, y!, z ?? this.core.zero, put)
          case "stop":
            return put(linear(x!))
          default:
            return undefined
        }
      }
      default:
        return undefined
    }
  }

  private boundSelect(
    condition: Expr,
    whenTrue: Expr,
    whenFalse: Expr,
    put: (bound: Linear) => boolean,
  ): boolean {
    const branch = (fact: Expr, value: Expr): boolean =>
      this.attempt(() => {
        const facts = assumptions(this.core, fact)
        this.branch = [...this.branch, ...facts]
        this.facts = [...this.facts]
        this.learn(facts)
        return put(linear(value))
      })
    return branch(condition, whenTrue) && branch(this.core.op("not", condition), whenFalse)
  }

  /** A product with a size or an option that is not negative grows with its other factor. */
  private boundProduct(
    x: Expr,
    y: Expr,
    lower: boolean,
    put: (bound: Linear) => boolean,
  ): boolean | undefined {
    const least = (e: Expr, by: number): boolean =>
      this.attempt(() => this.nonNegative({ ...linear(e), constant: linear(e).constant - by }, 1))
    for (const [factor, ground] of [
      [x, y],
      [y, x],
    ] as const) {
      if (!isGround(ground) || ground.kind === "const" || !least(ground, 0)) continue
      const times = (form: Linear): Linear => product(this.core, form, ground)
      if (factor.kind === "op" && factor.op === "idiv" && factor.args[1] === ground && least(ground, 1)) {
        const whole = linear(factor.args[0]!)
        return put(lower ? combine({ ...whole, constant: whole.constant + 1 }, linear(ground), -1) : whole)
      }
      const form = linear(factor)
      if (form.terms.size > 1 || !form.terms.has(factor)) return put(times(form))
      if (lower && (factor.kind === "axis" || factor.kind === "size")) return put(constant(0))
      if (factor.kind === "axis")
        return put(times({ ...linear(factor.extent), constant: linear(factor.extent).constant - 1 }))
    }
    return undefined
  }

  /** n * div(x, n) is between x - n + 1 and x; a form of ints is above -1 if n times it is above -n. */
  private boundQuotient(atom: Expr, x: Expr, n: number, form: Linear): boolean {
    const c = form.terms.get(atom)!
    const rest = scale(without(form, atom), n)
    const numerator = linear(x)
    const low = { ...numerator, constant: numerator.constant - n + 1 }
    const scaled = combine(rest, c > 0 ? low : numerator, c)
    return this.nonNegative({ ...scaled, constant: scaled.constant + n - 1 }, 1)
  }

  private boundLoad(atom: LoadExpr, lower: boolean, put: (bound: Linear) => boolean): boolean | undefined {
    const { label, domain, type } = atom.input
    if (label) {
      const known = [...this.conditions, ...this.branch]
      if (label.optional && (this.learning || !known.some((c) => excludesSentinel(c, atom)))) return undefined
      if (label.optional) this.labels.push({ load: atom, facts: this.branch })
      return put(
        lower ? constant(0) : { ...linear(label.extent), constant: linear(label.extent).constant - 1 },
      )
    }
    const end = lower ? domain?.low : domain?.high
    if (!end || type !== "int") return undefined
    this.domains.push(atom.input)
    const bound = linear(end.value)
    return put({ ...bound, constant: bound.constant + (end.strict ? (lower ? 1 : -1) : 0) })
  }

  /** floor and ceil of a number with a declared domain, or of a linear form: their ends rounded. */
  private boundRounded(
    op: "floor" | "ceil",
    x: Expr,
    lower: boolean,
    put: (bound: Linear) => boolean,
  ): boolean | undefined {
    if (x.kind === "load" && x.input.type === "real") {
      const end = lower ? x.input.domain?.low : x.input.domain?.high
      if (!end) return undefined
      this.domains.push(x.input)
      const bound = linear(end.value)
      const opens = op === "floor" ? !lower && end.strict : lower && end.strict
      const whole =
        [...bound.terms.keys()].every((atom) => atom.type === "int") && Number.isInteger(bound.constant)
      if (!whole) return undefined
      return put({ ...bound, constant: bound.constant + (opens ? (lower ? 1 : -1) : 0) })
    }
    const bound = linear(x)
    if (op === "floor") return put(lower ? { ...bound, constant: bound.constant - 1 } : bound)
    return put(lower ? bound : { ...bound, constant: bound.constant + 1 })
  }
}

function countsUp(e: Expr): boolean {
  if (e.kind === "const") return e.value >= 0
  return e.kind === "op" && (e.op === "indicator" || (e.op === "guard" && countsUp(e.args[1]!)))
}

/** Data and axes first, then operators over sizes, then options, then sizes. */
function rank(e: Expr): number {
  if (!isGround(e)) return e.kind === "axis" ? 1 : readsArrays(e) ? 0 : 2
  return e.kind === "op" ? 3 : e.kind === "load" ? 4 : 5
}
