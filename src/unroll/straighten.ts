// A loop -> the same without its branches that only add to sums: in lanes they cost more than what they skip.
import { flatMap } from "../lists.ts"
import type { Stmt } from "../loops.ts"
import { type Loop, type Numbers, definedIn, valueOf } from "./facts.ts"

type Branch = Extract<Stmt, { kind: "if" }>
type Update = Extract<Stmt, { kind: "update" }>

/** Adds 0 where a condition that the loop computes does not hold. */
export function straightened(s: Loop, numbers: Numbers): Loop {
  const own = definedIn(s.body)
  const isPlain = ({ condition, then, else: other }: Branch): boolean =>
    condition.kind === "value" &&
    own.has(condition.id) &&
    other.length === 0 &&
    then.every((x) => x.kind === "update" && x.op === "add")
  const body = flatMap(s.body, (x): readonly Stmt[] => {
    if (x.kind !== "if" || !isPlain(x)) return [x]
    return flatMap(x.then as readonly Update[], ({ acc, value }): readonly Stmt[] => {
      const id = numbers.value()
      return [
        { kind: "let", id, op: "guard", args: [x.condition, value], type: numbers.accs.get(acc)! },
        { kind: "update", acc, op: "add", value: valueOf(id) },
      ]
    })
  })
  return { ...s, body }
}
