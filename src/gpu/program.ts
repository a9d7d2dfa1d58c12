// A program for WebGPU: shader text, and all that a host needs to run it. Plain data, so that it can be written into a module.
//
// A call runs the dispatches in order, each a parallel loop or one workgroup that does what stands between them. All scratch
// arrays, partial sums and scalar results live in one storage buffer of 32-bit words, the arena.
import type { OpName } from "../ops.ts"
import type { ScalarType } from "../types.ts"

/** An int of the host: a literal, or the place of a formula among `GpuProgram.formulas`. */
export type Count = number | { readonly formula: number }

/** An int computed from the sizes of a call: formulas read earlier ones. */
export type Formula = { readonly size: string } | { readonly op: OpName; readonly args: readonly Count[] }

/** Where an array of the caller is for the shader: a buffer of its own, or a part of the arena, copied before or after. */
export type ArrayPlace = { readonly binding: number } | { readonly region: number }

/** An array that the caller passes: f32, i32, or bools as u32 (0 or 1), in 4 bytes each. */
export interface GpuInput {
  readonly name: string
  readonly element: "f32" | "i32" | "u32"
  readonly length: Count
  readonly place: ArrayPlace
}

/** An array of f32 that is written: a gradient by the name of its argument, or `loss` for row losses. */
export interface GpuOutput {
  readonly name: string
  readonly length: Count
  readonly place: ArrayPlace
}

/** A part of the arena. */
export interface Region {
  /** Words of one copy. */
  readonly length: Count
  /** The way of the only dispatches that use it; it is empty where they do not run. */
  readonly way?: RowWay
  /**
   * How many copies: one, or one for each workgroup or thread of a dispatch. Where an entry is named there are none if the
   * dispatch takes another one. Copies follow one another.
   */
  readonly copies:
    | { readonly kind: "once" }
    | { readonly kind: "workgroups" | "threads"; readonly dispatch: number; readonly entry?: EntryPlace }
}

/** Which of its entries a dispatch takes. */
export type EntryPlace = 0 | 1 | 2 | 3

/** One way to run a dispatch. */
export interface Entry {
  /** The entry point of the shader. */
  readonly name: string
  /** What handles one row at a time: a thread or a whole workgroup. */
  readonly rowPer: "thread" | "workgroup"
  /** Rows that a thread or a workgroup handles at a time, if more than one. */
  readonly tile?: number
  /** Lengths that must be multiples of four, and not short, for the entry to be taken. */
  readonly fours?: readonly Count[]
  /** Whether they need not be multiples of four: the last rows, up to three, are then left to the first entry. */
  readonly leavesRest?: boolean
  /** The places of the bindings that the entry point uses besides the uniform (0) and the arena (1). */
  readonly bindings: readonly number[]
}

/** Of two ways to do the same the one with a dispatch for all, or with one for each part of a row. */
export type RowWay = "rows" | "parts"

/** One dispatch: rows over threads or workgroups, which take further rows until none is left. */
export interface Dispatch {
  /** How many rows there are; without it one workgroup runs. */
  readonly rows?: Count
  /** Whether it runs where there are many rows, or is one of the parts that run where there are few. */
  readonly way?: RowWay
  /** The lengths of the loops inside a row. */
  readonly inner: readonly Count[]
  /**
   * The entry that short rows take, that of longer ones, and that of many longer ones; one where there is no choice. Last, what is
   * taken in place of the second (or the first, if there is none) where lengths are multiples of four.
   */
  readonly entries: readonly [Entry, Entry?, Entry?, Entry?]
}

/** A word of the uniform buffer. */
export type Field =
  | { readonly kind: "formula"; readonly formula: number }
  | { readonly kind: "scalar"; readonly scalar: number }
  /** The first word of a region. */
  | { readonly kind: "offset"; readonly region: number }
  /** The first row for the first entry of a dispatch, and the workgroups that have run before it: 0 but for a rest. */
  | { readonly kind: "first"; readonly dispatch: number }
  | { readonly kind: "before"; readonly dispatch: number }
  /** How many workgroups a dispatch has. */
  | { readonly kind: "workgroups"; readonly dispatch: number }
  /** The bits of infinity, which no shader may hold as a constant. */
  | { readonly kind: "infinity" }

/** A whole program. */
export interface GpuProgram {
  /** The WGSL text: binding 0 is the uniform, 1 the arena, the others are arrays of the caller. */
  readonly shader: string
  /**
   * For a device with the feature `subgroups`: a part of the text, and what stands in its place, after `enable subgroups;`. Absent
   * if threads combine nothing.
   */
  readonly subgroups?: { readonly instead: string; readonly text: string }
  readonly workgroupSize: number
  /** Rows with loops of at most this many steps are short: a thread handles one, where a dispatch has the choice. */
  readonly shortRow: number
  /** From as many rows on, longer ones are taken in tiles, where a dispatch has the choice: fewer would leave threads idle. */
  readonly tiledRows: number
  /** Up to as many rows are taken in parts, where the program has the choice: then there are more invocations. */
  readonly fewRows: number
  /** From this length on arrays are read in vectors of four, where a dispatch has the choice: shorter ones would leave threads idle. */
  readonly foursFrom: number
  /** The sizes that a call passes; `...` is the flattened one. */
  readonly sizeNames: readonly string[]
  readonly formulas: readonly Formula[]
  /** Options and scalar arguments in order. */
  readonly scalars: readonly { readonly name: string; readonly type: ScalarType }[]
  readonly inputs: readonly GpuInput[]
  readonly outputs: readonly GpuOutput[]
  /** Scalar results: the words of region 0, reals as f32 and the others as i32. */
  readonly results: readonly { readonly name: string; readonly type: ScalarType }[]
  readonly fields: readonly Field[]
  readonly regions: readonly Region[]
  readonly dispatches: readonly Dispatch[]
}

/** How a call runs in pieces of rows where it is too large for a device, or why it cannot. */
export type Pieces =
  | { readonly why: string }
  | {
      /** The axis of the rows as the caller knows it, and the place of its size among `GpuProgram.sizeNames`. */
      readonly axis: string
      readonly size: number
      /** The places of the inputs and outputs that have a part for each row. The other outputs are sums over the rows. */
      readonly inputs: readonly number[]
      readonly outputs: readonly number[]
      /** For each check of labels, `label:0` first: the place of the input that it looks at. */
      readonly labels: readonly number[]
      /** What the mean divides by: nothing in sums, the number of rows, or a sum of weights. */
      readonly mean: "none" | "count" | "per"
      /** Whether the mean of nothing is 0. */
      readonly emptyIsZero: boolean
      /**
       * With a sum of weights: the sum of the losses times a first scalar and of the weights times a second, which are the last
       * scalars, with its gradients. Those of the mean come of it once the sums are known.
       */
      readonly scaled?: GpuProgram
    }
