// The types of values and of arrays, and what a loss declares about each of its arguments.
import type { Expr } from "./ir.ts"

/** What a scalar of the language is. A bool is never a number; an int may stand where a real is wanted. */
export type ScalarType = "real" | "int" | "bool"

/** The element type of kernels in memory. Arithmetic is done in f64 by the CPU targets whatever it is. */
export type Dtype = "f32" | "f64"

/** How the losses of the rows become the result of a kernel. */
export type Reduction = "mean" | "sum" | "none"

/** An axis of an argument as declared: its name, and its extent as a core expression over sizes and static options. */
export interface Dimension {
  readonly name: string
  readonly extent: Expr
  /** The names of its entries, if they have some. */
  readonly components?: readonly string[]
}

/** An axis as a type writes it: `c`, or `side: (x1, y1, x2, y2)`. */
export function dimensionText({ name, components }: Dimension): string {
  const list = components && `(${components.join(", ")})`
  return list === undefined || list === name ? name : `${name}: ${list}`
}

/** Where an argument stands: one value a row, the same for all rows, or an option behind the semicolon. */
export type Role = "sample" | "shared" | "option"

/** An interval of admissible values. Bounds are core expressions without axes (they may use sizes). */
export interface Domain {
  readonly low?: { readonly value: Expr; readonly strict: boolean }
  readonly high?: { readonly value: Expr; readonly strict: boolean }
  /** A value that is excluded (`real != 0`). */
  readonly not?: Expr
}

/** An argument of a loss. Identity is by object; names are unique inside one loss. */
export interface Input {
  readonly name: string
  readonly type: ScalarType
  readonly role: Role
  /** Axes in memory order, batch axes included; empty for a scalar. A batch of any rank (`...`) is one flattened axis. */
  readonly dimensions: readonly Dimension[]
  /** Set for labels (`index c`, `index? c`): the name and extent of the axis pointed into. */
  readonly label?: { readonly axis: string; readonly extent: Expr; readonly optional: boolean }
  readonly domain?: Domain
  /** True if a range proof relied on the domain, so that every call must check it. */
  readonly domainUsed?: boolean
  /** The members of a choice (`"sigmoid" | "hinge"`); its value in the core is the index of the member. */
  readonly choices?: readonly string[]
  /** Fixed when a kernel is made: choices, and integers that size an axis. */
  readonly isStatic: boolean
  /** A value for every index of the declared axes, or the elements of a vector. Absent: the argument is required. */
  readonly default?: { readonly expr: Expr } | { readonly vector: readonly number[] }
  readonly doc?: string
}
