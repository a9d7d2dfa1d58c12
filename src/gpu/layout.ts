// Where everything of a plan lives on the device: what the shader and the host agree on.
import type { Buffer, Kernel } from "../loops.ts"
import type { Handovers } from "./handover.ts"
import type { Plan, Rows } from "./plan.ts"
import type { ArrayPlace, Region } from "./program.ts"
import type { Loop } from "../unroll/facts.ts"
import type { Strip } from "./strips.ts"

/** A plan with its regions of the arena. */
export interface Layout {
  readonly kernel: Kernel
  readonly plan: Plan
  readonly handovers: Handovers
  readonly regions: readonly Region[]
  /** The regions of scalar results, of values kept between steps, and of partial results. */
  readonly results: number
  readonly kept: number
  readonly partials: ReadonlyMap<Rows, number>
  /** Of the arrays of the caller. */
  readonly places: ReadonlyMap<Buffer, ArrayPlace>
  /** One region for each entry of the dispatch whose rows have the array for themselves, or one for all. */
  readonly scratch: ReadonlyMap<
    Buffer,
    {
      readonly regions: readonly (number | undefined)[]
      /** Whether each thread of a loop that is dealt out has its own. */
      readonly inThread: boolean
    }
  >
  /** What goes through workgroup memory, by the loop along the rows. */
  readonly strips: ReadonlyMap<Loop, Strip>
  readonly workgroupSize: number
}
