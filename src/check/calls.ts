// Calls -> values: operators of the table, functions of the language, and functions and losses that are inlined.
import type * as Ast from "../../grammar/ast.ts"
import { nearest } from "../diagnostics.ts"
import type { Expr } from "../ir.ts"
import { flatMap } from "../lists.ts"
import { arity } from "../modules.ts"
import { type OpName, ops } from "../ops.ts"
import { terms } from "../flat.ts"
import { resolveAxis } from "./axes.ts"
import type { Checking } from "./checking.ts"
import { inline } from "./inline.ts"
import { condition, int, number, single } from "./operands.ts"
import { argsort } from "./argsort.ts"
import { reduction, reductions } from "./reductions.ts"
import { type Callable, type Scope, find, findFunctions, names } from "./scope.ts"
import { type Need, type Scalar, type Value, broken, plain, scalar } from "./values.ts"

/** Functions of the language that are neither operators nor written in it. */
const special = new Set(["size", "div", "argsort"])

/** Whether a name is that of a function of the language or of an operator. */
export function isBuiltIn(name: string): boolean {
  return isReserved(name) || operatorOf(name) !== undefined
}

/** Names that no declaration may take: they are part of the language. */
export function isReserved(name: string): boolean {
  return reductions.has(name) || special.has(name)
}

/** Reads a call. */
export function call(c: Checking, node: Ast.Call, scope: Scope): Value {
  const { name } = node.callee
  if (reductions.has(name)) return reduction(c, node, scope)
  if (name === "size") return size(c, node, scope)
  if (name === "argsort") return argsort(c, node, scope)
  const declared = lookup(c, name, scope)
  const given = node.arguments.length + node.named.length
  const fits = declared.find((one) => accepts(one, node))
  if (fits) return inline(c, fits, node, scope)
  const op = operatorOf(name)
  if (op && (declared.length === 0 || ops[op].params.length === given)) return operator(c, op, node, scope)
  node.arguments.forEach((argument) => c.evaluate(argument, scope))
  node.named.forEach((argument) => c.evaluate(argument.value, scope))
  const meant = synonyms.get(name)
  if (
    declared[0]?.module.isLibrary &&
    meant &&
    operatorOf(meant) &&
    ops[operatorOf(meant)!].params.length === given
  )
    return c.fail(
      scope,
      node.callee.span,
      "unknown-function",
      `\`${name}\` is a loss of the library with ${amount(arity(declared[0])[1], "argument")}`,
      { label: `did you mean \`${meant}\`?` },
    )
  if (declared.length > 0) return inline(c, declared[0]!, node, scope)
  return unknown(c, node, scope)
}

/** Every declaration a name may mean, nearest first. */
function lookup(c: Checking, name: string, scope: Scope): Callable[] {
  const { module } = scope.frame
  const own = [
    ...findFunctions(scope, name),
    ...(module.declared.get(name) ?? []),
    ...flatMap(module.uses, (one) => one.declared.get(name) ?? []),
  ]
  return [...own, ...c.library.find(name).filter((one) => !own.includes(one))]
}

function accepts(callable: Callable, node: Ast.Call): boolean {
  const [least, most] = arity(callable)
  const { declaration } = callable
  const options = declaration.kind === "loss" ? declaration.options : []
  const byName = node.named.filter((n) => declaration.arguments.some((a) => a.name.name === n.name.name))
  const others = node.named.filter((n) => !byName.includes(n))
  const given = node.arguments.length + byName.length
  return (
    given >= least && given <= most && others.every((n) => options.some((o) => o.name.name === n.name.name))
  )
}

/** The operator of the table that may be called by a name. */
function operatorOf(name: string): OpName | undefined {
  if (name === "div") return "idiv"
  if (!Object.hasOwn(ops, name)) return undefined
  const op = name as OpName
  return ops[op].internal ? undefined : op
}

function operator(c: Checking, op: OpName, node: Ast.Call, scope: Scope): Value {
  const { name } = node.callee
  const entry = ops[op]
  if (node.binders.length > 0 || node.filter) {
    node.arguments.forEach((argument) => c.evaluate(argument, scope))
    return c.fail(
      scope,
      node.span,
      "no-brackets",
      `\`${name}\` works on single values and takes no axis in brackets`,
      { help: `write \`${name}(…)\`` },
    )
  }
  for (const { name: called } of node.named)
    c.fail(scope, called.span, "unknown-argument", `\`${name}\` has no named arguments`, {
      help: `write \`${name}(${entry.params.join(", ")})\``,
    })
  const many = op === "logaddexp"
  const { length } = node.arguments
  if (node.named.length > 0 || (many ? length < 2 : length !== entry.params.length)) {
    node.arguments.forEach((argument) => c.evaluate(argument, scope))
    if (node.named.length > 0) return broken
    return c.fail(
      scope,
      node.span,
      "argument-count",
      `\`${name}\` takes ${many ? "two or more values" : amount(entry.params.length, "value")}, and there ${length === 1 ? "is 1" : `are ${length}`}`,
      {
        help: `write \`${name}(${entry.params.join(", ")})\``,
      },
    )
  }
  const values = node.arguments.map((argument, i) =>
    operand(c, entry.takes[Math.min(i, entry.takes.length - 1)]!, name, argument, scope),
  )
  if (values.includes(undefined)) return broken
  const list = values as Scalar[]
  const exprs = list.map((v) => v.expr)
  const expr = many ? exprs.reduce((x, y) => c.core.op(op, x, y)) : c.core.op(op, ...exprs)
  return scalar(c.watch(expr), list, op === "sqrt" ? [positive(c, exprs[0]!, node, scope)].flat() : [])
}

