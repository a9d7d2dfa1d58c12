// Checks the labels that may be anything where nothing reads them: what some gather reads must point into its axis.
import type { AxisExpr, Expr } from "../ir.ts"
import { definitions, postorder } from "../graph.ts"
import { conjuncts } from "../ir.ts"
import type { Loss } from "../loss.ts"
import { inSteps } from "../running.ts"
import type { Input } from "../types.ts"
import { doubles } from "./doubles.ts"
import { badLabel, firstOutside, isLabel } from "./elements.ts"
import type { NumberArray } from "./given.ts"
import { evaluator } from "./interpret.ts"

const { floor } = Math

/** Refuses labels out of range that some gather would read. Only those out of range cost more than a comparison. */
export function checkLabels(
  loss: Loss,
  arrays: ReadonlyMap<Input, NumberArray>,
  scalars: ReadonlyMap<Input, number>,
  sizes: ReadonlyMap<string, number>,
  evaluate: (expr: Expr) => number,
): void {
  for (const { input, condition, extent } of loss.labelReads) {
    const labels = arrays.get(input)
    if (!labels) {
      const value = scalars.get(input)
      if (value !== undefined && !isLabel(value, evaluate(extent)) && evaluate(condition) !== 0)
        throw badLabel(input, 0, value, evaluate(extent), 1, 1)
      continue
    }
    const below = evaluate(extent)
    let read: Reader | undefined
    // A value that nothing reads, wherever it stands: mostly the one that marks rows to leave out.
    let free = NaN
    for (let at = firstOutside(labels, below); at >= 0; at = firstOutside(labels, below, at + 1)) {
      const value = labels[at]!
      if (value === free) continue
      read ??= reader(input, inSteps(loss.core, condition), arrays, scalars, sizes, evaluate)
      if (read.isFree(at, value)) free = value
      else if (read.isRead(at))
        throw badLabel(input, at, value, below, evaluate(input.dimensions[0]!.extent), labels.length)
    }
  }
}

interface Reader {
  /** Whether the label at a place is read. */
  readonly isRead: (at: number) => boolean
  /** Whether the label at a place, which has a value, is not read because of its value alone. */
  readonly isFree: (at: number, value: number) => boolean
}

/** Decides for the labels of one argument whether they are read. */
function reader(
  input: Input,
  condition: Expr,
  arrays: ReadonlyMap<Input, NumberArray>,
  scalars: ReadonlyMap<Input, number>,
  sizes: ReadonlyMap<string, number>,
  evaluate: (expr: Expr) => number,
): Reader {
  const read = evaluator(doubles, { sizes, elements: (from) => arrays.get(from) ?? [scalars.get(from)!] })
  const own: (AxisExpr | undefined)[] = input.dimensions.map((d) =>
    condition.axes.find((axis) => axis.name === d.name && axis.extent === d.extent),
  )
  const others = condition.axes.filter((axis) => !own.includes(axis))
  const shape = input.dimensions.map((d) => evaluate(d.extent))
  const holds = (condition: Expr, at: number): boolean => {
    const fixed = new Map<AxisExpr, number>()
    for (let i = shape.length - 1; i >= 0; i--) {
      if (own[i]) fixed.set(own[i]!, at % shape[i]!)
      at = floor(at / shape[i]!)
    }
    return read.array(condition, others, fixed).some((value) => value !== 0)
  }
  const byValue = conjuncts(condition).filter((c) => onlyByValue(input, c, own))
  const known = new Map<number, boolean>()
  const isFree = (at: number, value: number): boolean => {
    let answer = known.get(value)
    if (answer === undefined) known.set(value, (answer = !byValue.every((c) => holds(c, at))))
    return answer
  }
  return { isRead: (at) => holds(condition, at), isFree }
}

/** Whether a condition depends on the place only through the label there, as `target != ignoreIndex` does. */
function onlyByValue(input: Input, condition: Expr, own: readonly (AxisExpr | undefined)[]): boolean {
  return (
    definitions([condition]).length === 0 &&
    postorder([condition]).every((e) => {
      if (e.kind === "axis") return own.includes(e)
      if (e.kind === "load" && e.axes.length > 0)
        return e.input === input && e.index.every((index, i) => index === own[i])
      return e.kind !== "op" || e.args.every((arg) => arg.kind !== "axis")
    })
  )
}
