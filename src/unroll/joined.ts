// Statements -> the same with what is done under a condition, and then under its opposite, as the two branches of one condition.
import type { Stmt } from "../loops.ts"
import { type Numbers, readIn } from "./facts.ts"

/** Joins the conditions of a block and of the blocks in it. */
export function joined(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  const out: Stmt[] = []
  for (let k = 0; k < body.length; k++) {
    const [s, not, other] = body.slice(k, k + 3)
    if (s!.kind === "for") out.push({ ...s!, body: joined(s!.body, numbers) })
    else if (s!.kind !== "if") out.push(s!)
    else if (not && other?.kind === "if" && areOpposite(s!, not, other, numbers)) {
      if (readIn([{ ...other, condition: s!.condition }, ...body.slice(k + 3)]).has(not.id)) out.push(not)
      out.push({ ...s!, then: joined(s!.then, numbers), else: joined(other.then, numbers) })
      k += 2
    } else out.push({ ...s!, then: joined(s!.then, numbers), else: joined(s!.else, numbers) })
  }
  return out
}

type Branch = Extract<Stmt, { kind: "if" }>

function areOpposite(
  { condition, else: rest }: Branch,
  not: Stmt,
  other: Branch,
  numbers: Numbers,
): not is Extract<Stmt, { kind: "let" }> {
  if (not.kind !== "let" || not.op !== "not" || rest.length > 0 || other.else.length > 0) return false
  const [of] = not.args
  if (condition.kind !== "value" || of!.kind !== "value" || other.condition.kind !== "value") return false
  return of!.id === condition.id && other.condition.id === not.id && !numbers.accs.has(condition.id)
}
