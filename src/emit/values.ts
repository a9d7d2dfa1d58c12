// Loops -> what an emitter asks about their values: ranges, guards, how often they are read.
import type { Operand, Stmt } from "../loops.ts"
import { type Interval, type OpName, ops } from "../ops.ts"
import { forEachStatement, operandsOf } from "../walk.ts"

const UNKNOWN: Interval = [-Infinity, Infinity]

/** What is known about values from how they are made. */
export class Ranges {
  private readonly known = new Map<number, Interval>()

  define(id: number, op: OpName, args: readonly Operand[]): void {
    const bounds = ops[op].bounds as ((...args: Interval[]) => Interval) | undefined
    if (!bounds) return
    const range = bounds(...args.map((x) => this.of(x)))
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
