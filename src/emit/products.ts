// A loop in lanes -> its products that are only added up, which one instruction can do.
import type { Operand, Stmt } from "../loops.ts"
import { type Loop, letsIn } from "../unroll/facts.ts"
import { forEachStatement } from "../walk.ts"
import { countUses } from "./values.ts"

/**
 * The products that are terms of what accumulators or elements of arrays add up, and that nothing else reads. A difference of
 * products that the loss writes is none: it may be 0 because both are rounded alike.
 */
export function addedProducts(loop: Loop): ReadonlySet<number> {
  const lets = letsIn(loop.body)
  const uses = countUses(loop.body)
  const changing = new Set<number>()
  forEachStatement(loop.body, (s) => {
    if (s.kind === "update") changing.add(s.acc)
  })
  const out = new Set<number>()
  const visit = (body: readonly Stmt[]): void => {
    const own = new Set(body.map((s) => (s.kind === "let" ? s.id : undefined)))
    const terms = (x: Operand): void => {
      if (x.kind === "number" || !own.has(x.id) || uses.get(x.id) !== 1) return
      const { op, args, type } = lets.get(x.id)!
      if (type !== "real") return
      if (op === "add") args.forEach(terms)
      // What an accumulator holds may have changed until the sum.
      else if (op === "mul" && args.every((a) => a.kind === "number" || !changing.has(a.id))) out.add(x.id)
    }
    for (const s of body) {
      if (s.kind === "for") visit(s.body)
      if (s.kind === "if") {
        visit(s.then)
        visit(s.else)
      }
      if ((s.kind === "update" && s.op === "add") || (s.kind === "store" && s.accumulate)) terms(s.value)
    }
  }
  visit(loop.body)
  return out
}
