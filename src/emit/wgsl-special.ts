// The functions of special.ts -> WGSL, with the few that f32 needs otherwise.
import type * as Ast from "../../grammar/ast.ts"
import { parse } from "../../grammar/parser.ts"
import { definedFunctions } from "../functions.ts"
import { constants, symbols } from "../symbols.ts"
import { Lines } from "./text.ts"
import { wgslNumber } from "./wgsl-numbers.ts"

/**
 * What f32 needs otherwise. Products of numbers of 12 bits are exact, so what their squares lack is not tiny; and what is added to
 * a small number must not be so much smaller that it is no normal one.
 */
const forShortNumbers = `
def tiny(d) = expm1(d)

def gaussian(x) =
  if abs(x) > 28 then 0
  else let z = short(x) in exp(-z * z) * exp((z - x) * (z + x))

// The zero 1.4616321449683623... is given by two numbers of f32.
def digammaPositive(x) =
  if x >= 2 then let y = x - 0.5 in log(y) + digammaFar(1 / (y * y))
  else if x >= 1 then (kept(x - 1.4616321325302124) - 1.2438149939e-8) * digammaNear(x - 1)
  else (kept(x - 0.4616321325302124) - 1.2438149939e-8) * digammaNear(x) - 1 / x

// The logarithm is less accurate than 1 + x.
def pow1pm1(x, y) =
  let t = y * log1p(x) in
  if abs(t) <= 1 + 0.2 * abs(y) then expm1(t) else (1 + x) ^ y - 1
`

/** x to 12 bits. */
const short = `fn s_short(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }`

let trees: ReadonlyMap<string, Ast.Def> | undefined

function definitionOf(name: string): Ast.Def | undefined {
  trees ??= new Map([
    ...definedFunctions(),
    ...parse({ name: "special functions in f32", text: forShortNumbers }).file.declarations.map(
      (def) => [(def as Ast.Def).name.name, def as Ast.Def] as const,
    ),
  ])
  return trees.get(name)
}

/** Whether special.ts defines a function. */
export const isSpecial = (name: string): boolean => definitionOf(name) !== undefined

/** The name of such a function in a shader. */
export const specialName = (name: string): string => `s_${name}`

/** The text of a function; `apply` writes an operator or the call of another function and takes note of it. */
export function specialFunction(
  name: string,
  apply: (name: string, args: readonly string[]) => string,
): string {
  if (name === "short") return short
  const def = definitionOf(name)!
  const lines = new Lines()
  let count = 0

  const body = (e: Ast.Expr, scope: ReadonlyMap<string, string>): void => {
    if (e.kind === "let") {
      const inner = new Map(scope)
      for (const binding of e.bindings) {
        const { name, value } = binding as Ast.ValueBinding
        const text = expression(value, inner)
        const local = `v${count++}`
        lines.add(`let ${local} = ${text};`)
        inner.set(name.name, local)
      }
      return body(e.body, inner)
    }
    if (e.kind !== "if") return lines.add(`return ${expression(e, scope)};`)
    lines.open(`if (${expression(e.condition, scope)}) {`)
    body(e.whenTrue, scope)
    lines.close("}")
    body(e.whenFalse, scope)
  }

  const expression = (e: Ast.Expr, scope: ReadonlyMap<string, string>): string => {
    const go = (x: Ast.Expr): string => expression(x, scope)
    switch (e.kind) {
      case "number":
        return wgslNumber(e.value, "real")
      case "name":
        return scope.get(e.name) ?? wgslNumber(constants.get(e.name)!, "real")
      case "unary":
        return apply(e.operator === "-" ? "neg" : "not", [go(e.operand)])
      case "binary": {
        const { op, ...how } = symbols[e.operator]
        const [x, y] = "swap" in how ? [e.right, e.left] : [e.left, e.right]
        // A shader may hold no constant that is no number.
        if (op === "div" && isZero(x) && isZero(y)) return "(u.infinity - u.infinity)"
        return apply(op, [go(x), go(y)])
      }
      case "call": {
        const args = e.arguments.map(go)
        if (e.callee.name === "polynomial") return polynomial(e.arguments, args)
        return apply(e.callee.name, args)
      }
      default:
        throw new Error(`a ${e.kind} cannot stand inside an expression of a special function`)
    }
  }

  const polynomial = (given: readonly Ast.Expr[], [x, ...coefficients]: readonly string[]): string => {
    let at = x!
    if (given[0]!.kind !== "name") {
      at = `v${count++}`
      lines.add(`let ${at} = ${x};`)
    }
    return coefficients.reduceRight((sum, c) => `(${c} + ${at} * ${sum})`)
  }

  const parameters = def.arguments.map((a) => `${local(a.name.name)}: f32`)
  lines.open(`fn ${specialName(name)}(${parameters.join(", ")}) -> f32 {`)
  body(def.body, new Map(def.arguments.map((a) => [a.name.name, local(a.name.name)])))
  lines.close("}")
  return lines.toString()
}

const local = (name: string): string => `x_${name}`

const isZero = (e: Ast.Expr): boolean => e.kind === "number" && e.value === 0
