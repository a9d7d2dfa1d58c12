// The loops: the one imperative form of a kernel. The scheduler makes it, the interpreter and every emitter read it.
//
// A kernel is a list of statements in single-assignment form: every value has a number, is defined once by `let`, `load` or
// as the index of a `for`, and is visible in the rest of its block and in the blocks inside. Mutable values are the
// accumulators (`acc`), changed by `update`. Arrays are buffers with flat int indices. Nothing is nested in an operand, so an
// emitter needs no parentheses and no recursion over expressions.
import type { Interval, OpName } from "./ops.ts"
import type { Dtype, Input, ScalarType } from "./types.ts"

/** An operand: a literal, or the number of a value. */
export type Operand =
  { readonly kind: "number"; readonly value: number } | { readonly kind: "value"; readonly id: number }

/** An array that a kernel reads or writes. */
export interface Buffer {
  readonly id: number
  /** Inputs are read only. Outputs are the gradients or row losses. Scratch belongs to the kernel. */
  readonly kind: "input" | "output" | "scratch"
  /** Set for kind input. */
  readonly input?: Input
  /** Set for kind output: the name of the differentiated input, or `loss` for row losses. */
  readonly name?: string
  /**
   * Elements in memory: `f32` or `f64` for reals, ints and bools as the caller passed them. Scratch is f64, or int (of 32 bits)
   * if a `sort` writes it.
   */
  readonly element: Dtype | "int" | "bool"
  /** Number of elements, an int operand that is defined in `Kernel.sizes`. */
  readonly length: Operand
  /** Sizes of its axes in memory order, if it was made with axes: no index ever leaves its axis. */
  readonly extents?: readonly Operand[]
}

/** An int computed once at entry from sizes and static options: `id` is its value number. */
export interface SizeValue {
  readonly id: number
  readonly value:
    | { readonly kind: "size"; readonly name: string }
    | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Operand[] }
}

export type Stmt =
  /** A value made by an operator; `select` and `guard` here are strict (both operands exist already). */
  | {
      readonly kind: "let"
      readonly id: number
      readonly op: OpName
      readonly args: readonly Operand[]
      readonly type: ScalarType
      /** Where its values lie but for rounding, NaN aside, if that does not follow from its arguments. */
      readonly range?: Interval
    }
  | {
      readonly kind: "load"
      readonly id: number
      readonly buffer: Buffer
      readonly at: Operand
      readonly type: ScalarType
    }
  /** `buffer[at] = value`, or `+=` with `accumulate`. */
  | {
      readonly kind: "store"
      readonly buffer: Buffer
      readonly at: Operand
      readonly value: Operand
      readonly accumulate?: true
    }
  /** Sets the elements from 0 to length - 1, or from `at` on, to a value. */
  | {
      readonly kind: "fill"
      readonly buffer: Buffer
      readonly at: Operand
      readonly length: Operand
      readonly value: number
    }
  /**
   * Sorts a row: `index[indexAt + i]` becomes the place, from 0 to length - 1, of the i-th smallest of the keys
   * `keys[keysAt + place * stride]`; equal keys stay in order (0 and -0 are equal), NaN comes last. Both arrays are scratch.
   */
  | {
      readonly kind: "sort"
      readonly keys: Buffer
      readonly keysAt: Operand
      readonly stride: Operand
      readonly index: Buffer
      readonly indexAt: Operand
      readonly length: Operand
    }
  /** Declares a mutable value. */
  | { readonly kind: "acc"; readonly id: number; readonly initial: Operand; readonly type: ScalarType }
  /** Changes a mutable value: `set` assigns, the others combine (`add`, `mul`, `max`, `min` of the operator table). */
  | {
      readonly kind: "update"
      readonly acc: number
      readonly op: "set" | "add" | "mul" | "max" | "min"
      readonly value: Operand
    }
  /** Runs `id` from `from` to `to` - 1, by 1 or by `step`, an int above 0. */
  | {
      readonly kind: "for"
      readonly id: number
      readonly from: Operand
      readonly to: Operand
      /** Made by unrolling only: the scheduler leaves it out. */
      readonly step?: Operand
      /**
       * Made by cutting into chunks only: an int that says for how many iterations one stands, in place of the step. It starts
       * with `first` and is then four times what it was, up to the step.
       */
      readonly growing?: { readonly id: number; readonly first: Operand }
      /**
       * Made by vectorising only: an iteration stands for as many, whose indices follow one another and which may run at once,
       * each in a lane of vectors. Without a step the next iteration follows the last of them.
       */
      readonly lanes?: number
      /**
       * Made by vectorising only, for lanes with loops inside, the same in all of them: scratch of which each lane has its own
       * elements, which lie beside those of the other lanes, and arrays that are parted as those of blocks.
       */
      readonly rows?: { readonly own: readonly Buffer[]; readonly parted: readonly Buffer[] }
      /** Made by vectorising only: sums of what f32 holds may be added up in f32. */
      readonly short?: boolean
      /** Made by jamming rows only: worth a function of its own, which has all registers for itself. */
      readonly outlined?: true
      /**
       * Made by cutting into blocks only: the iterations may run at once and in any order. Each fills the scratch arrays `own`
       * before it reads them, and nothing reads them afterwards, so that each may work in copies of its own. The same is true of the
       * iterations of the loop inside, the rows of a block. Each of those has a part of its own of the arrays `parted`, and every
       * place that it could read or write there is in it, even if a condition keeps it from that.
       */
      readonly blocks?: { readonly own: readonly Buffer[]; readonly parted: readonly Buffer[] }
      /**
       * Made for GPUs only: the iterations may run at once. They share no elements of arrays, but for scratch that nothing else
       * touches and that each fills before it reads it, and accumulators that each is combined with by one operator.
       */
      readonly apart?: true
      /**
       * Made for GPUs only, for loops that do the same in two ways: whoever runs them runs that of rows, or all that are parts of it.
       */
      readonly way?: "rows" | "parts"
      readonly body: readonly Stmt[]
      /** For readers: the axis as the user called it. */
      readonly axis: string
    }
  | {
      readonly kind: "if"
      readonly condition: Operand
      readonly then: readonly Stmt[]
      readonly else: readonly Stmt[]
    }
  /** One of the scalar results. */
  | {
      readonly kind: "result"
      readonly name: "loss" | "count" | "per" | `grad:${string}` | `label:${number}`
      readonly value: Operand
    }

/** A scalar input (option or per-call scalar) and the value number by which the statements read it. */
export interface ScalarInput {
  readonly id: number
  readonly input: Input
}

/** A whole kernel: everything an emitter needs. */
export interface Kernel {
  /** Element type of real arrays in memory; arithmetic and scratch are f64. */
  readonly dtype: Dtype
  /** Array inputs in call order. */
  readonly inputs: readonly Buffer[]
  readonly outputs: readonly Buffer[]
  readonly scratch: readonly Buffer[]
  readonly scalars: readonly ScalarInput[]
  /** Names of the sizes the caller passes, in order; `...` is the flattened size. */
  readonly sizeNames: readonly string[]
  readonly sizes: readonly SizeValue[]
  readonly body: readonly Stmt[]
  /** Names of scalar results in the order they are returned. */
  readonly results: readonly string[]
}
