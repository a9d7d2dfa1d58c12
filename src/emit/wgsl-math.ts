// Operators of the table -> WGSL expressions, and the functions that these call.
import { type OpName, ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { elementary } from "./wgsl-elementary.ts"
import { isSpecial, specialFunction, specialName } from "./wgsl-special.ts"

/** An expression, and the functions that it calls. */
export interface WgslExpression {
  readonly expression: string
  readonly uses: readonly string[]
}

/** Operators that WGSL has under a name or symbol of its own; `$` stands for an argument. Types are those of the operands. */
const direct: Partial<Record<OpName, string>> = {
  add: "($0 + $1)",
  sub: "($0 - $1)",
  mul: "($0 * $1)",
  div: "($0 / $1)",
  neg: "(-$0)",
  sqrt: "sqrt($0)",
  root: "sqrt($0)",
  abs: "abs($0)",
  sign: "sign($0)",
  clampMin: "max($0, $1)",
  clampMax: "min($0, $1)",
  clamp: "min(max($0, $1), $2)",
  max: "max($0, $1)",
  min: "min($0, $1)",
  eq: "($0 == $1)",
  ne: "($0 != $1)",
  lt: "($0 < $1)",
  le: "($0 <= $1)",
  and: "($0 && $1)",
  or: "($0 || $1)",
  not: "!($0)",
  stop: "$0",
  surrogate: "$0",
}

/** The expression of an operator over names or literals of types, as a value of a type. */
export function wgslOperation(
  op: OpName,
  args: readonly string[],
  types: readonly ScalarType[],
  type: ScalarType,
): WgslExpression {
  const plain = (expression: string): WgslExpression => ({ expression, uses: [] })
  const common = commonType(op, types, type)
  const operands = args.map((x, i) => (types[i] === "bool" ? x : converted(x, types[i]!, common)))
  const zero = { real: "0.0f", int: "0", bool: "false" }[type]
  switch (op) {
    case "select":
      return plain(`select(${operands[2]}, ${operands[1]}, ${operands[0]})`)
    case "guard":
      return plain(`select(${zero}, ${operands[1]}, ${operands[0]})`)
    case "relu":
      return plain(`max(${operands[0]}, ${zero})`)
    case "floor":
    case "ceil": {
      if (types[0] === "int") return plain(operands[0]!)
      const whole = `${op}(${args[0]})`
      return plain(type === "int" ? `i32(${whole})` : whole)
    }
    case "indicator":
      return plain(converted(`select(0, 1, ${operands[0]})`, "int", type))
  }
  const template = direct[op]
  if (template) {
    const expression = template.replace(/\$(\d)/g, (_, i: string) => operands[Number(i)]!)
    return plain(isComparison(op) ? expression : converted(expression, common, type))
  }
  const made = call(op, operands)
  return { expression: converted(made.expression, common, type), uses: made.uses }
}

/** The texts of functions and of those that they call, each after those that it calls. */
export function wgslFunctions(uses: Iterable<string>): string {
  const texts = new Map<string, string>()
  const visit = (name: string): void => {
    if (texts.has(name)) return
    const known = elementary[name]
    const called = new Set<string>()
    const text =
      known?.text ??
      specialFunction(name, (other, args) => {
        const { expression, uses } = applied(other, args)
        for (const x of uses) called.add(x)
        return expression
      })
    for (const other of known?.uses ?? called) visit(other)
    texts.set(name, text)
  }
  for (const name of [...uses].sort()) visit(name)
  return [...texts.values()].join("\n")
}

/** An operator or another function inside a special function, where all numbers are real. */
function applied(name: string, args: readonly string[]): WgslExpression {
  if (!(name in ops)) return call(name, args)
  const op = name as OpName
  const given = args.map((_, i): ScalarType => (ops[op].takes[i] === "bool" ? "bool" : "real"))
  return wgslOperation(op, args, given, ops[op].type(given) === "bool" ? "bool" : "real")
}

function call(name: string, args: readonly string[]): WgslExpression {
  if (!elementary[name] && !isSpecial(name)) throw new Error(`no shader computes ${name}`)
  const own = elementary[name] ? `f_${name}` : specialName(name)
  return { expression: `${own}(${args.join(", ")})`, uses: [name] }
}

const isComparison = (op: OpName): boolean => ops[op].type([]) === "bool"

/** The type in which an operator computes: that of its result, or for comparisons the one that fits both sides. */
function commonType(op: OpName, types: readonly ScalarType[], type: ScalarType): ScalarType {
  if (op === "idiv" || op === "mod") return "int"
  const numbers = types.filter((t) => t !== "bool")
  if (isComparison(op)) return numbers.includes("real") ? "real" : "int"
  if (op === "select" || op === "guard") return type
  const { takes } = ops[op]
  if (takes.every((t) => t === "number") && type === "int") return numbers.includes("real") ? "real" : "int"
  return type === "bool" ? "int" : "real"
}

function converted(text: string, from: ScalarType, to: ScalarType): string {
  if (from === to || from === "bool") return text
  if (to === "real") return `f32(${text})`
  return to === "int" ? `i32(${text})` : text
}
