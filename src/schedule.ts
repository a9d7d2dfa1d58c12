// Outputs -> kernel: statements, dimensions, fusion, storage, loops. Each step is a file of its own.
import { type Placed, place } from "./dimensions.ts"
import { type Tree, fuse } from "./fuse.ts"
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
}

/** Schedules outputs as one kernel. */
export function schedule(outputs: Outputs, options: ScheduleOptions): Kernel {
  const placed = place(outputs.core, statementsOf(outputs, options.optimise !== false))
  return lower(outputs, options.optimise === false ? apart(placed) : fuse(placed), options.dtype)
}

/** One loop nest for each statement. */
function apart(placed: readonly Placed[]): Tree[] {
  return placed.map((statement) =>
    statement.loops.reduceRight<Tree>((inside, axis) => ({ kind: "loop", axis, body: [inside] }), {
      kind: "statement",
      statement,
    }),
  )
}
