// Innermost loops -> the same with the constant factors of each product multiplied before them.
import { flatMap } from "../lists.ts"
import type { Operand, Stmt } from "../loops.ts"
import { forEachStatement, operandsOf } from "../walk.ts"
import { type Numbers, definedIn, hasLoop, letsIn, updatedIn, valueOf } from "./facts.ts"

/**
 * `x * a * b` as `x * (a * b)` where a and b stand still. It takes as many roundings. For memory of f32 only: numbers of f32 are
 * far from the limits of the doubles that they are computed in, so that `a * b` is neither 0 nor infinite before the result is.
 */
export function factored(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return flatMap(body, (s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: factored(s.then, numbers), else: factored(s.else, numbers) }]
    if (s.kind !== "for") return [s]
    if (hasLoop(s.body)) return [{ ...s, body: factored(s.body, numbers) }]
    const changing = new Set([...definedIn([s]), ...updatedIn(s.body).keys()])
    const lets = letsIn(s.body)
    const uses = new Map<number, number>()
    forEachStatement(s.body, (x) => {
      for (const y of operandsOf(x)) if (y.kind === "value") uses.set(y.id, (uses.get(y.id) ?? 0) + 1)
    })
    const isFixed = (x: Operand): boolean => x.kind === "number" || !changing.has(x.id)
    /** The factors of a product, the one that stands still last. */
    const factors = (x: Stmt | undefined): readonly [Operand, Operand] | undefined => {
      if (x?.kind !== "let" || x.op !== "mul" || x.type !== "real") return undefined
      const [a, b] = x.args as [Operand, Operand]
      return isFixed(a) === isFixed(b) ? undefined : isFixed(b) ? [a, b] : [b, a]
    }
    const before: Stmt[] = []
    const known = new Map<string, Operand>()
    const gone = new Set<number>()
    const found = new Map<number, readonly [Operand, Operand]>()
    for (const [id, made] of lets) {
      const [inner, b] = factors(made) ?? []
      if (inner?.kind !== "value" || !b || uses.get(inner.id) !== 1 || numbers.accs.has(inner.id)) continue
      const [x, a] = found.get(inner.id) ?? factors(lets.get(inner.id)) ?? []
      // An accumulator may have changed between the products.
      if (!x || !a || (x.kind === "value" && numbers.accs.has(x.id))) continue
      const key = JSON.stringify([a, b])
      let both = known.get(key)
      if (!both) {
        const product = numbers.value()
        known.set(key, (both = valueOf(product)))
        before.push({ kind: "let", id: product, op: "mul", args: [a, b], type: "real" })
      }
      found.set(id, [x, both])
      gone.add(inner.id)
    }
    if (found.size === 0) return [s]
    const go = (list: readonly Stmt[]): Stmt[] =>
      flatMap(list, (x): Stmt[] => {
        if (x.kind === "if") return [{ ...x, then: go(x.then), else: go(x.else) }]
        if (x.kind !== "let") return [x]
        if (gone.has(x.id)) return []
        const args = found.get(x.id)
        return [args ? { ...x, args } : x]
      })
    return [...before, { ...s, body: go(s.body) }]
  })
}
