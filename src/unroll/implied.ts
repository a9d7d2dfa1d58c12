// What one condition says of another, from how both are made.
import type { Operand } from "../loops.ts"
import { type Numbers, sameOperand } from "./facts.ts"

/** A condition and whether it holds. */
export interface Known {
  readonly condition: Operand
  readonly holds: boolean
}

/** Whether a condition holds, if another one decides it. */
export function implied(x: Operand, known: Known, numbers: Numbers): boolean | undefined {
  if (sameOperand(x, known.condition)) return known.holds
  return saidBy(x, known, numbers) ?? saidOf(x, known, numbers)
}

/** What follows from the parts of the known condition. */
function saidBy(x: Operand, { condition, holds }: Known, numbers: Numbers): boolean | undefined {
  const { op, args } = madeBy(condition, numbers)
  if (op === "not") return implied(x, { condition: args[0]!, holds: !holds }, numbers)
  if (op !== (holds ? "and" : "or")) return undefined
  const [one, other] = args.map((part) => implied(x, { condition: part, holds }, numbers))
  return one ?? other
}

/** What is known of the parts of a condition. */
function saidOf(x: Operand, known: Known, numbers: Numbers): boolean | undefined {
  const { op, args } = madeBy(x, numbers)
  if (op === "not") return opposite(implied(args[0]!, known, numbers))
  if (op === "and" || op === "or") {
    const [one, other] = args.map((part) => implied(part, known, numbers))
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
