// A checked loss: what the checker makes of a declaration, and what every later stage reads.
import type { Source, Span } from "./source.ts"
import type { AxisExpr, Core, Expr } from "./ir.ts"
import type { Input } from "./types.ts"

/**
 * A condition on sizes and options that the checker could not decide and every call must satisfy. It mentions no axes and
 * loads only options.
 */
export interface EntryCheck {
  readonly condition: Expr
  /** What a violation tells the user; `{e}` is not used, the text is complete. */
  readonly message: string
  readonly span: Span
}

/** A gather reads the elements of an optional label for which a condition over the label's own axes holds. */
export interface LabelRead {
  readonly input: Input
  readonly condition: Expr
  /** The extent that a label which is read stays below. */
  readonly extent: Expr
}

/** One loss, closed and checked. Everything in it lives in its `core`. */
export interface Loss {
  readonly name: string
  readonly doc: string
  readonly source: Source
  readonly span: Span
  readonly core: Core
  /** The axes of the rows in header order; none if the loss is one number for the whole batch. `...` is one flattened axis. */
  readonly batch: readonly AxisExpr[]
  /** Samples and shared arguments first, then options, each in the order of the header. */
  readonly inputs: readonly Input[]
  /** The loss of one row; its free axes are among `batch`. */
  readonly value: Expr
  /** Whether a row counts (`where`); the constant true if absent. */
  readonly where: Expr
  /** The weight a row adds to the denominator of the mean (`per`); the constant 1 if absent. */
  readonly per: Expr
  readonly checks: readonly EntryCheck[]
  /** Where optional labels are read, and so must be in range. */
  readonly labelReads: readonly LabelRead[]
}

/** An array a kernel computes: row-major over `axes`, each of which is free in `value` or constant along it. */
export interface OutputArray {
  /** `loss` for row losses, else the name of the differentiated input. */
  readonly name: string
  readonly axes: readonly AxisExpr[]
  readonly value: Expr
}

/** What one kernel computes, as core expressions: the meaning of the kernel, before any schedule. */
export interface Outputs {
  readonly core: Core
  /** Without axes: `loss`, `count`, `per`, and gradients of scalar inputs as `grad:name`. */
  readonly scalars: readonly {
    readonly name: "loss" | "count" | "per" | `grad:${string}` | `label:${number}`
    readonly value: Expr
  }[]
  readonly arrays: readonly OutputArray[]
  /** Whether `...` has one element, so that no expression has it as an axis. */
  readonly single?: boolean
  /** The inputs the expressions may load: those of the loss that are given, and `cotangent` for reduction none. */
  readonly inputs: readonly Input[]
  /** Which elements of optional labels every call checks, as in the loss. */
  readonly labelReads: readonly LabelRead[]
}

/** What decides which kernel is made from a loss. */
export interface KernelChoice {
  readonly reduction: "mean" | "sum" | "none"
  /** Names of the inputs to differentiate, in the order of the header. */
  readonly grad: readonly string[]
  /** Values of the static options: numbers, and members of choices by their index. */
  readonly statics: ReadonlyMap<string, number>
  /** Names of the inputs with a default that the caller passes; the other defaults become part of the kernel. Scalar options are always given. */
  readonly given: ReadonlySet<string>
  /** What the mean of nothing is: 0 with gradient 0, or NaN as in PyTorch. */
  readonly emptyMean: "zero" | "nan"
  /** True if `...` stands for no axes (or axes of one element) in every call: its loops disappear. Default false. */
  readonly single?: boolean
}
