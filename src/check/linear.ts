// Arithmetic of linear forms beside that of `flat.ts`: what proofs do with them.
import { type Linear, combine, linear } from "../flat.ts"
import type { Core, Expr } from "../ir.ts"

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
  const form = combine(linear(x), linear(y), -1)
  return { ...form, constant: form.constant + shift }
}

/** by * form */
export const scale = (form: Linear, by: number): Linear => combine(constant(0), form, by)

/** Each part of a form times an expression. */
export function product(core: Core, form: Linear, by: Expr): Linear {
  let out = scale(linear(by), form.constant)
  for (const [atom, c] of form.terms) out = combine(out, linear(core.op("mul", atom, by)), c)
  return out
}
