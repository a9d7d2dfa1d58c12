// Loops -> what an emitter asks about their values: ranges, guards, how often they are read.
import { ByNumber } from "../by-number.ts"
import type { Operand, Stmt } from "../loops.ts"
import { type Interval, ops } from "../ops.ts"
import type { Let } from "../unroll/facts.ts"
import { forEachStatement, operandsOf } from "../walk.ts"

const UNKNOWN: Interval = [-Infinity, Infinity]

/** What is known about values from how they are made. Few are asked for. */
export class Ranges {
  private readonly made = new ByNumber<Let>()
  private readonly known = new Map<number, Interval>()

  define(s: Let): void {
    this.made.set(s.id, s)
  }

  of(x: Operand): Interval {
    if (x.kind === "number") return [x.value, x.value]
    let range = this.known.get(x.id)
    if (!range) {
      const s = this.made.get(x.id)
      this.known.set(x.id, (range = s ? this.compute(s) : UNKNOWN))
    }
    return range
  }

  private compute({ op, args, range: given = UNKNOWN }: Let): Interval {
    const bounds = ops[op].bounds as ((...args: Interval[]) => Interval) | undefined
    const [low, high] = bounds?.(...args.map((x) => this.of(x))) ?? UNKNOWN
    const range: Interval = low <= high ? [Math.max(low, given[0]), Math.min(high, given[1])] : given
    return range[0] <= range[1] ? range : UNKNOWN
  }
}

/** Condition and value of what is 0 where the condition does not hold. */
export function guarded({ op, args }: Let): readonly Operand[] | undefined {
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
