// Outputs -> kernel: statements, dimensions, fusion, storage, loops. Each step is a file of its own.
import { type Cycle, cyclesOf, nest } from "./cycles.ts"
import { type Placed, place } from "./dimensions.ts"
import { type Tree, fuse } from "./fuse.ts"
import type { AxisExpr } from "./ir.ts"
import { flatMap } from "./lists.ts"
import type { Kernel } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { lower } from "./lower.ts"
import { statementsOf } from "./statements.ts"
import type { Dtype } from "./types.ts"

/** How a kernel is scheduled. */
export interface ScheduleOptions {
  readonly dtype: Dtype
  /** False: every definition in an array and loops of its own, nothing split, shared or fused (to compare with). */
  readonly optimise?: boolean
  /**
   * True: outer iterations own what they write, for machines on which they run at once. What is summed stands innermost, and what
   * is cheap to compute again is, in the order of its reader; products stay as they are, so that it has the same bits again.
   */
  readonly owner?: boolean
}

/** Schedules outputs as one kernel. */
export function schedule(outputs: Outputs, options: ScheduleOptions): Kernel {
  const { optimise = true, owner = false } = options
  const placed = nest(place(outputs.core, statementsOf(outputs, optimise, owner), owner), owner)
  return lower(outputs, optimise ? fuse(placed, owner) : apart(placed), options.dtype, owner)
}

/** One loop nest for each statement, but one for all that runs at each index of a recurrence. */
function apart(placed: readonly Placed[], depth = 0, cycles = cyclesOf(placed)): Tree[] {
  const around = (s: Placed): Cycle | undefined =>
    cycles.find((c) => c.members.has(s) && depth <= s.loops.indexOf(c.axis))
  const nestOf = (
    loops: readonly AxisExpr[],
    descending: boolean,
    inside: readonly Tree[],
  ): readonly Tree[] =>
    loops.reduceRight(
      (body, axis, i): readonly Tree[] => [
        { kind: "loop", axis, descending: descending && i === loops.length - 1, body },
      ],
      inside,
    )
  return flatMap(placed, (s, i) => {
    const cycle = around(s)
    if (!cycle) return nestOf(s.loops.slice(depth), false, [{ kind: "statement", statement: s }])
    if (placed.slice(i + 1).some((x) => cycle.members.has(x))) return []
    const end = s.loops.indexOf(cycle.axis) + 1
    const inside = apart(
      placed.filter((x) => cycle.members.has(x)),
      end,
      cycles,
    )
    return nestOf(s.loops.slice(depth, end), cycle.recurrence.descending, inside)
  })
}
