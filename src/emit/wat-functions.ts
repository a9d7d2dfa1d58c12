// The functions of special.ts -> instructions of WebAssembly.
import type * as Ast from "../../grammar/ast.ts"
import { definedFunctions } from "../functions.ts"
import type { OpName } from "../ops.ts"
import { constants, symbols } from "../symbols.ts"
import type { Machine } from "./machine.ts"
import { comparisons, direct } from "./wat-math.ts"

/** Values of the names in scope: expressions that may be read again. */
type Scope = ReadonlyMap<string, string>

/**
 * Writes the body of a function whose arguments are results of `let`; the result is the expression of the value where no branch
 * has returned. `functionOf` makes another function be there and gives its name.
 */
export function definedFunction(
  m: Machine,
  name: string,
  args: readonly string[],
  functionOf: (name: string) => string,
): string {
  const def = definedFunctions().get(name)!

  const body = (e: Ast.Expr, scope: Scope): string => {
    if (e.kind === "let") {
      const inner = new Map(scope)
      for (const binding of e.bindings) {
        const { name, value } = binding as Ast.ValueBinding
        inner.set(name.name, m.let(expression(value, inner)))
      }
      return body(e.body, inner)
    }
    if (e.kind !== "if") return expression(e, scope)
    m.code.block(`(if ${expression(e.condition, scope)} (then`, () =>
      m.code.add(`(return ${body(e.whenTrue, scope)})`),
    )
    m.code.add(")")
    return body(e.whenFalse, scope)
  }

  const expression = (e: Ast.Expr, scope: Scope): string => {
    const go = (x: Ast.Expr): string => expression(x, scope)
    switch (e.kind) {
      case "number":
        return m.num(e.value)
      case "name":
        return scope.get(e.name) ?? m.num(constants.get(e.name)!)
      case "unary":
        return e.operator === "-" ? m.neg(go(e.operand)) : m.not(go(e.operand))
      case "binary": {
        const { op, ...how } = symbols[e.operator]
        const [x, y] = "swap" in how ? [go(e.right), go(e.left)] : [go(e.left), go(e.right)]
        if (op === "and") return m.both(x, y)
        if (op === "or") return m.either(x, y)
        return comparisons[op]?.(m, x, y) ?? apply(op, [x, y])
      }
      case "call": {
        const args = e.arguments.map(go)
        if (e.callee.name !== "polynomial") return apply(e.callee.name, args)
        const [x, ...coefficients] = args
        const at = m.let(x!)
        return coefficients.reduceRight((sum, c) => m.add(m.mul(sum, at), c))
      }
      default:
        throw new Error(`a ${e.kind} cannot stand inside an expression of a special function`)
    }
  }

  const apply = (op: string, args: readonly string[]): string => {
    const write = direct[op as OpName]
    if (write) return write(m, ...args.map((x) => m.let(x)))
    return `(call ${functionOf(op)} ${args.join(" ")})`
  }

  return body(def.body, new Map(def.arguments.map((a, i) => [a.name.name, args[i]!])))
}
