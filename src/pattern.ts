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
export type Pattern =
  | { readonly kind: "hole"; readonly name: string }
  | { readonly kind: "const"; readonly value: number; readonly bool: boolean }
  | { readonly kind: "op"; readonly op: OpName; readonly args: readonly Pattern[] }
  | { readonly kind: "reduce"; readonly op: ReduceOp; readonly body: Pattern }

/** Reads a pattern. */
export function pattern(text: string): Pattern {
  return fromAst(parseExpression(text), text)
}

function fromAst(e: Ast.Expr, text: string): Pattern {
  const go = (x: Ast.Expr): Pattern => fromAst(x, text)
  switch (e.kind) {
    case "number":
      return { kind: "const", value: e.value, bool: false }
    case "boolean":
      return { kind: "const", value: +e.value, bool: true }
    case "name":
      return constants.has(e.name)
        ? { kind: "const", value: constants.get(e.name)!, bool: false }
        : { kind: "hole", name: e.name }
    case "unary": {
      const operand = go(e.operand)
      if (e.operator === "-" && operand.kind === "const") return { ...operand, value: -operand.value }
      return { kind: "op", op: e.operator === "-" ? "neg" : "not", args: [operand] }
    }
    case "binary": {
      const { op, ...how } = symbols[e.operator]
      const args = [go(e.left), go(e.right)]
      if (args.every((x) => x.kind === "const"))
        return {
          kind: "const",
          value: ops[op].eval(...args.map((x) => (x as { value: number }).value)),
          bool: false,
        }
      return { kind: "op", op, args: "swap" in how ? args.reverse() : args }
    }
    case "if":
      return { kind: "op", op: "select", args: [go(e.condition), go(e.whenTrue), go(e.whenFalse)] }
    case "call": {
      const name = e.callee.name
      if (reductions.has(name) && e.arguments.length === 1)
        return { kind: "reduce", op: name as ReduceOp, body: go(e.arguments[0]!) }
      if (!Object.hasOwn(ops, name)) throw new Error(`no operator ${name} in the pattern ${text}`)
      return { kind: "op", op: name as OpName, args: e.arguments.map(go) }
    }
    default:
      throw new Error(`a ${e.kind} cannot stand in the pattern ${text}`)
  }
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
 * Tries to match an operator applied to arguments (which need not exist as a node yet). Alternatives of commutative
 * operators are all tried. On success the holes are filled.
 */
export function matchOp(p: Pattern, op: OpName, args: readonly Expr[], holes: Holes): boolean {
  return p.kind === "op" && p.op === op && matchArgs(p, args, holes, () => true)
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

function matchArgs(
  p: Pattern & { kind: "op" },
  args: readonly Expr[],
  holes: Holes,
  next: () => boolean,
): boolean {
  const inOrder = (at: number, list: readonly Expr[]): boolean =>
    at === p.args.length ? next() : match(p.args[at]!, list[at]!, holes, () => inOrder(at + 1, list))
  if (p.args.length !== args.length) return false
  if (inOrder(0, args)) return true
  return ops[p.op].commutative === true && args[0] !== args[1] && inOrder(0, [args[1]!, args[0]!])
}

/** Matches and continues; when the continuation fails, the holes are emptied again. */
function match(p: Pattern, e: Expr, holes: Holes, next: () => boolean): boolean {
  switch (p.kind) {
    case "hole": {
      const known = holes.get(p.name)
      if (known) return known === e && next()
      holes.set(p.name, e)
      if (next()) return true
      holes.delete(p.name)
      return false
    }
    case "const":
      return isConst(e, p.value) && (e.type === "bool") === p.bool && next()
    case "op":
      return e.kind === "op" && e.op === p.op && matchArgs(p, e.args, holes, next)
    case "reduce": {
      if (e.kind !== "ref" || e.def.op !== p.op || holes.has(REDUCTION)) return false
      holes.set(REDUCTION, e)
      if (match(p.body, e.def.body, holes, next)) return true
      holes.delete(REDUCTION)
      return false
    }
  }
}

/** A pattern over named parameters that is built often: derivatives, expansions. */
export function template(text: string): (core: Core, holes: Readonly<Record<string, Expr>>) => Expr {
  let parsed: Pattern | undefined
  return (core, holes) => build(core, (parsed ??= pattern(text)), new Map(Object.entries(holes)))
}
