// The functions of special.ts -> their trees, and their values over any kind of number.
import type * as Ast from "../grammar/ast.ts"
import { parse } from "../grammar/parser.ts"
import { specialFunctions } from "./special.ts"
import { constants, symbols } from "./symbols.ts"

/** Arithmetic over one kind of number, by the names of the operator table. Conditions are 0 and 1. */
export interface Arithmetic<V> {
  readonly of: (value: number) => V
  /** The ordinary number that decides conditions. */
  readonly real: (value: V) => number
  readonly apply: (op: string, args: readonly V[]) => V
}

let trees: ReadonlyMap<string, Ast.Def> | undefined

/** Every function by name. */
export function definedFunctions(): ReadonlyMap<string, Ast.Def> {
  if (!trees) {
    const { file, diagnostics } = parse({ name: "special functions", text: specialFunctions })
    if (diagnostics.length > 0)
      throw new Error(`the special functions do not parse: ${diagnostics[0]!.message}`)
    trees = new Map(file.declarations.map((def) => [(def as Ast.Def).name.name, def as Ast.Def]))
  }
  return trees
}

/** Computes a value from those of the names, which have places in the order of their binding. */
type Code<V> = (values: V[]) => V

/** A function by name, over one kind of number. It takes a few steps for each operation: meant for reference, not for speed. */
export function functionOf<V>(name: string, numbers: Arithmetic<V>): (...args: V[]) => V {
  const made = new Map<string, (...args: V[]) => V>()
  const find = (called: string): ((...args: V[]) => V) => {
    let f = made.get(called)
    if (!f) {
      const def = definedFunctions().get(called)!
      let code: Code<V> | undefined
      f = (...args) =>
        (code ??= compile(
          def.body,
          def.arguments.map((a) => a.name.name),
        ))(args)
      made.set(called, f)
    }
    return f
  }
  const operator = (op: string, operands: readonly Code<V>[]): Code<V> => {
    const [x, y] = operands
    if (operands.length === 1) return (values) => numbers.apply(op, [x!(values)])
    return (values) => numbers.apply(op, [x!(values), y!(values)])
  }
  const compile = (e: Ast.Expr, names: readonly string[]): Code<V> => {
    const go = (x: Ast.Expr): Code<V> => compile(x, names)
    switch (e.kind) {
      case "number": {
        const value = numbers.of(e.value)
        return () => value
      }
      case "name": {
        const place = names.lastIndexOf(e.name)
        if (place >= 0) return (values) => values[place]!
        const value = numbers.of(constants.get(e.name)!)
        return () => value
      }
      case "unary":
        return operator(e.operator === "-" ? "neg" : "not", [go(e.operand)])
      case "binary": {
        const { op, ...how } = symbols[e.operator]
        const operands = [go(e.left), go(e.right)]
        return operator(op, "swap" in how ? operands.reverse() : operands)
      }
      case "if": {
        const [condition, yes, no] = [go(e.condition), go(e.whenTrue), go(e.whenFalse)]
        return (values) => (numbers.real(condition(values)) !== 0 ? yes(values) : no(values))
      }
      case "let": {
        const bound = [...names]
        const values = e.bindings.map((binding) => {
          const { name, value } = binding as Ast.ValueBinding
          const code = compile(value, bound)
          return { code, place: bound.push(name.name) - 1 }
        })
        const body = compile(e.body, bound)
        return (all) => {
          for (const { code, place } of values) all[place] = code(all)
          return body(all)
        }
      }
      case "call": {
        const { name: called } = e.callee
        if (called === "polynomial") return polynomial(e.arguments.map(go))
        const operands = e.arguments.map(go)
        if (!definedFunctions().has(called)) return operator(called, operands)
        const f = find(called)
        return (values) => f(...operands.map((operand) => operand(values)))
      }
      default:
        throw new Error(`a ${e.kind} cannot stand in a special function`)
    }
  }
  /** Horner's scheme: the value, then coefficients from the constant one on. */
  const polynomial = ([x, ...coefficients]: readonly Code<V>[]): Code<V> =>
    coefficients.reduceRight((sum, c) => operator("add", [c, operator("mul", [x!, sum])]))
  return find(name)
}
