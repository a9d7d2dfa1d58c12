/** The tree of a source text: what was written, with spans, before any name means anything. */

import type { Source, Span } from "../src/source.ts"

/** A `//` comment, or a `///` line when `doc` is set; `text` has neither slashes nor margins. */
export interface Comment {
  readonly kind: "comment"
  readonly text: string
  readonly doc: boolean
  readonly span: Span
}

// ---------------------------------------------------------------------------------- declarations

/** A whole text: declarations, or one bare expression. */
export interface File {
  readonly kind: "file"
  /** The text that all spans of this tree point into. */
  readonly source: Source
  readonly declarations: readonly Declaration[]
  /** Every comment that documents nothing, in order; docs are on what they document. */
  readonly comments: readonly Comment[]
  readonly span: Span
}

export type Declaration = Use | Def | Loss | Bare

/** `use "./mine.loss"` */
export interface Use {
  readonly kind: "use"
  readonly docs: readonly Comment[]
  readonly path: StringLiteral
  readonly span: Span
}

/** `def f[k](x, eps = 1e-12) = …`: inlined where it is called. */
export interface Def {
  readonly kind: "def"
  readonly docs: readonly Comment[]
  readonly name: Name
  readonly axes: readonly Axis[]
  readonly arguments: readonly Argument[]
  readonly body: Expr
  readonly span: Span
}

/** `loss f[b](x; margin = 1) = … where … per …` */
export interface Loss {
  readonly kind: "loss"
  readonly docs: readonly Comment[]
  readonly name: Name
  /** The batch axes; none means that the loss is one number. */
  readonly axes: readonly Axis[]
  /** What stands before `;`. */
  readonly arguments: readonly Argument[]
  /** What stands after `;`. */
  readonly options: readonly Argument[]
  readonly body: Body
  readonly span: Span
}

/** A loss without a header: its free names are its inputs. It is alone in its file. */
export interface Bare {
  readonly kind: "bare"
  readonly docs: readonly Comment[]
  readonly body: Body
  readonly span: Span
}

/** What a loss computes. The bindings of the `let`s at its head are in scope in all three parts. */
export interface Body {
  readonly kind: "body"
  readonly bindings: readonly Binding[]
  readonly value: Expr
  /** `where`: the rows that count. */
  readonly where: Expr | undefined
  /** `per`: the weight a row adds to the denominator of a mean. */
  readonly per: Expr | undefined
  readonly span: Span
}

/** `x`, `shared w: [c] = 1`, `delta: real > 0 = 1`, `kind: "a" | "b" = "a"` */
export interface Argument {
  readonly kind: "argument"
  readonly docs: readonly Comment[]
  readonly modifier: "shared" | "static" | undefined
  readonly name: Name
  readonly type: Type | undefined
  readonly domain: Domain | undefined
  readonly default: Expr | undefined
  readonly span: Span
}

/** `[c, h, w]`, `int`, `[k] index? c`. An absent scalar means real. */
export interface Type {
  readonly kind: "type"
  readonly axes: readonly Axis[]
  readonly scalar: Scalar | undefined
  readonly span: Span
}

/** What an axis list names: `c`, `...`, or `side: (x1, y1, x2, y2)`. */
export type Axis = Name | Rest | Components

/** `...`: the axes that have no names here. */
export interface Rest {
  readonly kind: "rest"
  readonly span: Span
}

/** An axis of named entries, itself named or not. */
export interface Components {
  readonly kind: "components"
  readonly name: Name | undefined
  readonly members: readonly Name[]
  readonly span: Span
}

export type Scalar = Plain | IndexOf | Choice

export interface Plain {
  readonly kind: "plain"
  readonly type: "real" | "int" | "bool"
  readonly span: Span
}

/** `index c`, or `index? c` when `sentinel`: a label of axis c that may hold other values too. */
export interface IndexOf {
  readonly kind: "index"
  readonly sentinel: boolean
  readonly axis: Name
  readonly span: Span
}

/** `"sigmoid" | "hinge"` */
export interface Choice {
  readonly kind: "choice"
  readonly members: readonly StringLiteral[]
  readonly span: Span
}

/** Which values an argument takes: `in [0, 1]`, or `> 0 and < 1`. */
export type Domain = Interval | Bounds

/** Both ends are inside. */
export interface Interval {
  readonly kind: "interval"
  readonly low: Expr
  readonly high: Expr
  readonly span: Span
}

export interface Bounds {
  readonly kind: "bounds"
  readonly bounds: readonly Bound[]
  readonly span: Span
}

export interface Bound {
  readonly kind: "bound"
  readonly operator: "<" | "<=" | ">" | ">=" | "!="
  readonly value: Expr
  readonly span: Span
}

// ----------------------------------------------------------------------------------- expressions

export type Expr =
  | NumberLiteral
  | BooleanLiteral
  | StringLiteral
  | Name
  | Call
  | Binary
  | Unary
  | If
  | Let
  | Substitute
  | Member
  | Tuple
  | Fold