function operand(
  c: Checking,
  takes: "number" | "int" | "bool" | "any",
  name: string,
  node: Ast.Expr,
  scope: Scope,
): Scalar | undefined {
  if (takes === "int") return int(c, node, scope, `an operand of \`${name}\``)
  if (takes === "bool") return condition(c, node, scope)
  return takes === "any" ? single(c, node, scope) : number(c, node, scope)
}

/** Only a warning: the derivative of a square root at 0 is infinite. */
function positive(c: Checking, e: Expr, node: Ast.Call, scope: Scope): Need[] {
  if (e.kind === "const" || scope.frame.site) return []
  const sumOfSquares = e.kind === "ref" && e.def.op === "sum"
  const kept = terms(e).some(({ term, negative }) => !negative && term.kind === "const" && term.value > 0)
  if (sumOfSquares || kept) return []
  return [
    {
      kind: "condition",
      condition: c.core.op("lt", c.core.zero, e),
      given: [],
      place: c.place(scope.frame, node.span),
      failure: {
        code: "sqrt-zero",
        message: `the derivative of ${c.quote(scope, node)} is infinite where ${c.quote(scope, node.arguments[0]!)} is 0`,
        help: "add a small number, choose with `if … > 0`, or use `norm` for the length of a vector",
      },
      entry: "",
      lint: true,
    },
  ]
}

function size(c: Checking, node: Ast.Call, scope: Scope): Value {
  const [axis] = node.arguments
  if (
    axis?.kind !== "name" ||
    node.arguments.length !== 1 ||
    node.binders.length > 0 ||
    node.named.length > 0
  )
    return c.fail(scope, node.span, "size-of", "`size` takes the name of one axis", {
      help: "write `size(c)`",
    })
  const group = resolveAxis(c, axis, scope)
  if (!group) return broken
  return plain(
    group.items.map((one) => one.axis.extent).reduce((x, y) => c.core.op("mul", x, y), c.core.one as Expr),
  )
}

const amount = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

/** What people write for functions that are called otherwise here. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ["ln", "log"],
  ["square", "x^2"],
  ["pow", "x^y"],
  ["power", "x^y"],
  ["maximum", "max"],
  ["minimum", "min"],
  ["clip", "clamp"],
  ["where", "if c then a else b"],
  ["var", "variance"],
  ["detach", "stop"],
  ["stop_gradient", "stop"],
  ["cosine_similarity", "cosine"],
  ["len", "size"],
  ["numel", "size"],
  ["length", "size"],
  ["fabs", "abs"],
  ["arctan", "atan"],
  ["arccos", "acos"],
  ["arcsin", "asin"],
  ["arctan2", "atan2"],
  ["arctanh", "atanh"],
  ["gammaln", "lgamma"],
  ["psi", "digamma"],
  ["betaln", "lbeta"],
  ["expit", "sigmoid"],
  ["ndtr", "normalCdf"],
  ["log_ndtr", "logNormalCdf"],
  ["negate", "-x"],
])

function unknown(c: Checking, node: Ast.Call, scope: Scope): Value {
  const { name, span } = node.callee
  const known = find(scope, name)
  if (known)
    return c.fail(
      scope,
      span,
      "not-a-function",
      `\`${name}\` is ${known.kind === "axis" ? `an ${known.group.what === "index" ? "index" : "axis"}` : "a value"} and not a function`,
      {
        help: "for a product write `*`; an axis is replaced with `[axis = …]`",
      },
    )
  const operators = Object.keys(ops).filter((one) => operatorOf(one))
  const candidates = [
    ...names(scope, "function"),
    ...scope.frame.module.declared.keys(),
    ...c.library.names(),
    ...operators,
    ...reductions,
    "size",
    "div",
  ]
  const near = synonyms.get(name) ?? nearest(name, candidates)
  return c.fail(
    scope,
    span,
    "unknown-function",
    `there is no function \`${name}\``,
    near ? { label: `did you mean \`${near}\`?` } : {},
  )
}
