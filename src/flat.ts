// Flat readings of expressions: a linear form of ints, the summands of a sum, the factors of a product; and the way back.
import { type Core, type Expr, compare } from "./ir.ts"
import { NodeFact } from "./node-fact.ts"

/** An int expression as a sum of atoms with integer coefficients, and a constant. */
export interface Linear {
  readonly terms: ReadonlyMap<Expr, number>
  readonly constant: number
}

const forms = new NodeFact<Linear>()

/** Reads an expression as a linear form; what is not linear is an atom. */
export function linear(e: Expr): Linear {
  let form = forms.get(e)
  if (!form) forms.set(e, (form = readLinear(e)))
  return form
}

function readLinear(e: Expr): Linear {
  if (e.kind === "const") return { terms: new Map(), constant: e.value }
  if (e.kind === "op") {
    const [x, y] = e.args
    if (e.op === "add") return combine(linear(x!), linear(y!), 1)
    if (e.op === "sub") return combine(linear(x!), linear(y!), -1)
    if (e.op === "neg") return combine({ terms: new Map(), constant: 0 }, linear(x!), -1)
    if (e.op === "mul" && x!.kind === "const")
      return combine({ terms: new Map(), constant: 0 }, linear(y!), x!.value)
    if (e.op === "mul" && y!.kind === "const")
      return combine({ terms: new Map(), constant: 0 }, linear(x!), y!.value)
  }
  return { terms: new Map([[e, 1]]), constant: 0 }
}

/** x + scale · y. */
export function combine(x: Linear, y: Linear, scale: number): Linear {
  const terms = new Map(x.terms)
  for (const [atom, c] of y.terms) {
    const sum = (terms.get(atom) ?? 0) + scale * c
    if (sum === 0) terms.delete(atom)
    else terms.set(atom, sum)
  }
  return { terms, constant: x.constant + scale * y.constant }
}

/** The expression of a linear form, atoms in structural order. */
export function fromLinear(core: Core, form: Linear): Expr {
  let out: Expr | undefined
  const add = (e: Expr, negative: boolean): void => {
    out = out ? core.op(negative ? "sub" : "add", out, e) : negative ? core.op("neg", e) : e
  }
  const atoms = [...form.terms.keys()].sort(
    (x, y) => form.terms.get(y)! - form.terms.get(x)! || compare(x, y),
  )
  for (const atom of atoms) {
    const c = form.terms.get(atom)!
    add(Math.abs(c) === 1 ? atom : core.op("mul", core.const(Math.abs(c)), atom), c < 0)
  }
  if (form.constant !== 0) add(core.const(Math.abs(form.constant)), form.constant < 0)
  return out ?? core.zero
}

/** A summand with its sign. */
export interface Term {
  readonly term: Expr
  readonly negative: boolean
}

/** Flat lists end here: a shared graph written as a tree can be exponentially larger. */
const FLAT = 64

/** The operands of an associative operator in order, those of operands by the same operator in their place. */
export function operands(e: Expr & { kind: "op" }): Expr[] {
  const out: Expr[] = []
  const go = (x: Expr): void => {
    if (x.kind === "op" && x.op === e.op && out.length < FLAT) x.args.forEach(go)
    else out.push(x)
  }
  go(e)
  return out
}

/** The summands of an expression in order, through additions, subtractions and negations. */
export function terms(e: Expr, negative = false): Term[] {
  const out: Term[] = []
  const go = (x: Expr, minus: boolean): void => {
    if (x.kind === "op" && out.length < FLAT) {
      if (x.op === "neg") return go(x.args[0]!, !minus)
      if (x.op === "add" || x.op === "sub") {
        go(x.args[0]!, minus)
        return go(x.args[1]!, x.op === "sub" ? !minus : minus)
      }
    }
    out.push({ term: x, negative: minus })
  }
  go(e, negative)
  return out
}

/** The sum of the terms, left to right, starting with a positive one if there is any. */
export function fromTerms(core: Core, list: readonly Term[]): Expr {
  const start = list.findIndex((t) => !t.negative)
  if (start < 0)
    return core.op(
      "neg",
      fromTerms(
        core,
        list.map((t) => ({ ...t, negative: false })),
      ),
    )
  let out = list[start]!.term
  list.forEach((t, i) => {
    if (i !== start) out = core.op(t.negative ? "sub" : "add", out, t.term)
  })
  return out
}

/** A factor of a product, in the numerator or the denominator. */
export interface Factor {
  readonly factor: Expr
  readonly inverse: boolean
}

/** The factors of an expression in order, through products and quotients. */
export function factors(e: Expr): Factor[] {
  const out: Factor[] = []
  const go = (x: Expr, inverse: boolean): void => {
    if (x.kind === "op" && (x.op === "mul" || x.op === "div") && out.length < FLAT) {
      go(x.args[0]!, inverse)
      return go(x.args[1]!, x.op === "div" ? !inverse : inverse)
    }
    out.push({ factor: x, inverse })
  }
  go(e, false)
  return out
}

/** The product of the factors, left to right: numerators first. */
export function fromFactors(core: Core, list: readonly Factor[]): Expr {
  let out: Expr | undefined
  for (const f of list) if (!f.inverse) out = out ? core.op("mul", out, f.factor) : f.factor
  for (const f of list) if (f.inverse) out = core.op("div", out ?? core.one, f.factor)
  return out ?? core.one
}

/** Factors that stand in every list (each as often as in the list where it stands least). */
export function commonFactors(lists: readonly (readonly Factor[])[]): Factor[] {
  const [first, ...others] = lists
  const left = others.map((list) => [...list])
  return first!.filter((f) => {
    const places = left.map((list) => list.findIndex((g) => g.factor === f.factor && g.inverse === f.inverse))
    if (places.includes(-1)) return false
    places.forEach((at, i) => left[i]!.splice(at, 1))
    return true
  })
}

/** A list of factors less those of another. */
export function without(list: readonly Factor[], remove: readonly Factor[]): Factor[] {
  const left = [...list]
  for (const f of remove) {
    const at = left.findIndex((g) => g.factor === f.factor && g.inverse === f.inverse)
    if (at >= 0) left.splice(at, 1)
  }
  return left
}
