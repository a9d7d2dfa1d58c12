// The infix symbols of the language -> the operators of the table they mean; and the names of constants.
import type { BinaryOperator } from "../grammar/ast.ts"

/** For each symbol the operator; `swap` where the operands change places. */
export const symbols = {
  "+": { op: "add" },
  "-": { op: "sub" },
  "*": { op: "mul" },
  "/": { op: "div" },
  "^": { op: "pow" },
  "==": { op: "eq" },
  "!=": { op: "ne" },
  "<": { op: "lt" },
  "<=": { op: "le" },
  ">": { op: "lt", swap: true },
  ">=": { op: "le", swap: true },
  and: { op: "and" },
  or: { op: "or" },
} as const satisfies Record<BinaryOperator, { op: string; swap?: true }>

/** What the names of constants mean. */
export const constants: ReadonlyMap<string, number> = new Map([
  ["inf", Infinity],
  ["pi", Math.PI],
])