/** `text` is the number as it was written, so that it prints the same. */
export interface NumberLiteral {
  readonly kind: "number"
  readonly value: number
  readonly text: string
  readonly span: Span
}

export interface BooleanLiteral {
  readonly kind: "boolean"
  readonly value: boolean
  readonly span: Span
}

/** A choice, or the path of a `use`. */
export interface StringLiteral {
  readonly kind: "string"
  readonly value: string
  readonly span: Span
}

/** A name where it is declared and where it is used. */
export interface Name {
  readonly kind: "name"
  readonly name: string
  readonly span: Span
}

/** `f(x)`, `huber(x, y, delta = 2)`, `sum[j in b if j != b](e)` */
export interface Call {
  readonly kind: "call"
  readonly callee: Name
  readonly binders: readonly Binder[]
  readonly filter: Expr | undefined
  readonly arguments: readonly Expr[]
  readonly named: readonly NamedArgument[]
  readonly span: Span
}

export interface NamedArgument {
  readonly kind: "named-argument"
  readonly name: Name
  readonly value: Expr
  readonly span: Span
}

/** `d`, `...`, `j in b`, `p in 0 .. 1`, `_ in iters` */
export interface Binder {
  readonly kind: "binder"
  readonly index: Name | Rest
  readonly range: Range | undefined
  readonly span: Span
}

/** What an index runs over. */
export type Range = Extent | FromTo

/** One expression: the name of an axis, or a count. */
export interface Extent {
  readonly kind: "extent"
  readonly value: Expr
  readonly span: Span
}

/** `low .. high`, both ends inside. */
export interface FromTo {
  readonly kind: "from-to"
  readonly low: Expr
  readonly high: Expr
  readonly span: Span
}

export type BinaryOperator =
  "or" | "and" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "^"

export interface Binary {
  readonly kind: "binary"
  readonly operator: BinaryOperator
  readonly left: Expr
  readonly right: Expr
  /** Where the operator itself stands. */
  readonly at: Span
  readonly span: Span
}

export interface Unary {
  readonly kind: "unary"
  readonly operator: "-" | "not"
  readonly operand: Expr
  readonly span: Span
}

export interface If {
  readonly kind: "if"
  readonly condition: Expr
  readonly whenTrue: Expr
  readonly whenFalse: Expr
  readonly span: Span
}

export interface Let {
  readonly kind: "let"
  readonly bindings: readonly Binding[]
  readonly body: Expr
  readonly span: Span
}

/** Each binding sees the earlier ones. */
export type Binding = ValueBinding | FunctionBinding | TupleBinding | AxisBinding

/** `a = …`, or a table over the axes it binds: `s[j in b] = …` */
export interface ValueBinding {
  readonly kind: "value-binding"
  readonly name: Name
  readonly binders: readonly Binder[]
  readonly value: Expr
  readonly span: Span
}

/** `f(x) = …`, `f[k](x) = …` */
export interface FunctionBinding {
  readonly kind: "function-binding"
  readonly name: Name
  readonly axes: readonly Axis[]
  readonly arguments: readonly Argument[]
  readonly body: Expr
  readonly span: Span
}

/** `(f, g) = …` */
export interface TupleBinding {
  readonly kind: "tuple-binding"
  readonly names: readonly Name[]
  readonly value: Expr
  readonly span: Span
}

/** `axis s = 0 .. 2 * size(u)`, `axis w = v` */
export interface AxisBinding {
  readonly kind: "axis-binding"
  readonly name: Name
  readonly range: Range
  readonly span: Span
}

/** `x[c = y, b = j]`, with `?? default` for indices out of range. All entries apply at once. */
export interface Substitute {
  readonly kind: "substitute"
  readonly target: Expr
  readonly entries: readonly Entry[]
  readonly default: Expr | undefined
  readonly span: Span
}

export interface Entry {
  readonly kind: "entry"
  readonly axis: Name | Rest
  readonly value: Expr
  readonly span: Span
}

/** `box.x1` */
export interface Member {
  readonly kind: "member"
  readonly target: Expr
  readonly name: Name
  readonly span: Span
}

/** `(f, g)`: two items or more. */
export interface Tuple {
  readonly kind: "tuple"
  readonly items: readonly Expr[]
  readonly span: Span
}

/** `fold[t if t < n](a: [s] = 0) => …`; a scan keeps the axis. */
export interface Fold {
  readonly kind: "fold"
  readonly form: "fold" | "scan"
  readonly binders: readonly Binder[]
  readonly filter: Expr | undefined
  /** `; grad envelope`: how to differentiate. */
  readonly grad: "envelope" | "unroll" | undefined
  readonly states: readonly State[]
  readonly step: Expr
  readonly span: Span
}

export interface State {
  readonly kind: "state"
  readonly name: Name
  readonly type: Type | undefined
  readonly initial: Expr
  readonly span: Span
}

/** Every node of the tree. */
export type Node =
  | File
  | Declaration
  | Body
  | Argument
  | Type
  | Axis
  | Scalar
  | Domain
  | Bound
  | Expr
  | NamedArgument
  | Binder
  | Range
  | Binding
  | Entry
  | State
