// The functions of special.ts -> JavaScript functions.
import type * as Ast from "../../grammar/ast.ts"
import { definedFunctions } from "../functions.ts"
import { type OpName, ops } from "../ops.ts"
import { constants } from "../symbols.ts"
import { numberText } from "./inline.ts"
import { Lines } from "./text.ts"

const infix: Readonly<Partial<Record<Ast.BinaryOperator, string>>> = {
  "==": "===",
  "!=": "!==",
  and: "&&",
  or: "||",
}

/** Collects the functions that a kernel calls, each once, with those that they call. */
export class SpecialFunctions {
  private readonly written = new Map<string, Lines>()
  private readonly mathFunctions: Set<string>

  /** `mathFunctions` receives the functions of `Math` that are called. */
  constructor(mathFunctions: Set<string>) {
    this.mathFunctions = mathFunctions
  }

  /** The text of all functions that were asked for. */
  get lines(): readonly Lines[] {
    return [...this.written.values()]
  }

  /** Makes a function be there. */
  need(name: string): void {
    if (this.written.has(name)) return
    const def = definedFunctions().get(name)!
    const lines = new Lines()
    this.written.set(name, lines)
    lines.block(`function ${name}(${def.arguments.map((a) => a.name.name).join(", ")}) {`, () =>
      this.body(lines, def.body),
    )
  }

  /** The statements that return a value: `let` and `if` may stand here only. */
  private body(lines: Lines, e: Ast.Expr): void {
    if (e.kind === "let") {
      for (const binding of e.bindings) {
        const { name, value } = binding as Ast.ValueBinding
        lines.add(`const ${name.name} = ${this.expression(value)}`)
      }
      return this.body(lines, e.body)
    }
    if (e.kind !== "if") return lines.add(`return ${this.expression(e)}`)
    lines.block(`if (${this.expression(e.condition)}) {`, () => this.body(lines, e.whenTrue))
    this.body(lines, e.whenFalse)
  }

  /** An expression, in parentheses where it is not a name, a number or a call. */
  private expression(e: Ast.Expr): string {
    const go = (x: Ast.Expr): string => this.expression(x)
    switch (e.kind) {
      case "number":
        return numberText(e.value)
      case "name":
        return constants.has(e.name) ? numberText(constants.get(e.name)!) : e.name
      case "unary":
        return `(${e.operator === "-" ? "-" : "!"}${go(e.operand)})`
      case "binary":
        if (e.operator === "^") return `${this.math("pow")}(${go(e.left)}, ${go(e.right)})`
        return `(${go(e.left)} ${infix[e.operator] ?? e.operator} ${go(e.right)})`
      case "call":
        return this.call(e.callee.name, e.arguments.map(go))
      default:
        throw new Error(`a ${e.kind} cannot stand inside an expression of a special function`)
    }
  }

  private call(name: string, args: readonly string[]): string {
    if (name === "polynomial") {
      const [x, ...coefficients] = args
      return coefficients.reduceRight((sum, c) => `(${c} + ${x} * ${sum})`)
    }
    if (definedFunctions().has(name)) {
      this.need(name)
      return `${name}(${args.join(", ")})`
    }
    const { js, params } = ops[name as OpName]
    const text = js
      .replace(/Math\.([a-z0-9]+)/g, (_, f: string) => this.math(f))
      .replace(/\$([a-z]+)/g, (_, p: string) => args[params.indexOf(p)]!)
    return `(${text})`
  }

  private math(name: string): string {
    this.mathFunctions.add(name)
    return `Math_${name}`
  }
}
