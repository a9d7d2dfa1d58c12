// Loops -> what an emitter asks about their values: ranges, guards, how often they are read.
import type { Operand, Stmt } from "../loops.ts"
import { type Interval, ops } from "../ops.ts"
import { forEachStatement, operandsOf } from "../walk.ts"

const UNKNOWN: Interval = [-Infinity, Infinity]

/** What is known about values from how they are made. */
export class Ranges {
  private readonly known = new Map<number, Interval>()

  define({ id, op, args, range: given = UNKNOWN }: Extract<Stmt, { kind: "let" }>): void {
    const bounds = ops[op].bounds as ((...args: Interval[]) => Interval) | undefined
    const [low, high] = bounds?.(...args.map((x) => this.of(x))) ?? UNKNOWN
    const range: Interval = low <= high ? [Math.max(low, given[0]), Math.min(high, given[1])] : given
    if (range[0] <= range[1]) this.known.set(id, range)
  }

  of(x: Operand): Interval {
    if (x.kind === "number") return [x.value, x.value]
    return this.known.get(x.id) ?? UNKNOWN
  }
}

/** Condition and value of what is 0 where the condition does not hold. */
export function guarded({ op, args }: Extract<Stmt, { kind: "let" }>): readonly Operand[] | undefined {
  if (op === "indicator") return [args[0]!, { kind: "number", value: 1 }]
  const zero = op === "guard" || (op === "select" && args[2]!.kind === "number" && args[2]!.value === 0)
  return zero ? args : undefined
}

/** How many statements read each value. */
export function countUses(body: readonly Stmt[]): ReadonlyMap<number, number> {
  const uses = new Map<number, number>()
  forEachStatement(body, (s) => {
    for (const x of operandsOf(s)) if (x.kind === "value") uses.set(x.id, (uses.get(x.id) ?? 0) + 1)
  })
  return uses
}
