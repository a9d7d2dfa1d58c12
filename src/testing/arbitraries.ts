// A loss -> fast-check arbitraries of its arguments: by declared type, domain and shape, bounded and shrinking towards 0.
import type * as FastCheck from "fast-check"
import { checkedOf, type Loss } from "../index.ts"
import type { InputValue } from "../run/given.ts"
import { readSettings } from "../run/settings.ts"
import { type Elements, planInputs, planStatics, type PlannedInput } from "./plan.ts"
import { random } from "./random.ts"
import { distanceAt, siteMaker } from "./site.ts"
import { sizeMaker } from "./sizes.ts"

/** What is drawn. */
export interface ArbitraryOptions {
  /** Sizes of axes; the others are drawn: the smallest that the loss allows, or up to `mostSize - 1` more. */
  readonly sizes?: Readonly<Record<string, number>>
  /** The largest size that is drawn where 1 is allowed. Default 4. */
  readonly mostSize?: number
  /** Values of static options, as for the kernel. */
  readonly static?: Readonly<Record<string, number | string | boolean>>
  /** Keeps the loss finite and this far from every kink, so that derivatives can be checked. Default 0: anything allowed. */
  readonly apart?: number
}

/** The part of fast-check that is used; pass the module: `arbitraryInputs(fc, loss)`. */
export type FastCheckModule = Pick<
  typeof FastCheck,
  | "array"
  | "boolean"
  | "constant"
  | "constantFrom"
  | "double"
  | "integer"
  | "oneof"
  | "option"
  | "record"
  | "tuple"
>

type Arguments = Record<string, InputValue>

/**
 * An arbitrary of the arguments of a call: `{ data, shape }` for arrays, numbers for scalars, arguments with a default sometimes
 * left out. Reals stay in their domain, or within 3 of 0; labels point into their axis, and `index?` labels are now and then
 * what the loss ignores. The seed is fast-check's own.
 */
export function arbitraryInputs(
  fc: FastCheckModule,
  loss: Loss,
  options: ArbitraryOptions = {},
): FastCheck.Arbitrary<Arguments> {
  const checked = checkedOf(loss)
  const { mostSize = 4, apart = 0, sizes: fixed = {} } = options
  const statics = planStatics(checked, options.static ?? {}, 0)
  const site = siteMaker(checked, readSettings(checked, { static: statics.options }), random(0))
  const { names, make } = sizeMaker(checked, statics.values, fixed)
  const more = fc.integer({ min: 0, max: mostSize - 1 })
  const drawn = fc.tuple(
    fc.tuple(...names.map(() => more)),
    fc.array(fc.integer({ min: 1, max: mostSize }), { minLength: 0, maxLength: 2 }),
  )
  const plan = ([list, shape]: readonly [readonly number[], readonly number[]]): Plan => {
    const rest = fixed["..."] === undefined ? shape : [fixed["..."]]
    const places = rest.reduce((x, y) => x * y, 1)
    const sizes = make(names.map((name, i) => (name === "..." ? places - 1 : list[i]!)))
    return typeof sizes === "string" ? sizes : planInputs(checked, sizes, rest, statics.values)
  }
  const isFit = untilTired((inputs: Arguments) => {
    const distance = distanceAt(site, inputs)
    if (typeof distance === "string") return distance
    return distance >= apart || `it is ${distance} away from a kink, not ${apart}`
  })
  return drawn
    .map(plan)
    .filter(
      untilTired((one) => (typeof one === "object" ? true : (one ?? "no sizes of the axes fit together"))),
    )
    .chain((one) => argumentsOf(fc, one as readonly PlannedInput[]))
    .filter(isFit)
}

/** What to draw, or why nothing can be drawn with these sizes. */
type Plan = readonly PlannedInput[] | string | undefined

/** Draws that are refused, before any passes, until it is an error. */
const patience = 1000

/** A filter for fast-check, whose own never ends: it throws when nothing passes for long. The test answers true, or why not. */
function untilTired<T>(test: (one: T) => true | string): (one: T) => boolean {
  let refused = 0
  return (one) => {
    const answer = test(one)
    if (answer === true) refused = -Infinity
    else if (++refused >= patience) throw new Error(`no inputs can be drawn: ${answer}`)
    return answer === true
  }
}

function argumentsOf(fc: FastCheckModule, plan: readonly PlannedInput[]): FastCheck.Arbitrary<Arguments> {
  const one = (planned: PlannedInput): FastCheck.Arbitrary<InputValue | undefined> => {
    const { shape, elements, optional } = planned
    const element = elementOf(fc, elements)
    let value: FastCheck.Arbitrary<InputValue>
    if (!shape) value = elements.kind === "bool" ? fc.boolean() : element
    else {
      const length = shape.reduce((total, size) => total * size, 1)
      const make =
        elements.kind === "real" ? Float64Array : elements.kind === "bool" ? Uint8Array : Int32Array
      value = fc
        .array(element, { minLength: length, maxLength: length })
        .map((list) => ({ data: make.from(list), shape }))
    }
    return optional ? fc.option(value, { nil: undefined }) : value
  }
  return fc
    .tuple(...plan.map(one))
    .map((values) =>
      Object.fromEntries(plan.flatMap(({ name }, i) => (values[i] === undefined ? [] : [[name, values[i]]]))),
    )
}

function elementOf(fc: FastCheckModule, elements: Elements): FastCheck.Arbitrary<number> {
  if (elements.kind === "bool") return fc.integer({ min: 0, max: 1 })
  if (elements.kind === "int") {
    const inside = fc.integer({ min: elements.low, max: elements.high })
    if (elements.sentinels.length === 0) return inside
    return fc.oneof(
      { arbitrary: inside, weight: 4 },
      { arbitrary: fc.constantFrom(...elements.sentinels), weight: 1 },
    )
  }
  const { low, high, not, open } = elements
  // Multiples of a power of two: sums of them are exact, and they shrink to readable numbers.
  const grid = 2 ** -10
  const real = fc
    .integer({ min: Math.ceil(low / grid), max: Math.floor(high / grid) })
    .map((step) => step * grid)
    .filter((value) => value !== not && !(open[0] && value <= low) && !(open[1] && value >= high))
  return Math.floor(high / grid) - Math.ceil(low / grid) < 16
    ? fc.double({ min: low, max: high, noNaN: true, minExcluded: open[0], maxExcluded: open[1] })
    : real
}
