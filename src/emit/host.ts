// Operators -> JavaScript functions, for WebAssembly modules that import them.
import { type OpName, ops } from "../ops.ts"
import { SpecialFunctions } from "./functions.ts"

/** Statements that make `host`, an object of the functions. */
export function hostText(names: readonly OpName[]): string {
  const mathFunctions = new Set<string>()
  const special = new SpecialFunctions(mathFunctions)
  const entries = names.map((op) => {
    const { js, params, isDefined } = ops[op]
    if (isDefined) special.need(op)
    const list = params.map((_, i) => `x${i}`)
    const value = js
      .replace(/Math\.([a-z0-9]+)/g, (_, f: string) => {
        mathFunctions.add(f)
        return `Math_${f}`
      })
      .replace(/\$([a-z]+)/g, (_, p: string) => list[params.indexOf(p)]!)
    return `${op}: (${list.join(", ")}) => ${value}`
  })
  const functions = [...mathFunctions].sort().map((f) => `Math_${f} = Math.${f}`)
  return [
    ...(functions.length > 0 ? [`const ${functions.join(", ")}`] : []),
    ...special.lines.map(String),
    `const host = { ${entries.join(", ")} }`,
  ].join("\n")
}

/** Whether an operator is a function of `Math`, which every thread has. */
export const isOfMath = (op: OpName): boolean =>
  ops[op].eval === (Math as unknown as Readonly<Record<string, unknown>>)[op]
