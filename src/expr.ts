// The core's data: interned expressions over named axes, and the reductions ("definitions") they read.
//
// An expression is a function from axis indices to a scalar. Reductions are never nested in expressions: each is a
// closed definition `{ op, formals, bound, filter, body }`, read through `ref` like a virtual array. Substituting an
// axis therefore touches index arguments only, never goes under a binder, and cannot capture a name.
import type { OpName } from "./ops.ts"
import type { Input, ScalarType } from "./types.ts"

interface Node {
  /** Creation number: identity for maps, never an ordering. */
  readonly id: number
  /** A number for what stands at the root: its kind, and which operator of the table it is. */
  readonly head: number
  readonly type: ScalarType
  /** Free axes, each once, in structural order. */
  readonly axes: readonly AxisExpr[]
  /** The references in it, each once, those in indices of others included, children before parents. */
  readonly refs: readonly RefExpr[]
  /** What was found out about it: see `node-fact.ts`. */
  readonly facts: unknown[] | undefined
  /** The last walk that met it: see `graph.ts`. */
  readonly walk: number
}
/** A literal. Booleans are 0 and 1. */
export interface ConstExpr extends Node {
  readonly kind: "const"
  readonly value: number
}
/** The extent of an input's axis, known when a kernel is called. */
export interface SizeExpr extends Node {
  readonly kind: "size"
  readonly name: string
}
/** An index: runs from 0 to extent - 1. Two axes are the same if name and extent are. */
export interface AxisExpr extends Node {
  readonly kind: "axis"
  readonly name: string
  /** An int without axes. */
  readonly extent: Expr
}
/** An element of an input; a scalar input is loaded with no indices. */
export interface LoadExpr extends Node {
  readonly kind: "load"
  readonly input: Input
  readonly index: readonly Expr[]
}
/** An element of a definition. */
export interface RefExpr extends Node {
  readonly kind: "ref"
  readonly def: Def
  readonly index: readonly Expr[]
}
/** An operator of the table applied to arguments. */
export interface OpExpr extends Node {
  readonly kind: "op"
  readonly op: OpName
  readonly args: readonly Expr[]
}
/** A core expression. */
export type Expr = ConstExpr | SizeExpr | AxisExpr | LoadExpr | RefExpr | OpExpr

type Own<E> = E extends Expr ? Omit<E, keyof Node | "kind"> : never
type Fields = Partial<
  Record<"value" | "name" | "extent" | "input" | "def" | "index" | "op" | "args", unknown>
>

/** The numbers of the kinds; operators follow one another from that of `op` on. */
export const heads: Readonly<Record<Expr["kind"], number>> = {
  const: 0,
  size: 1,
  axis: 2,
  load: 3,
  ref: 4,
  op: 5,
}

/**
 * A node with the fields that its kind has; those of other kinds are there too, undefined: an engine reads fields fastest from
 * objects of one shape, and every pass reads those of all kinds. `operator` is the place of an operator in the table.
 */
export function node<K extends Expr["kind"]>(
  kind: K,
  id: number,
  type: ScalarType,
  axes: readonly AxisExpr[],
  refs: readonly RefExpr[],
  own: Own<Extract<Expr, { kind: K }>>,
  operator = 0,
): Extract<Expr, { kind: K }> {
  const { value, name, extent, input, def, index, op, args } = own as Fields
  const head = heads[kind] + operator
  // prettier-ignore
  const all = {
    id, kind, head, type, axes, refs, facts: undefined, walk: 0,
    value, name, extent, input, def, index, op, args,
  }
  return all as unknown as Extract<Expr, { kind: K }>
}

/**
 * How a definition combines the values of its body over its bound axes. `let` has no bound axes: a named value. `argsort`
 * keeps its bound axis as its last formal: the places of the values in ascending order, equal ones as they stand, NaN last.
 * `state` and `step` are the two sides of a recurrence.
 */
export type ReduceOp =
  "sum" | "prod" | "max" | "min" | "logsumexp" | "argmax" | "argmin" | "argsort" | "let" | "state" | "step"

/** Whether the values of a definition are places on its bound axis. */
export const givesPlaces = (op: ReduceOp): boolean => op === "argmax" || op === "argmin" || op === "argsort"

/**
 * A fold or scan: states that pass from one index of an axis to the next. Each state is a pair of definitions whose first
 * formal is that axis: `state` is the value before a step (its body is the initial value, which lacks the axis), `step`
 * the value after it (its body reads the states). The graph has no cycle: that a state is what the step before it gave
 * is known to recurrences alone.
 */
export interface Recurrence {
  /** Opened earlier, numbered lower: a recurrence inside the step of another has the higher number. */
  readonly id: number
  /** Whether the last index comes first. */
  readonly descending: boolean
  readonly states: readonly Def[]
  /** In the order of the states; empty until the recurrence is closed. */
  readonly steps: readonly Def[]
}

/** A closed reduction: `body` and `filter` mention formals and bound axes only. */
export interface Def {
  readonly id: number
  readonly op: ReduceOp
  readonly type: ScalarType
  readonly formals: readonly AxisExpr[]
  readonly bound: readonly AxisExpr[]
  /** A bool; the constant true if every index counts. */
  readonly filter: Expr
  readonly body: Expr
  /** Pairs of formal positions that may be exchanged without changing the value. */
  readonly symmetric: readonly (readonly [number, number])[]
  /** Set for states and steps. */
  readonly recurrence: Recurrence | undefined
}

/** What a reduction gives when no index passes its filter; arg reductions have no such value. */
export const identities: Readonly<Partial<Record<ReduceOp, number>>> = {
  sum: 0,
  prod: 1,
  max: -Infinity,
  min: Infinity,
  logsumexp: -Infinity,
}

/** A finite map from axes to the expressions that replace them. */
export type Substitution = ReadonlyMap<AxisExpr, Expr>

/** True for the constant with this value. */
export const isConst = (e: Expr, value: number): boolean => e.kind === "const" && e.value === value

/** The conjuncts of a condition in evaluation order. */
export function conjuncts(condition: Expr): Expr[] {
  const out: Expr[] = []
  const go = (c: Expr): void => {
    if (c.kind === "op" && c.op === "and") c.args.forEach(go)
    else if (!isConst(c, 1)) out.push(c)
  }
  go(condition)
  return out
}
