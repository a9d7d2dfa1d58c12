// Expressions of the core and the definitions they read, as LaTeX.
import type { Core, Def, Expr, OpExpr, RefExpr } from "../ir.ts"
import { conjuncts } from "../ir.ts"
import { ops } from "../ops.ts"
import {
  type Term,
  factorRank,
  isSelectionOfZero,
  meaningOf,
  productOf,
  termRank,
  termsOf,
  withoutSign,
} from "./arithmetic.ts"
import { Conditions, compares, comparisons, negations } from "./conditions.ts"
import type { Names, Scope } from "./names.ts"
import {
  type SignedTex,
  type Tex,
  applied,
  atom,
  big,
  cases,
  filled,
  fraction,
  functionName,
  indexed,
  iverson,
  joined,
  levels,
  numeral,
  power,
  product,
  sum,
  within,
  word,
} from "./tex.ts"

/** The widest expression that stands inside another, in letters; a wider one gets a name. */
const widest = 70

const signs: Partial<Record<Def["op"], string>> = {
  sum: "\\sum",
  prod: "\\prod",
  max: "\\max",
  min: "\\min",
  logsumexp: "\\log \\sum",
  argmax: "\\arg\\max",
  argmin: "\\arg\\min",
}

/** Prints expressions in their scopes. */
export class Expressions {
  private readonly core: Core
  private readonly names: Names
  private readonly conditions = new Conditions((e, scope) => this.expr(e, scope))

  constructor(core: Core, names: Names) {
    this.core = core
    this.names = names
  }

  /** An expression inside others: by name if it has one, or needs one. */
  expr(e: Expr, scope: Scope): Tex {
    if (this.names.isNamed(e)) return this.names.of(e, scope)
    const tex = this.whole(e, scope)
    const isUnwieldy = tex.width > widest || tex.level === levels.none
    return isUnwieldy && this.names.canBeNamed(e) ? this.names.of(e, scope) : tex
  }

  /** The terms of an expression that stands on a line of its own. */
  terms(e: Expr, scope: Scope): readonly SignedTex[] {
    const list = termsOf(this.core, e, this.isOpen)
    const [only] = list
    if (list.length === 1 && only!.term === e) return [{ tex: this.whole(e, scope), negative: false }]
    return this.sorted(list, scope)
  }

  private readonly isOpen = (e: Expr): boolean => !this.names.isNamed(e)

  /** An expression by its parts, also if it has a name. */
  private whole(e: Expr, scope: Scope): Tex {
    switch (e.kind) {
      case "const":
        if (e.type === "bool") return atom(`\\text{${e.value ? "true" : "false"}}`, 4)
        return sum([signedNumber(e.value)])
      case "size":
        return indexed(atom("n", 1), [word(e.name)])
      case "axis":
        return scope.at.get(e) ?? word(e.name)
      case "load":
        return indexed(
          word(e.input.name),
          e.index.map((x) => this.expr(x, scope)),
        )
      case "ref":
        return this.ref(e, scope)
      case "op":
        return this.op(e, scope)
    }
  }

  private op(e: OpExpr, scope: Scope): Tex {
    const go = (x: Expr): Tex => this.expr(x, scope)
    const [x, y] = e.args as readonly [Expr, Expr]
    const meaning = meaningOf(this.core, e, this.isOpen)
    if (meaning) return this.whole(meaning, scope)
    switch (e.op) {
      case "add":
      case "sub":
        return sum(this.sorted(termsOf(this.core, e, this.isOpen), scope))
      case "neg":
      case "mul":
      case "div":
      case "guard":
        return sum([this.product(e, 1, scope, true, (x) => x === e || this.isOpen(x))])
      case "pow":
        return power(go(x), this.exponent(y, scope))
      case "exp":
        return this.exponential(x, scope)
      case "select":
        return isSelectionOfZero(e)
          ? sum([this.product(e, 1, scope, true, (x) => x === e || this.isOpen(x))])
          : this.select(e, scope)
      case "indicator":
        return iverson(this.conditions.of(x, scope))
      case "and":
        return this.conditions.of(e, scope)
      case "or":
        return joined([go(x), go(y)], " \\lor ", 3, levels.or)
      case "not": {
        const negated = x.kind === "op" ? negations[x.op] : undefined
        if (negated) return this.conditions.comparison(x as OpExpr, scope, undefined, negated)
        const inside = within(go(x), levels.atom)
        return { ...inside, text: `\\lnot ${inside.text}`, level: levels.not }
      }
      case "idiv":
        return filled("\\lfloor $x \\rfloor", ["x"], [fraction(go(x), go(y))])
      case "mod":
        return joined([go(x), go(y)], " \\bmod ", 4, levels.product)
    }
    if (comparisons[e.op]) return this.conditions.comparison(e, scope)
    const { latex, params } = ops[e.op]
    return latex === undefined
      ? applied(functionName(e.op), e.args.map(go))
      : filled(latex, params, e.args.map(go))
  }

