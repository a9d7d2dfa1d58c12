// The core as mathematics: equations and the definitions they read -> LaTeX.
//
// A definition that is read once stands where it is read; others get names as in `explain`, and so does what is large and
// repeated, or too wide for a line. Nothing is simplified, but signs, factors and terms stand where people look for them.
import type { AxisExpr, Core, Def, Expr } from "./ir.ts"
import { Expressions } from "./latex/expressions.ts"
import { type Name, Names } from "./latex/names.ts"
import { type SignedTex, type Tex, signed } from "./latex/tex.ts"

/** An equation to print: what stands on its left, at indices along its axes, and its value. */
export interface Equation {
  readonly left: Name
  readonly axes: readonly AxisExpr[]
  readonly value: Expr
  /** Set for a condition or a weight that belongs to the equations before it: the word that stands before it, and no left side. */
  readonly word?: string
}

/** Equations as LaTeX; `omitted` counts the definitions that were too many to print. */
export interface Latex {
  readonly latex: string
  readonly omitted: number
}

/** The widest line, in letters; a sum that is wider continues on the next. */
const widest = 95
/** The names that are explained; those of longer lists are left out. */
const most = 16

/** A printer for the equations of one loss. It keeps the names that it gives, and explains each of them once. */
export function latexPrinter(core: Core): (equations: readonly Equation[]) => Latex {
  const names = new Names(core)
  const expressions = new Expressions(core, names)
  const meaning = (def: Def): string => {
    const scope = names.ofLine(def)
    return line(expressions.left(def, scope), expressions.meaning(def, scope))
  }
  return (equations) => {
    names.enter(equations.map(({ value }) => value))
    for (const { left, axes, value, word } of equations) if (word === undefined) names.give(value, axes, left)
    const lines = equations.map(({ left, axes, value, word }) => {
      const scope = names.outermost([...axes, ...value.axes])
      if (word !== undefined) return `&\\text{${word} } ${expressions.expr(value, scope).text}`
      return line(left(axes.map((a) => scope.at.get(a)!)), expressions.terms(value, scope))
    })
    const whole = lines.length
    // What is explained may give names in turn.
    let next = 0
    for (; next < Math.min(names.pending.length, most); next++) lines.push(meaning(names.pending[next]!))
    return { latex: aligned(lines), omitted: names.pending.length - (lines.length - whole) }
  }
}

/** `left = terms`, broken before a term where it would be too wide. */
function line(left: Tex, terms: readonly SignedTex[]): string {
  const [only] = terms
  if (terms.length === 1 && !only!.negative) return `${left.text} &= ${only!.tex.text}`
  let text = `${left.text} &= `
  let width = left.width
  terms.forEach((term, i) => {
    const piece = signed(term, i === 0)
    const isWide = i > 0 && width + piece.width > widest
    text += i === 0 ? "" : isWide ? ` ${newline}\n&\\quad ` : " "
    text += piece.text
    width = isWide ? piece.width : width + piece.width
  })
  return text
}

const newline = "\\\\[4pt]"

const aligned = (lines: readonly string[]): string =>
  lines.length === 1 && !lines[0]!.includes("\n")
    ? lines[0]!.replace(" &= ", " = ")
    : `\\begin{aligned}\n${lines.join(` ${newline}\n`)}\n\\end{aligned}`
