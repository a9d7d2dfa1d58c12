// Expressions of the core and the definitions they read, as LaTeX.
import type { AxisExpr, Core, Def, Expr, OpExpr, RefExpr } from "../ir.ts"
import { conjuncts } from "../ir.ts"
import { type OpName, ops } from "../ops.ts"
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
  literal,
  numeral,
  power,
  product,
  sum,
  within,
  word,
} from "./tex.ts"

/** The widest expression that stands inside another, in letters; a wider one gets a name. */
const widest = 70

const comparisons: Partial<Record<OpName, string>> = { eq: "=", ne: "\\ne", lt: "<", le: "\\le" }
const negations: Partial<Record<OpName, string>> = { eq: "\\ne", ne: "=", lt: "\\ge", le: ">" }
const turned: Readonly<Record<string, string>> = { "<": ">", "\\le": "\\ge", ">": "<", "\\ge": "\\le" }
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
    const meaning = meaningOf(this.core, e)
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
        return iverson(this.condition(x, scope))
      case "and":
        return this.condition(e, scope)
      case "or":
        return joined([go(x), go(y)], " \\lor ", 3, levels.or)
      case "not": {
        const negated = x.kind === "op" ? negations[x.op] : undefined
        if (negated) return this.comparison(x as OpExpr, scope, undefined, negated)
        const inside = within(go(x), levels.atom)
        return { ...inside, text: `\\lnot ${inside.text}`, level: levels.not }
      }
      case "idiv":
        return filled("\\lfloor $x \\rfloor", ["x"], [fraction(go(x), go(y))])
      case "mod":
        return joined([go(x), go(y)], " \\bmod ", 4, levels.product)
    }
    if (comparisons[e.op]) return this.comparison(e, scope)
    const { latex, params } = ops[e.op]
    return latex === undefined
      ? applied(functionName(e.op), e.args.map(go))
      : filled(latex, params, e.args.map(go))
  }

  // ---------------------------------------------------------------------------- sums and products

  /** The terms of a sum as they are read, a positive one first. */
  private sorted(list: readonly Term[], scope: Scope): SignedTex[] {
    const ordered = list
      .map(({ term, times }) => {
        const one = this.term(term, times, scope, false)
        return { ...one, term, times, rank: termRank(term, one.negative) }
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
    if (conditions.length > 0) above.unshift(iverson(this.conjunction(conditions, scope)))
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
      rows.push({ value: this.expr(x, scope), condition: this.condition(c, scope) })
      rest = y
    }
    return cases([...rows, { value: this.expr(rest, scope), condition: undefined }])
  }

  private condition(e: Expr, scope: Scope): Tex {
    const list = conjuncts(e)
    return list.length > 1 ? this.conjunction(list, scope) : this.expr(e, scope)
  }

  /** Conditions side by side; two that share a side become one chain. */
  private conjunction(list: readonly Expr[], scope: Scope): Tex {
    const parts: Tex[] = []
    for (let i = 0; i < list.length; i++) {
      const [a, b] = [list[i]!, list[i + 1]]
      if (isOrder(a) && b && isOrder(b) && a.args[1] === b.args[0]) {
        const [low, middle, high] = [a.args[0]!, a.args[1]!, b.args[1]!].map((x) => this.expr(x, scope))
        const upper = joined([middle!, high!], ` ${comparisons[b.op]!} `, 3, levels.comparison)
        const chain = joined(
          [low!, { ...upper, level: levels.sum }],
          ` ${comparisons[a.op]!} `,
          3,
          levels.comparison,
        )
        parts.push(chain)
        i++
      } else parts.push(this.expr(a, scope))
    }
    return parts.length === 1 ? parts[0]! : joined(parts, " \\land ", 3, levels.and)
  }

  /** A comparison; constants stand on the right, and `first` is the side that stands on the left. */
  private comparison(e: OpExpr, scope: Scope, first?: Expr, sign = comparisons[e.op]!): Tex {
    const [x, y] = e.args as readonly [Expr, Expr]
    const turn = first ? y === first : x.kind === "const" ? y.kind !== "const" : isFixed(x) && !isFixed(y)
    const [left, right] = turn ? [y, x] : [x, y]
    const choices = left.kind === "load" ? left.input.choices : undefined
    const choice = choices && right.kind === "const" ? choices[right.value] : undefined
    const sides = [this.expr(left, scope), choice === undefined ? this.expr(right, scope) : literal(choice)]
    return joined(sides, ` ${(turn && turned[sign]) || sign} `, 3, levels.comparison)
  }

  // ----------------------------------------------------------------------------------- definitions

  /** A definition at indices: its name, or what it is where it is read only once. */
  private ref({ def, index }: RefExpr, scope: Scope): Tex {
    if (this.names.isInlined(def)) return this.reduction(def, this.inside(def, index, scope))
    return this.names.ofDefinition(def)(index.map((e) => this.expr(e, scope)))
  }

  /** The scope inside a definition. */
  inside(def: Def, index: readonly Expr[], scope: Scope): Scope {
    return this.names.inside(def, index, scope, (e) => this.expr(e, scope))
  }

  /** What a definition is, in a scope that has its axes. */
  reduction(def: Def, scope: Scope): Tex {
    const body = this.expr(def.body, scope)
    if (def.op === "let") return body
    return this.over(
      signs[def.op] ?? functionName(def.op),
      def,
      def.op === "logsumexp" ? raised(body) : body,
      scope,
    )
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
      ? this.comparison(lead as OpExpr, scope, whole[0])
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
    const rest = this.conjunction(conditions, scope)
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

const isOrder = (e: Expr): e is OpExpr => e.kind === "op" && (e.op === "lt" || e.op === "le")

/** Whether an expression is a number or an option: what data is compared with. */
const isFixed = (e: Expr): boolean =>
  e.kind === "const" || (e.kind === "load" && e.input.role === "option" && e.index.length === 0)

/** Whether a condition compares an axis with something else. */
const compares = (e: Expr, axis: AxisExpr): boolean =>
  e.kind === "op" && comparisons[e.op] !== undefined && e.args.includes(axis)
