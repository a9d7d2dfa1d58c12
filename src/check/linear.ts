// Arithmetic of linear forms: sums of atoms with coefficients, and a constant.
import type { Expr } from "../ir.ts"
import { type Linear, linear } from "../sums.ts"

/** The form of a number. */
export const constant = (value: number): Linear => ({ terms: new Map(), constant: value })

/** The form without one of its atoms. */
export function without(form: Linear, atom: Expr): Linear {
  const terms = new Map(form.terms)
  terms.delete(atom)
  return { terms, constant: form.constant }
}

/** x - y + shift */
export const difference = (x: Expr, y: Expr, shift: number): Linear => {
  const form = plus(linear(x), linear(y), -1)
  return { ...form, constant: form.constant + shift }
}

/** by * form */
export const scale = (form: Linear, by: number): Linear => plus(constant(0), form, by)

/** x + by * y */
export function plus(x: Linear, y: Linear, by: number): Linear {
  const terms = new Map(x.terms)
  for (const [atom, c] of y.terms) {
    const sum = (terms.get(atom) ?? 0) + by * c
    if (sum === 0) terms.delete(atom)
    else terms.set(atom, sum)
  }
  return { terms, constant: x.constant + by * y.constant }
}
