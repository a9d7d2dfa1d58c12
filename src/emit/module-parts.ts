// What the texts of a module are made of.
import type { GpuProgram, Pieces } from "../gpu/program.ts"
import type { LabelCheck } from "../label-checks.ts"
import type { Kernel } from "../loops.ts"
import type { KernelChoice, Loss } from "../loss.ts"
import type { Dtype, Input } from "../types.ts"
import type { Accuracy } from "./math.ts"

/** What a module is made of. */
export interface ModuleParts {
  readonly loss: Loss
  /** What the module computes; see `KernelChoice`. */
  readonly choice: Omit<KernelChoice, "given">
  readonly dtype: Dtype
  readonly accuracy?: Accuracy | undefined
  readonly statics: ReadonlyMap<Input, number>
  /** Sizes that the module is made for. */
  readonly sizes: ReadonlyMap<string, number>
  /** The version of lossc. */
  readonly version: string
  /** Default `js`. */
  readonly target?: "js" | "wasm" | "wgsl"
  /** For wasm: how many threads may run at once. Default 1. */
  readonly threads?: number
  /** For wasm: whether there are kernels with relaxed instructions too. Default false. */
  readonly relaxed?: boolean
  /** For wasm: whether the text of each kernel becomes a file too. */
  readonly wat?: boolean
  /** The loops for the arguments with a default that are passed: scalars always, arrays none, some or all. */
  readonly kernel: (given: ReadonlySet<string>) => Kernel
  /** For wgsl: the program of a kernel, how it runs in pieces, and the checks of labels among its results. */
  readonly program?: (kernel: Kernel) => GpuProgram
  readonly pieces?: (given: ReadonlySet<string>, program: GpuProgram) => Pieces
  readonly labels?: (given: ReadonlySet<string>) => readonly LabelCheck[]
}
