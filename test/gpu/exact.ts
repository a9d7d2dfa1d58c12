// What a loss is for arguments that are numbers of f32, and how many digits of it arithmetic in f32 leaves.
import { checkedOf, type Loss } from "../../src/index.ts"
import type { Outputs } from "../../src/loss.ts"
import { outputsOf } from "../../src/outputs.ts"
import { binder } from "../../src/run/bind.ts"
import { doubles } from "../../src/run/doubles.ts"
import { type Numbers, interpret } from "../../src/run/interpret.ts"
import { type KernelOptions, readSettings } from "../../src/run/settings.ts"
import type { Inputs } from "../../src/testing/draw.ts"
import { random } from "../../src/testing/random.ts"
import type { Input } from "../../src/types.ts"

const { fround } = Math

/**
 * Numbers with the rounding errors of f32: whatever an operator gives is off by half a ULP, up or down as coins fall (Parker,
 * Monte Carlo arithmetic, 1997). How results scatter says how many digits f32 leaves to the formula.
 */
function scattered(seed: number): Numbers<number> {
  const draw = random(seed)
  const off = (x: number): number =>
    Number.isInteger(x) ? x : x * (1 + (draw.chance(0.5) ? 2 ** -24 : -(2 ** -24)))
  const fold = (name: keyof typeof doubles.fold) => {
    const whole = doubles.fold[name]
    // A sum is rounded at each step, which matters where terms cancel.
    if (name === "sum" || name === "prod")
      return (values: readonly number[]): number => values.reduce((x, y) => off(whole([x, y])))
    return (values: readonly number[]): number => off(whole(values))
  }
  return {
    ...doubles,
    of: off,
    apply: (op, args) => off(doubles.apply(op, args)),
    fold: {
      sum: fold("sum"),
      prod: fold("prod"),
      max: doubles.fold.max,
      min: doubles.fold.min,
      logsumexp: fold("logsumexp"),
    },
  }
}

/** How often the scatter is sampled. */
const SAMPLES = 4

/** Results by name: `loss`, `count`, `per`, and gradients as `d x`. */
export type Results = ReadonlyMap<string, ArrayLike<number>>

/** One result in several arithmetics. */
export interface Exact {
  readonly values: Results
  /** How far samples of the formula in arithmetic with the errors of f32 come from these. */
  readonly rounding: Results
}

/** The arguments as a GPU has them. */
export function rounded(inputs: Inputs): Inputs {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      if (typeof value === "number") return [name, Number.isInteger(value) ? value : fround(value)]
      const given = value as { data: ArrayLike<number>; shape: readonly number[] }
      return given.data instanceof Float64Array
        ? [name, { data: Float32Array.from(given.data), shape: given.shape }]
        : [name, value]
    }),
  )
}

/** Computes the results of a loss for rounded arguments. */
export function exactly(loss: Loss, options: KernelOptions, inputs: Inputs): Exact {
  const checked = checkedOf(loss)
  const settings = readSettings(checked, { ...options, dtype: "f32" })
  const bound = binder(checked, { ...settings, materialise: new Set(settings.choice.grad) })(inputs)
  const outputs = outputsOf(checked, { ...settings.choice, given: new Set(bound.given) })
  const elements = (input: Input): ArrayLike<number> => {
    const array = bound.arrays.get(input)
    if (array) return array
    const value = bound.scalars.get(input)
    if (value !== undefined) return [input.type === "real" ? fround(value) : value]
    // The cotangent.
    return new Float32Array(input.dimensions.reduce((n, d) => n * bound.evaluate(d.extent), 1)).fill(1)
  }
  const compute = (numbers: Numbers<number>): Results =>
    collected(outputs, interpret(numbers, outputs, { sizes: bound.sizes, elements }))
  const values = compute(doubles)
  const others = Array.from({ length: SAMPLES }, (_, i) => compute(scattered(i + 1)))
  const rounding = new Map(
    [...values].map(([name, list]) => [
      name,
      Array.from(list, (value, i) => Math.max(...others.map((x) => Math.abs(x.get(name)![i]! - value)))),
    ]),
  )
  return { values, rounding }
}

function collected(outputs: Outputs, { scalars, arrays }: ReturnType<typeof interpret<number>>): Results {
  return new Map<string, ArrayLike<number>>([
    ...outputs.scalars.map(({ name }) => [name.replace("grad:", "d "), [scalars.get(name)!]] as const),
    ...outputs.arrays.map(({ name }, i) => [name === "loss" ? name : `d ${name}`, arrays[i]!] as const),
  ])
}
