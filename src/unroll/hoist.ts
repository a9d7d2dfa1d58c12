// Loops -> the same loops with what does not change in them computed before them.
import { flatMap } from "../lists.ts"
import type { Operand, Stmt } from "../loops.ts"
import { definedBy, forEachStatement, operandsOf } from "../walk.ts"
import { type Numbers, definedIn, hasLoop, literal, updatedIn, valueOf, writtenIn } from "./facts.ts"

/** Moves constant values out of innermost loops, and divides by a constant value once. */
export function hoist(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return flatMap(body, (s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: hoist(s.then, numbers), else: hoist(s.else, numbers) }]
    if (s.kind !== "for") return [s]
    const inside = hoist(s.body, numbers)
    if (hasLoop(inside)) return [{ ...s, body: inside }]
    const { before, rest } = split({ ...s, body: inside }, numbers)
    return [...before, { ...s, body: shareReciprocals(rest, numbers) }]
  })
}

/** Two or more quotients with one divisor in a block as products with its reciprocal. */
function shareReciprocals(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  const count = new Map<number, number>()
  const divisor = (s: Stmt): number | undefined =>
    s.kind === "let" && s.op === "div" && s.args[1]!.kind === "value" ? s.args[1]!.id : undefined
  for (const s of body) {
    const id = divisor(s)
    if (id !== undefined && !numbers.accs.has(id)) count.set(id, (count.get(id) ?? 0) + 1)
  }
  const inverses = new Map<number, Operand>()
  return flatMap(body, (s): Stmt[] => {
    const id = divisor(s)
    if (s.kind !== "let" || id === undefined || (count.get(id) ?? 0) < 2) return [s]
    const out: Stmt[] = []
    let inverse = inverses.get(id)
    if (!inverse) {
      const reciprocal = numbers.value()
      inverses.set(id, (inverse = valueOf(reciprocal)))
      out.push({ kind: "let", id: reciprocal, op: "div", args: [literal(1), valueOf(id)], type: "real" })
    }
    return [...out, { ...s, op: "mul", args: [s.args[0]!, inverse] }]
  })
}

function split(loop: Extract<Stmt, { kind: "for" }>, numbers: Numbers): { before: Stmt[]; rest: Stmt[] } {
  const changing = definedIn([loop])
  for (const acc of updatedIn(loop.body).keys()) changing.add(acc)
  // An accumulator of the loop's own is another one in each iteration.
  forEachStatement(loop.body, (s) => {
    if (s.kind === "update") changing.add(s.acc)
  })
  const written = writtenIn(loop.body)
  const before: Stmt[] = []
  const fixed = (x: Operand): boolean => x.kind === "number" || !changing.has(x.id)
  const inverses = new Map<number, Operand>()
  const go = (body: readonly Stmt[], sure: boolean): Stmt[] =>
    flatMap(body, (s): Stmt[] => {
      // Values are without effect, so they may be computed in vain; a load may be out of range where a condition excludes it.
      const movable = s.kind === "let" || (s.kind === "load" && sure && !written.has(s.buffer))
      if (movable && operandsOf(s).every(fixed)) {
        before.push(s)
        changing.delete(definedBy(s)!)
        return []
      }
      if (s.kind === "let" && s.op === "div" && fixed(s.args[1]!) && !fixed(s.args[0]!)) {
        const divisor = s.args[1]!
        if (divisor.kind === "number") return [s]
        let inverse = inverses.get(divisor.id)
        if (!inverse) {
          const id = numbers.value()
          before.push({ kind: "let", id, op: "div", args: [literal(1), divisor], type: "real" })
          inverses.set(divisor.id, (inverse = valueOf(id)))
        }
        return [{ ...s, op: "mul", args: [s.args[0]!, inverse] }]
      }
      if (s.kind === "if") return [{ ...s, then: go(s.then, false), else: go(s.else, false) }]
      return [s]
    })
  const rest = go(loop.body, true)
  return { before, rest }
}
