// Arithmetic of linear forms: sums of atoms with coefficients, and a constant.
import type { Core, Expr } from "../ir.ts"
import type { Linear } from "../flat.ts"

const forms = new WeakMap<Expr, Linear>()

/** Reads an expression as a linear form; what is not linear is an atom. */
export function formOf(e: Expr): Linear {
  let form = forms.get(e)
  if (!form) forms.set(e, (form = read(e)))
  return form
}

function read(e: Expr): Linear {
  if (e.kind === "const") return constant(e.value)
  const [x, y] = e.kind === "op" ? e.args : []
  switch (e.kind === "op" ? e.op : undefined) {
    case "add":
      return plus(formOf(x!), formOf(y!), 1)
    case "sub":
      return plus(formOf(x!), formOf(y!), -1)
    case "neg":
      return scale(formOf(x!), -1)
    case "mul":
      if (x!.kind === "const") return scale(formOf(y!), x!.value)
      if (y!.kind === "const") return scale(formOf(x!), y!.value)
      break
    default:
  }
  return { terms: new Map([[e, 1]]), constant: 0 }
}

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
  const form = plus(formOf(x), formOf(y), -1)
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

/** Each part of a form times an expression. */
export function product(core: Core, form: Linear, by: Expr): Linear {
  let out = scale(formOf(by), form.constant)
  for (const [atom, c] of form.terms) out = plus(out, formOf(core.op("mul", atom, by)), c)
  return out
}
