// Patterns over the core, written in lossc itself: text -> a matcher or a builder of core expressions.
//
// Names are holes. A call names an operator of the table, or a reduction (`sum(e)`, `logsumexp(e)`, ...) that stands for one
// over any axes under any filter; on the right-hand side a reduction runs over the axes and filter that the left-hand side
// matched. Derivatives, identities, rules and their conditions are all read by this file: there is no second notation.
import type * as Ast from "../grammar/ast.ts"
import { parseExpression } from "../grammar/parser.ts"
import {
  type Core,
  type Expr,
  type OpExpr,
  type RefExpr,
  type ReduceOp,
  type Substitution,
  isConst,
} from "./ir.ts"
import { type OpName, ops } from "./ops.ts"
import { reduce, substitute } from "./sums.ts"
import { constants, symbols } from "./symbols.ts"

/** What the holes of a pattern stand for; a reduction that was matched stands under `reduction`. */
export type Holes = Map<string, Expr>

/** The name under which a matched reduction is kept among the holes; no hole can have it. */
const REDUCTION = "[reduction]"

const reductions: ReadonlySet<string> = new Set<ReduceOp>(["sum", "prod", "max", "min", "logsumexp"])

/** A pattern as a tree: what parse gave, with operators resolved. */
export type Pattern = (
  | { readonly kind: "hole"; readonly name: string }
  | { readonly kind: "const"; readonly value: number; readonly bool: boolean }
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Pattern[] }
  | { readonly kind: "reduce"; readonly op: ReduceOp; readonly body: Pattern }
) & {
  /** How many commutative operators it has: each may take its arguments in either order. */
  readonly choices: number
}

/** Reads a pattern. */
export function pattern(text: string): Pattern {
  return fromAst(parseExpression(text), text)
}

function fromAst(e: Ast.Expr, text: string): Pattern {
  const go = (x: Ast.Expr): Pattern => fromAst(x, text)
  switch (e.kind) {
    case "number":
      return constant(e.value)
    case "boolean":
      return { kind: "const", value: +e.value, bool: true, choices: 0 }
    case "name": {
      const value = constants.get(e.name)
      return value === undefined ? { kind: "hole", name: e.name, choices: 0 } : constant(value)
    }
    case "unary": {
      const operand = go(e.operand)
      if (e.operator === "-" && operand.kind === "const") return { ...operand, value: -operand.value }
      return operator(e.operator === "-" ? "neg" : "not", [operand])
    }
    case "binary": {
      const { op, ...how } = symbols[e.operator]
      const args = [go(e.left), go(e.right)]
      if (args.every((x) => x.kind === "const")) return constant(ops[op].eval(...args.map((x) => x.value)))
      return operator(op, "swap" in how ? args.reverse() : args)
    }
    case "if":
      return operator("select", [go(e.condition), go(e.whenTrue), go(e.whenFalse)])
    case "call": {
      const name = e.callee.name
      if (reductions.has(name) && e.arguments.length === 1) {
        const body = go(e.arguments[0]!)
        return { kind: "reduce", op: name as ReduceOp, body, choices: body.choices }
      }
      if (!Object.hasOwn(ops, name)) throw new Error(`no operator ${name} in the pattern ${text}`)
      return operator(name as OpName, e.arguments.map(go))
    }
    default:
      throw new Error(`a ${e.kind} cannot stand in the pattern ${text}`)
  }
}

const constant = (value: number): Pattern => ({ kind: "const", value, bool: false, choices: 0 })

function operator(op: OpName, args: readonly Pattern[]): Pattern {
  const own = ops[op].commutative ? 1 : 0
  return { kind: "op", op, args, choices: args.reduce((sum, x) => sum + x.choices, own) }
}

