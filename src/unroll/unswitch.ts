// An innermost loop around a condition that does not change -> the condition around two loops.
import { flatMap } from "../lists.ts"
import type { Stmt } from "../loops.ts"
import { Copier } from "./copy.ts"
import { type Loop, type Numbers, definedIn, weight, withoutEffect, writtenIn } from "./facts.ts"
import { type Known, implied } from "./implied.ts"

/** Most statements of a loop that is written twice: beside many, a branch that always goes one way costs nothing. */
const HEAVIEST = 48

/**
 * The two loops, or nothing if no condition stands still. Without branches they can run in lanes. A loop that does nothing where the
 * condition does not hold, for rows that are left out, is none.
 */
export function unswitch(s: Loop, numbers: Numbers): Stmt | undefined {
  if (weight(s.body) > HEAVIEST) return undefined
  const own = definedIn([s])
  const branch = s.body.find(
    (x) =>
      x.kind === "if" &&
      x.condition.kind === "value" &&
      !own.has(x.condition.id) &&
      !numbers.accs.has(x.condition.id),
  )
  if (branch?.kind !== "if") return undefined
  const { condition } = branch
  const loop = (side: "then" | "else"): Loop[] => {
    const body = settled(s.body, { condition, holds: side === "then" }, numbers)
    return withoutEffect(body) ? [] : [{ ...s, body }]
  }
  const copier = new Copier(numbers, writtenIn(s.body))
  copier.copy(loop("else"))
  return Object.assign({ kind: "if" as const, condition, else: copier.out }, { then: loop("then") })
}

/** A block without the conditions that a known one decides. */
function settled(body: readonly Stmt[], known: Known, numbers: Numbers): Stmt[] {
  return flatMap(body, (s): Stmt[] => {
    if (s.kind !== "if") return [s]
    const holds = implied(s.condition, known, numbers)
    if (holds !== undefined) return settled(holds ? s.then : s.else, known, numbers)
    return [
      Object.assign({}, s, { then: settled(s.then, known, numbers), else: settled(s.else, known, numbers) }),
    ]
  })
}
