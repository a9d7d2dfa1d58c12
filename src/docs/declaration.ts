// The text of a loss as the documentation shows it.
import { parse } from "../../grammar/parser.ts"
import { print } from "../../grammar/print.ts"
import type { Loss } from "../loss.ts"

/** The declaration of a loss in the standard form; for a bare expression, its text. */
export function declarationOf(loss: Loss): string {
  const text = loss.source.text.slice(loss.span.start, loss.span.end)
  const { file, complete } = parse({ name: loss.name, text })
  return (complete ? print(file) : text).replace(/^\s*\/\/.*\n/gm, "").trimEnd()
}

/** What stands behind the `=` of a declaration. */
export function bodyOf(declaration: string): string {
  let depth = 0
  for (let at = 0; at < declaration.length && declaration.startsWith("loss"); at++) {
    const c = declaration[at]!
    if (c === '"') at = declaration.indexOf('"', at + 1)
    else if (c === "(" || c === "[") depth++
    else if (c === ")" || c === "]") depth--
    else if (c === "=" && depth === 0) return outdented(declaration.slice(at + 1))
  }
  return declaration
}

const outdented = (text: string): string => text.replace(/^ {2}/gm, "").trim()
