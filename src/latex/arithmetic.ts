// Flat sums and products as people write them: which terms and factors an expression has where it is printed, their order
// and their signs.
import type { ConstExpr, Core, Expr, OpExpr } from "../ir.ts"
import { postorder } from "../graph.ts"
import { conjuncts, isConst } from "../ir.ts"
import { type OpName, ops } from "../ops.ts"
import { template } from "../pattern.ts"

/** A term of a sum, times a number. */
export interface Term {
  readonly term: Expr
  readonly times: number
}

/** A product: a number, conditions without which it is 0, and factors with their exponents. */
export interface Product {
  readonly number: number
  readonly conditions: readonly Expr[]
  readonly powers: ReadonlyMap<Expr, number>
}

const meanings = new Map<OpName, ReturnType<typeof template>>()

/**
 * The same value by simpler operators, where the table says how; a power of e whose exponent is a logarithm is what that is of.
 * `isOpen` says whether a part of an expression shows as its own parts.
 */
export function meaningOf(core: Core, e: OpExpr, isOpen: (e: Expr) => boolean): Expr | undefined {
  const { means, params } = ops[e.op]
  if (e.op === "exp") {
    const [exponent] = e.args
    if (exponent!.kind !== "op" || !isOpen(exponent!)) return undefined
    const inner = meaningOf(core, exponent!, isOpen) ?? exponent!
    return inner.kind === "op" && inner.op === "log" ? inner.args[0] : undefined
  }
  if (means === undefined) return undefined
  let made = meanings.get(e.op)
  if (!made) meanings.set(e.op, (made = template(means)))
  return made(core, Object.fromEntries(params.map((name, i) => [name, e.args[i]!])))
}

/** The summands of an expression in its order. `isOpen` says whether a part of it shows as its own parts. */
export function termsOf(core: Core, root: Expr, isOpen: (e: Expr) => boolean): Term[] {
  const counts = new Map<Expr, number>()
  let whole = 0
  const go = (e: Expr, sign: number): void => {
    if (e.kind === "op" && (e === root || isOpen(e))) {
      const [x, y] = e.args as readonly [Expr, Expr]
      const meaning = meaningOf(core, e, isOpen)
      if (meaning) return go(meaning, sign)
      if (e.op === "neg") return go(x, -sign)
      if (e.op === "add" || e.op === "sub") {
        go(x, sign)
        return go(y, e.op === "sub" ? -sign : sign)
      }
    }
    if (e.kind === "const" && Number.isInteger(e.value)) {
      whole += sign * e.value
      return
    }
    const [term, times] = stripped(e, sign)
    counts.set(term, (counts.get(term) ?? 0) + times)
  }
  /** A term without the numbers that multiply it. */
  const stripped = (e: Expr, times: number): readonly [Expr, number] => {
    if (e.kind === "op" && (e === root || isOpen(e))) {
      const [x, y] = e.args as readonly [Expr, Expr]
      if (e.op === "mul" && isNumber(x)) return stripped(y, times * x.value)
      if (e.op === "div" && isNumber(y)) return stripped(x, times / y.value)
    }
    return [e, times]
  }
  go(root, 1)
  if (whole !== 0) counts.set(core.const(Math.abs(whole)), Math.sign(whole))
  return [...counts].filter(([, n]) => n !== 0).map(([term, times]) => ({ term, times }))
}

const isNumber = (e: Expr): e is ConstExpr => e.kind === "const" && Number.isFinite(e.value) && e.value !== 0

/** Where a term stands in a sum: numbers first, then data, then options, then numbers that are taken away. In an index numbers are last. */
export const termRank = (e: Expr, negative: boolean, isIndex: boolean): number =>
  e.kind === "const" ? (negative || isIndex ? 3 : 0) : isSetting(e) ? 2 : 1

/** The factors of a number times an expression. */
export function productOf(core: Core, times: number, root: Expr, isOpen: (e: Expr) => boolean): Product {
  let number = times
  const conditions: Expr[] = []
  const powers = new Map<Expr, number>()
  const go = (e: Expr, exponent: number): void => {
    if (isNumber(e)) {
      number *= e.value ** exponent
      return
    }
    if (e.kind === "op" && isOpen(e)) {
      const [x, y] = e.args as readonly [Expr, Expr]
      const meaning = meaningOf(core, e, isOpen)
      if (meaning) return go(meaning, exponent)
      if (e.op === "neg") {
        number = -number
        return go(x, exponent)
      }
      if (e.op === "mul" || e.op === "div") {
        go(x, exponent)
        return go(y, e.op === "mul" ? exponent : -exponent)
      }
      if ((e.op === "guard" || isSelectionOfZero(e)) && exponent > 0) {
        conditions.push(...conjuncts(x))
        return go(y, exponent)
      }
      // An option less a number is written the other way round.
      if (e.op === "sub" && Math.abs(exponent) === 1 && y.kind === "const" && isSetting(e)) {
        number = -number
        return void powers.set(core.op("sub", y, x), exponent)
      }
    }
    const n = (powers.get(e) ?? 0) + exponent
    if (n === 0) powers.delete(e)
    else powers.set(e, n)
  }
  go(root, 1)
  return { number, conditions, powers }
}

/** Whether an expression is 0 where a condition fails: 1 or 0 times what is chosen. */
export const isSelectionOfZero = (e: OpExpr): boolean => e.op === "select" && isConst(e.args[2]!, 0)

/** The same product with its sign taken into a difference, if there is one. */
export function withoutSign(core: Core, p: Product, isOpen: (e: Expr) => boolean): Product {
  const difference = [...p.powers].find(
    ([e, n]) => n === 1 && e.kind === "op" && e.op === "sub" && isOpen(e) && e.args[0]!.kind !== "const",
  )?.[0] as OpExpr | undefined
  if (p.number >= 0 || !difference) return p
  const turned = core.op("sub", difference.args[1]!, difference.args[0]!)
  if (p.powers.has(turned)) return p
  const powers = new Map([...p.powers].map(([e, n]) => [e === difference ? turned : e, n]))
  return { ...p, number: -p.number, powers }
}

/** Where a factor stands in a product: options first, then data, then sums in brackets, then functions. */
export const factorRank = (e: Expr): number =>
  isSetting(e) ? 0 : e.kind !== "op" ? 1 : e.op === "add" || e.op === "sub" ? 2 : 3

/** Whether an expression is made of options and sizes only. */
function isSetting(e: Expr): boolean {
  return (
    e.axes.length === 0 &&
    postorder([e]).every((x) => x.kind !== "ref" && (x.kind !== "load" || x.input.role === "option"))
  )
}
