// What one condition says of another, from how both are made.
import type { Operand } from "../loops.ts"
import { type Numbers, sameOperand } from "./facts.ts"

/** A condition and whether it holds. */
export interface Known {
  readonly condition: Operand
  readonly holds: boolean
}

/** How deep conditions are looked into: they share parts, and each may be met many times on the ways to it. */
const DEEPEST = 8

/** Whether a condition holds, if another one decides it. */
export function implied(
  x: Operand,
  known: Known,
  numbers: Numbers,
  depth: number = DEEPEST,
): boolean | undefined {
  if (sameOperand(x, known.condition)) return known.holds
  if (depth === 0) return undefined
  return saidBy(x, known, numbers, depth - 1) ?? saidOf(x, known, numbers, depth - 1)
}

/** What follows from the parts of the known condition. */
function saidBy(
  x: Operand,
  { condition, holds }: Known,
  numbers: Numbers,
  depth: number,
): boolean | undefined {
  const { op, args } = madeBy(condition, numbers)
  if (op === "not") return implied(x, { condition: args[0]!, holds: !holds }, numbers, depth)
  if (op !== (holds ? "and" : "or")) return undefined
  const [one, other] = args.map((part) => implied(x, { condition: part, holds }, numbers, depth))
  return one ?? other
}

/** What is known of the parts of a condition. */
function saidOf(x: Operand, known: Known, numbers: Numbers, depth: number): boolean | undefined {
  const { op, args } = madeBy(x, numbers)
  if (op === "not") return opposite(implied(args[0]!, known, numbers, depth))
  if (op === "and" || op === "or") {
    const [one, other] = args.map((part) => implied(part, known, numbers, depth))
    const decisive = op === "or"
    if (one === decisive || other === decisive) return decisive
    return one === undefined || other === undefined ? undefined : !decisive
  }
  return known.holds && excludes({ op, args }, madeBy(known.condition, numbers)) ? false : undefined
}

/** `a < b` and `b <= a` do not hold both; that one of them does is not sure for NaN. */
function excludes(x: Made, y: Made): boolean {
  const areOrders = [x, y].every(({ op }) => op === "lt" || op === "le") && (x.op === "lt" || y.op === "lt")
  return areOrders && sameOperand(x.args[0]!, y.args[1]!) && sameOperand(x.args[1]!, y.args[0]!)
}

const opposite = (holds: boolean | undefined): boolean | undefined =>
  holds === undefined ? undefined : !holds

interface Made {
  readonly op: string | undefined
  readonly args: readonly Operand[]
}

const nothing: Made = { op: undefined, args: [] }

const madeBy = (x: Operand, { conditions }: Numbers): Made =>
  (x.kind === "value" && conditions.get(x.id)) || nothing
