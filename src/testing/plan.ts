// Turns the declaration of a loss and the sizes of its axes into what each argument may hold: the plan of generated inputs.
import type { Expr } from "../ir.ts"
import { children } from "../graph.ts"
import type { Loss } from "../loss.ts"
import { doubles } from "../run/doubles.ts"
import { evaluator } from "../run/interpret.ts"
import { boundsOf } from "../run/options.ts"
import type { Input } from "../types.ts"

/** What one element may be. */
export type Elements =
  | {
      readonly kind: "real"
      readonly low: number
      readonly high: number
      readonly not: number | undefined
      readonly open: readonly [low: boolean, high: boolean]
    }
  /** Whole numbers, and perhaps some that stand for "no label". */
  | {
      readonly kind: "int"
      readonly low: number
      readonly high: number
      readonly sentinels: readonly number[]
    }
  | { readonly kind: "bool" }

/** One argument to generate. */
export interface PlannedInput {
  readonly name: string
  readonly input: Input
  /** Undefined for a scalar. */
  readonly shape: readonly number[] | undefined
  readonly elements: Elements
  /** Whether it may be left out. */
  readonly optional: boolean
}

/** Half the width of the interval that unbounded reals are drawn from: wide enough for both sides, too narrow to overflow. */
export const reach = 3
/** How far generated reals keep from a bound that is open, as a part of the interval. */
const margin = 0.05

/** The names of the axes whose sizes can be chosen, in the order of the header. `...` is one of them. */
export function sizeNames(loss: Loss): readonly string[] {
  const names = new Set<string>()
  const visit = (expr: Expr): void => {
    if (expr.kind === "size") names.add(expr.name)
    children(expr).forEach(visit)
  }
  for (const axis of loss.batch) visit(axis.extent)
  for (const input of loss.inputs) for (const dimension of input.dimensions) visit(dimension.extent)
  return [...names]
}

/** The static options as a kernel takes them, and as numbers: defaults, except that choices go by the number of the run. */
export function planStatics(
  loss: Loss,
  given: Readonly<Record<string, number | string | boolean>>,
  run: number,
): {
  readonly options: Readonly<Record<string, number | string | boolean>>
  readonly values: ReadonlyMap<Input, number>
} {
  const options: [string, number | string | boolean][] = []
  const values = new Map<Input, number>()
  for (const input of loss.inputs) {
    if (!input.isStatic) continue
    const own = Object.hasOwn(given, input.name) ? given[input.name] : undefined
    const choice = input.choices?.[run % input.choices.length]
    const value = own ?? choice
    if (value !== undefined) options.push([input.name, value])
    if (typeof value === "string") values.set(input, input.choices?.indexOf(value) ?? -1)
    else if (value !== undefined) values.set(input, Number(value))
    else if (input.default && "expr" in input.default)
      values.set(
        input,
        evaluator(doubles, { sizes: new Map(), elements: (x) => [values.get(x)!] }).size(input.default.expr),
      )
  }
  return { options: Object.fromEntries(options), values }
}

/**
 * What each argument may hold. `sizes` has every name of `sizeNames`; an axis `...` gets the shape `rest`, whose product is
 * its size. Undefined if the sizes cannot go together.
 */
export function planInputs(
  loss: Loss,
  sizes: ReadonlyMap<string, number>,
  rest: readonly number[],
  statics: ReadonlyMap<Input, number>,
): readonly PlannedInput[] | undefined {
  const { size } = evaluator(doubles, {
    sizes,
    elements: (input) => [statics.get(input) ?? defaultNumber(input)],
  })
  const sentinels = sentinelsOf(loss)
  const plan: PlannedInput[] = []
  for (const input of loss.inputs) {
    if (input.isStatic) continue
    const { name, dimensions, label, type, domain } = input
    const shape = dimensions.flatMap((d) => (d.name === "..." ? rest : [size(d.extent)]))
    if (shape.some((one) => !(one >= 0))) return undefined
    const elements = ((): Elements | undefined => {
      if (label) {
        const extent = size(label.extent)
        if (extent < 1) return undefined
        return { kind: "int", low: 0, high: extent - 1, sentinels: label.optional ? sentinels : [] }
      }
      if (type === "bool") return { kind: "bool" }
      const bounds = domain && boundsOf(domain, size)
      const strict = { low: bounds?.lowStrict, high: bounds?.highStrict }
      if (type === "int") {
        const low = bounds && bounds.low !== -Infinity ? Math.floor(bounds.low) + (strict.low ? 1 : 0) : -2
        const high =
          bounds && bounds.high !== Infinity
            ? Math.ceil(bounds.high) - (strict.high ? 1 : 0)
            : Math.max(2, low + 3)
        return low > high ? undefined : { kind: "int", low, high, sentinels: [] }
      }
      const from =
        bounds && bounds.low !== -Infinity ? bounds.low : Math.min(-reach, (bounds?.high ?? Infinity) - reach)
      const to = bounds && bounds.high !== Infinity ? bounds.high : Math.max(reach, from + reach)
      return from > to || (from === to && (strict.low || strict.high))
        ? undefined
        : {
            kind: "real",
            low: from,
            high: to,
            not: bounds?.not,
            open: [strict.low ?? false, strict.high ?? false],
          }
    })()
    if (!elements) return undefined
    plan.push({
      name,
      input,
      shape: dimensions.length > 0 ? shape : undefined,
      elements,
      optional: input.default !== undefined,
    })
  }
  return plan
}

/** The inner interval from which checks of gradients draw: away from the ends, where derivatives may not exist. */
export function inner({
  low,
  high,
}: {
  readonly low: number
  readonly high: number
}): readonly [number, number] {
  const edge = margin * (high - low)
  return [low + edge, high - edge]
}

/** Values that stand for "no label" in this loss: -1, and the defaults of its int options outside any axis. */
function sentinelsOf(loss: Loss): readonly number[] {
  const out = new Set<number>()
  for (const input of loss.inputs) {
    if (input.type !== "int" || input.role !== "option") continue
    const value = defaultNumber(input)
    if (value < 0) out.add(value)
  }
  return [...out]
}

/** The default of an option where it is a plain number; else NaN. */
export function defaultNumber(input: Input): number {
  if (!input.default || !("expr" in input.default)) return NaN
  const { expr } = input.default
  return expr.kind === "const" ? expr.value : NaN
}
