// Conditions as LaTeX: comparisons with what is given on the right, chains, and how they stand side by side.
import type { AxisExpr, Expr, OpExpr } from "../ir.ts"
import { conjuncts } from "../ir.ts"
import type { OpName } from "../ops.ts"
import type { Scope } from "./names.ts"
import { type Tex, joined, levels, literal } from "./tex.ts"

/** The signs of comparisons. */
export const comparisons: Partial<Record<OpName, string>> = { eq: "=", ne: "\\ne", lt: "<", le: "\\le" }
/** The signs of comparisons that do not hold. */
export const negations: Partial<Record<OpName, string>> = { eq: "\\ne", ne: "=", lt: "\\ge", le: ">" }
const turned: Readonly<Record<string, string>> = { "<": ">", "\\le": "\\ge", ">": "<", "\\ge": "\\le" }

/** Prints conditions, whose parts are printed by `expr`. */
export class Conditions {
  private readonly expr: (e: Expr, scope: Scope) => Tex

  constructor(expr: (e: Expr, scope: Scope) => Tex) {
    this.expr = expr
  }

  /** A condition. */
  of(e: Expr, scope: Scope): Tex {
    const list = conjuncts(e)
    return list.length > 1 ? this.all(list, scope) : this.expr(e, scope)
  }

  /** Conditions side by side; two that share a side become one chain. */
  all(list: readonly Expr[], scope: Scope): Tex {
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
  comparison(e: OpExpr, scope: Scope, first?: Expr, sign = comparisons[e.op]!): Tex {
    const [x, y] = e.args as readonly [Expr, Expr]
    const turn = first ? y === first : x.kind === "const" ? y.kind !== "const" : isFixed(x) && !isFixed(y)
    const [left, right] = turn ? [y, x] : [x, y]
    const choices = left.kind === "load" ? left.input.choices : undefined
    const choice = choices && right.kind === "const" ? choices[right.value] : undefined
    const sides = [this.expr(left, scope), choice === undefined ? this.expr(right, scope) : literal(choice)]
    return joined(sides, ` ${(turn && turned[sign]) || sign} `, 3, levels.comparison)
  }
}

const isOrder = (e: Expr): e is OpExpr => e.kind === "op" && (e.op === "lt" || e.op === "le")

/** Whether an expression is a number or an option: what data is compared with. */
const isFixed = (e: Expr): boolean =>
  e.kind === "const" || (e.kind === "load" && e.input.role === "option" && e.index.length === 0)

/** Whether a condition compares an axis with something else. */
export const compares = (e: Expr, axis: AxisExpr): boolean =>
  e.kind === "op" && comparisons[e.op] !== undefined && e.args.includes(axis)