/** Builds the expression of a pattern whose holes are filled. */
export function build(core: Core, p: Pattern, holes: Holes): Expr {
  switch (p.kind) {
    case "hole": {
      const e = holes.get(p.name)
      if (!e) throw new Error(`the hole ${p.name} is empty`)
      return e
    }
    case "const":
      return p.bool ? core.bool(p.value !== 0) : core.const(p.value)
    case "op":
      return core.op(p.op, ...p.args.map((x) => build(core, x, holes)))
    case "reduce": {
      const { def, index } = holes.get(REDUCTION) as RefExpr
      const inner = reduce(core, p.op, def.bound, def.filter, build(core, p.body, holes))
      const map: Substitution = new Map(def.formals.map((f, i) => [f, index[i]!]))
      return substitute(core, inner, map)
    }
  }
}

/**
 * Tries to match an operator applied to arguments (which need not exist as a node yet), with the arguments of commutative
 * operators in every order. On success the holes are filled.
 */
export function matchOp(p: Pattern, op: OpName, args: readonly Expr[], holes: Holes): boolean {
  if (p.kind !== "op" || p.op !== op) return false
  for (let order = 0; order < 2 ** p.choices; order++) {
    holes.clear()
    if (matchArgs(p, args, order, 0, holes)) return true
  }
  return false
}

/**
 * False if arguments cannot match by what stands at the roots of the first two, whatever is inside. Two that are the same may match
 * where others with such roots do not.
 */
export function mayMatch(p: Pattern & { kind: "op" }, args: readonly Expr[]): boolean {
  if (p.args.length !== args.length) return false
  const [p0, p1] = p.args as readonly [Pattern, Pattern?]
  const [x, y] = args as readonly [Expr, Expr?]
  if (!p1 || !y) return alike(p0, x)
  if (p0.kind === "hole" && p1.kind === "hole" && p0.name === p1.name && x !== y) return false
  return (alike(p0, x) && alike(p1, y)) || (ops[p.op].commutative === true && alike(p0, y) && alike(p1, x))
}

function alike(p: Pattern, e: Expr): boolean {
  if (p.kind === "hole") return true
  if (p.kind === "reduce") return e.kind === "ref"
  return p.kind === e.kind && (p.kind !== "op" || p.op === (e as OpExpr).op)
}

/** The bits of `order` from `at` on say which commutative operators swap their arguments, the outermost one the highest. */
function matchArgs(
  p: Pattern & { kind: "op" },
  args: readonly Expr[],
  order: number,
  at: number,
  holes: Holes,
): boolean {
  if (p.args.length !== args.length) return false
  let next = at + p.choices
  let isSwapped = false
  if (ops[p.op].commutative) {
    isSwapped = ((order >> --next) & 1) === 1
    if (isSwapped && args[0] === args[1]) return false
  }
  for (let i = 0; i < args.length; i++) {
    const part = p.args[i]!
    next -= part.choices
    if (!match(part, args[isSwapped ? 1 - i : i]!, order, next, holes)) return false
  }
  return true
}

function match(p: Pattern, e: Expr, order: number, at: number, holes: Holes): boolean {
  switch (p.kind) {
    case "hole": {
      const known = holes.get(p.name)
      if (known) return known === e
      holes.set(p.name, e)
      return true
    }
    case "const":
      return isConst(e, p.value) && (e.type === "bool") === p.bool
    case "op":
      return e.kind === "op" && e.op === p.op && matchArgs(p, e.args, order, at, holes)
    case "reduce":
      if (e.kind !== "ref" || e.def.op !== p.op || holes.has(REDUCTION)) return false
      holes.set(REDUCTION, e)
      return match(p.body, e.def.body, order, at, holes)
  }
}

/** A pattern over named parameters that is built often: derivatives, expansions. */
export function template(text: string): (core: Core, holes: Readonly<Record<string, Expr>>) => Expr {
  let parsed: Pattern | undefined
  return (core, holes) => build(core, (parsed ??= pattern(text)), new Map(Object.entries(holes)))
}