  // ---------------------------------------------------------------------------- sums and products

  /** The terms of a sum as they are read, a positive one first. */
  private sorted(list: readonly Term[], scope: Scope): SignedTex[] {
    const isIndex = list.every(({ term, times }) => term.type === "int" && Number.isInteger(times))
    const ordered = list
      .map(({ term, times }) => {
        const one = this.term(term, times, scope, false)
        return { ...one, term, times, rank: termRank(term, one.negative, isIndex) }
      })
      .sort((a, b) => a.rank - b.rank)
    const first = ordered.findIndex((one) => !one.negative)
    if (first > 0) ordered.unshift(...ordered.splice(first, 1))
    const [head] = ordered
    if (!head) return [{ tex: numeral(0), negative: false }]
    // Where every term is taken away, the first is turned round if that saves its sign.
    if (head.negative) ordered[0] = { ...head, ...this.term(head.term, head.times, scope, true) }
    return ordered
  }

  private term(e: Expr, times: number, scope: Scope, turn: boolean): SignedTex {
    return e.kind === "const"
      ? signedNumber(e.value * times)
      : this.product(e, times, scope, turn, this.isOpen)
  }

  /** A number times an expression, as a product over a product. `turn` takes a sign into a difference. */
  private product(
    e: Expr,
    times: number,
    scope: Scope,
    turn: boolean,
    isOpen: (e: Expr) => boolean,
  ): SignedTex {
    const parts = productOf(this.core, times, e, isOpen)
    const { number, conditions, powers } = turn ? withoutSign(this.core, parts, this.isOpen) : parts
    const side = (sign: number): Tex[] =>
      [...powers]
        .filter(([, n]) => n * sign > 0)
        .sort(([a], [b]) => factorRank(a) - factorRank(b))
        .map(([x, n]) => {
          const tex = this.expr(x, scope)
          return n * sign === 1 ? tex : power(tex, numeral(n * sign))
        })
    const above = side(1)
    const below = side(-1)
    if (conditions.length > 0) above.unshift(iverson(this.conditions.all(conditions, scope)))
    const size = Math.abs(number)
    if (size < 1 && Number.isInteger(1 / size) && 1 / size <= 64) below.unshift(numeral(1 / size))
    else if (size !== 1) above.unshift(numeral(size))
    return { tex: product(above, below), negative: number < 0 }
  }

  // -------------------------------------------------------------------------- powers and conditions

  private exponent(e: Expr, scope: Scope): Tex {
    if (e.kind !== "op" || e.op !== "div") return this.expr(e, scope)
    const sides = e.args.map((x) => this.expr(x, scope))
    return joined(sides, "/", 1, levels.product)
  }

  /** A power of e; a softmax where the exponent takes away the logarithm of a sum of such powers. */
  private exponential(e: Expr, scope: Scope): Tex {
    if (this.names.isNamed(e)) return raised(this.names.of(e, scope))
    const list = termsOf(this.core, e, this.isOpen)
    const normaliser = list.find(({ term, times }) => times === -1 && this.isLogSum(term))
    if (!normaliser || list.length === 1) return raised(this.expr(e, scope))
    const rest = list.filter((one) => one !== normaliser)
    const { def, index } = normaliser.term as RefExpr
    const inside = this.inside(def, index, scope)
    return fraction(
      raised(sum(this.sorted(rest, scope))),
      this.over("\\sum", def, raised(this.expr(def.body, inside)), inside),
    )
  }

  private isLogSum(e: Expr): boolean {
    return e.kind === "ref" && e.def.op === "logsumexp" && this.names.isInlined(e.def)
  }

  private select(e: OpExpr, scope: Scope): Tex {
    const rows: { value: Tex; condition: Tex | undefined }[] = []
    let rest: Expr = e
    while (rest.kind === "op" && rest.op === "select" && (rest === e || this.isOpen(rest))) {
      const [c, x, y] = rest.args as readonly [Expr, Expr, Expr]
      rows.push({ value: this.expr(x, scope), condition: this.conditions.of(c, scope) })
      rest = y
    }
    return cases([...rows, { value: this.expr(rest, scope), condition: undefined }])
  }

