// Pieces of messages.
import type { Linear } from "../flat.ts"
import { printExpr } from "../print-core.ts"

/** "This form is not negative" as an inequality between positive terms: `size(b) <= size(m)`, `size(t) >= 1`. */
export function readsSize(form: Linear): string {
  const less: string[] = []
  const more: string[] = []
  for (const [atom, c] of form.terms) {
    const amount = Math.abs(c)
    const text = amount === 1 ? printExpr(atom) : `${amount} * ${printExpr(atom)}`
    if (c > 0) more.push(text)
    else less.push(text)
  }
  if (form.constant > 0) more.push(String(form.constant))
  if (form.constant < 0) less.push(String(-form.constant))
  const side = (list: readonly string[]): string => (list.length === 0 ? "0" : list.join(" + "))
  if (form.terms.size > 0 && less.every((text) => /^\d/.test(text) && !text.includes("*")))
    return `${side(more)} >= ${side(less)}`
  return `${side(less)} <= ${side(more)}`
}
