// What a loss is for arguments that are numbers of f32: exactly, and in the arithmetic of f32 as the formula stands.
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

const folds = Object.fromEntries(
  (["sum", "prod", "max", "min", "logsumexp"] as const).map((name) => [
    name,
    (values: readonly number[]): number => fround(doubles.fold[name](values)),
  ]),
) as Numbers<number>["fold"]

/** Numbers of f32: every operator is exact up to the rounding of its result. */
const singles: Numbers<number> = {
  ...doubles,
  of: fround,
  apply: (op, args) => fround(doubles.apply(op, args)),
  fold: folds,
}

/** Results by name: `loss`, `count`, `per`, and gradients as `d x`. */
export type Results = ReadonlyMap<string, ArrayLike<number>>

/** One result in several arithmetics. */
export interface Exact {
  readonly values: Results
  /**
   * How far the same formula comes from these in f32, with each operator as exact as can be, or exactly for arguments that are off
   * by half a ULP: what no way to compute in f32 can be expected to do better.
   */
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
  const compute = (numbers: Numbers<number>, from = elements): Results =>
    collected(outputs, interpret(numbers, outputs, { sizes: bound.sizes, elements: from }))
  const values = compute(doubles)
  const others = [
    compute(singles),
    compute(doubles, nearby(elements, 1)),
    compute(doubles, nearby(elements, 2)),
  ]
  const rounding = new Map(
    [...values].map(([name, list]) => [
      name,
      Array.from(list, (value, i) => Math.max(...others.map((x) => Math.abs(x.get(name)![i]! - value)))),
    ]),
  )
  return { values, rounding }
}

/** Arguments that are off by half a ULP, up or down as a sequence of coins falls. */
function nearby(
  elements: (input: Input) => ArrayLike<number>,
  seed: number,
): (input: Input) => ArrayLike<number> {
  const made = new Map<Input, ArrayLike<number>>()
  const draw = random(seed)
  return (input) => {
    let list = made.get(input)
    if (!list) {
      const moved = (x: number): number => x * (1 + (draw.chance(0.5) ? 2 ** -24 : -(2 ** -24)))
      list = input.type === "real" ? Array.from(elements(input), moved) : elements(input)
      made.set(input, list)
    }
    return list
  }
}

function collected(outputs: Outputs, { scalars, arrays }: ReturnType<typeof interpret<number>>): Results {
  return new Map<string, ArrayLike<number>>([
    ...outputs.scalars.map(({ name }) => [name.replace("grad:", "d "), [scalars.get(name)!]] as const),
    ...outputs.arrays.map(({ name }, i) => [name === "loss" ? name : `d ${name}`, arrays[i]!] as const),
  ])
}