  // ----------------------------------------------------------------------------------- definitions

  /** A definition at indices: its name, or what it is where it is read only once. */
  private ref({ def, index }: RefExpr, scope: Scope): Tex {
    if (this.names.isInlined(def)) return this.reduction(def, this.inside(def, index, scope))
    return this.names.ofDefinition(def)(this.places(def, index).map((e) => this.expr(e, scope)))
  }

  /** The indices of a name: the state before a step is what the step before it gave. */
  private places(def: Def, index: readonly Expr[]): readonly Expr[] {
    if (def.op !== "state") return index
    const [at, ...rest] = index
    return [this.core.op(def.recurrence!.descending ? "add" : "sub", at!, this.core.one), ...rest]
  }

  /** What stands on the left of the line that says what a definition is: for a state, where it starts. */
  left(def: Def, scope: Scope): Tex {
    const [over, ...rest] = def.formals
    const first = def.recurrence?.descending ? over!.extent : this.core.const(-1)
    const index = def.op === "state" ? [first, ...rest] : def.formals
    return this.names.ofDefinition(def)(index.map((e) => this.expr(e, scope)))
  }

  /** The terms of what a definition is, on a line of its own. */
  meaning(def: Def, scope: Scope): readonly SignedTex[] {
    const inside = this.inside(def, def.formals, scope)
    if (def.bound.length === 0) return this.terms(def.body, inside)
    const tex = this.reduction(def, inside)
    if (def.op !== "argsort") return [{ tex, negative: false }]
    return [{ tex: indexed(tex, [scope.at.get(def.formals.at(-1)!)!]), negative: false }]
  }

  /** The scope inside a definition. */
  private inside(def: Def, index: readonly Expr[], scope: Scope): Scope {
    return this.names.inside(def, index, scope, (e) => this.expr(e, scope))
  }

  /** What a definition is, in a scope that has its axes. */
  private reduction(def: Def, scope: Scope): Tex {
    const body = this.expr(def.body, scope)
    if (def.op === "let") return body
    if (!signs[def.op]) {
      const list = def.bound.map((axis) => scope.at.get(axis)!)
      const below = this.under(joined(list, ",", 0.5, 0), conjuncts(def.filter), scope)
      return applied(`${functionName(def.op)}_{${below.text}}`, [body])
    }
    return this.over(signs[def.op]!, def, def.op === "logsumexp" ? raised(body) : body, scope)
  }

  /** A sign over the bound axes of a definition: those that run over all of an axis together, others with their ranges. */
  private over(sign: string, def: Def, body: Tex, scope: Scope): Tex {
    const conditions = conjuncts(def.filter)
    const whole = def.bound.filter((axis) => axis.extent.kind === "size")
    const parts = def.bound.filter((axis) => !whole.includes(axis))
    let out = body
    parts.reverse().forEach((axis, i) => {
      const head = joined([scope.at.get(axis)!, numeral(0)], "=", 1, 0)
      const last = this.expr(this.core.op("sub", axis.extent, this.core.one), scope)
      out = big(sign, this.under(head, i === 0 ? conditions : [], scope), last, out)
    })
    if (whole.length === 0 && parts.length > 0) return out
    const lead = whole.length === 1 ? conditions.find((c) => compares(c, whole[0]!)) : undefined
    const head = lead
      ? this.conditions.comparison(lead as OpExpr, scope, whole[0])
      : joined(
          whole.map((axis) => scope.at.get(axis)!),
          ",",
          0.5,
          0,
        )
    const rest = parts.length > 0 ? [] : conditions.filter((c) => c !== lead)
    return big(sign, this.under(head, rest, scope), undefined, out)
  }

  /** What stands below a sign: indices, and the conditions under which they count. */
  private under(head: Tex, conditions: readonly Expr[], scope: Scope): Tex {
    if (conditions.length === 0) return head
    const rest = this.conditions.all(conditions, scope)
    return head.width + rest.width > 16
      ? atom(`\\substack{${head.text} \\\\ ${rest.text}}`, Math.max(head.width, rest.width))
      : atom(`${head.text} :\\, ${rest.text}`, head.width + rest.width + 1)
  }
}

/** A power of e. */
const raised = (exponent: Tex): Tex =>
  exponent.tall || exponent.width > 24 ? applied("\\exp", [exponent]) : power(atom("e", 1), exponent)

const signedNumber = (value: number): SignedTex => ({
  tex: numeral(Math.abs(value)),
  negative: value < 0 || Object.is(value, -0),
})
