// A loss and arguments -> a function that can be evaluated near them, one element of one argument moved.
import type { KernelChoice, Loss, Outputs } from "../loss.ts"
import { type OutputOptions, outputsOf } from "../outputs.ts"
import { type Complex, complex, complexes, step as complexStep } from "../complex.ts"
import type { Bound } from "../run/bind.ts"
import { doubles } from "../run/doubles.ts"
import { interpret, type Numbers } from "../run/interpret.ts"
import type { Input } from "../types.ts"
import { type Trace, type Traced, tracedNumbers } from "./trace.ts"

/** One element of one argument; a scalar has one. */
export interface Place {
  readonly input: Input
  readonly index: number
}

/** The loss as a function of its arguments, near those of one call: one number, whatever the reduction. */
export interface Point {
  readonly size: (input: Input) => number
  readonly read: (place: Place) => number
  /** The value with an element moved, by the formula as it was written. */
  readonly value: (place: Place, offset: number) => number
  /** The value with what is under `stop` held, and the branch that it took. */
  readonly trace: (
    place: Place | undefined,
    offset: number,
  ) => { readonly value: number; readonly trace: Trace }
  /** The exact derivative, by the complex step. */
  readonly derivative: (place: Place) => number
}

/**
 * Makes a point. With reduction none the number is the sum of the rows' losses weighted by the cotangent. Nothing here uses the
 * compiler's derivatives, and by default none of its rules: the formula is the one that was written.
 */
export function pointOf(
  loss: Loss,
  choice: Omit<KernelChoice, "given" | "grad">,
  bound: Bound,
  cotangent: readonly number[] | undefined,
  options: OutputOptions = { stabilise: false },
): Point {
  const outputs = outputsOf(loss, { ...choice, grad: [], given: new Set(bound.given) }, options)
  const original = (input: Input): ArrayLike<number> => bound.arrays.get(input) ?? [bound.scalars.get(input)!]
  const total = <V>(numbers: Numbers<V>, elements: (input: Input) => ArrayLike<V>): V => {
    const only: Outputs = { ...outputs, scalars: outputs.scalars.filter(({ name }) => name === "loss") }
    const { scalars, arrays } = interpret(numbers, only, { sizes: bound.sizes, elements })
    const rows = arrays[0]
    if (!rows) return scalars.get("loss")!
    return rows.reduce(
      (sum, row, i) =>
        numbers.apply("add", [sum, numbers.apply("mul", [row, numbers.of(cotangent?.[i] ?? 1)])]),
      numbers.of(0),
    )
  }
  const moved =
    <V>(place: Place | undefined, change: (value: number, input: Input, here: boolean) => V) =>
    (input: Input): ArrayLike<V> =>
      Array.from(original(input), (value, i) =>
        change(value, input, input === place?.input && i === place.index),
      )
  const traced = (
    place: Place | undefined,
    offset: number,
    held?: readonly number[],
  ): { value: number; trace: Trace } => {
    const numbers = tracedNumbers(held)
    const { value } = total<Traced>(
      numbers,
      moved(place, (x, input, here) => ({ value: here ? x + offset : x, varies: input.type === "real" })),
    )
    return { value, trace: numbers.trace() }
  }
  const held = traced(undefined, 0).trace.stopped
  return {
    size: (input) => original(input).length,
    read: ({ input, index }) => original(input)[index]!,
    value: (place, offset) =>
      held.length > 0
        ? traced(place, offset, held).value
        : total(
            doubles,
            moved(place, (x, _, here) => (here ? x + offset : x)),
          ),
    trace: (place, offset) => traced(place, offset, held),
    derivative: (place) =>
      total<Complex>(
        complexes,
        moved(place, (x, _, here) => complex(x, here ? complexStep : 0)),
      ).im / complexStep,
  }
}
