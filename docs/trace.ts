// Runs the kernel of a loss along a slice: values and derivatives to draw.
import { type AnyKernel, type InputValue, type Loss, compile } from "../src/index.ts"
import type { ArgumentInfo } from "../src/signature.ts"
import { type Call, type Value, leaves, mapLeaves, shapeOf } from "./call.ts"
import type { Slice } from "./slice.ts"

/** One curve: the loss and its derivative by x at evenly spaced places. */
export interface Curve {
  /** What sets it apart from the others; empty if it is the only one. */
  readonly label: string
  readonly values: readonly number[]
  readonly slopes: readonly number[]
}

/** How many places a curve is computed at. */
const places = 121

/** The curves of a slice, one for each alternative in it. */
export function trace(loss: Loss, slice: Slice): readonly Curve[] {
  const xs = Array.from(
    { length: places },
    (_, i) => slice.low + ((slice.high - slice.low) * i) / (places - 1),
  )
  return variants(slice.call, loss.inputs).map(({ label, call }) => ({ label, ...along(loss, call, xs) }))
}

/** The calls that the alternatives of a call stand for. */
function variants(call: Call, inputs: readonly ArgumentInfo[]): { label: string; call: Call }[] {
  const all = [...call.positional.map((value, i) => [inputs[i]!.name, value] as const), ...call.named]
  const found = all.find(([, value]) => leaves(value).some((text) => text.includes(" | ")))
  if (!found) return [{ label: "", call }]
  const [name, value] = found
  const words = leaves(value)
    .find((text) => text.includes(" | "))!
    .split(" | ")
  return words.map((word, i) => {
    const replace = (one: Value): Value =>
      one === value ? mapLeaves(one, (text) => (text.includes(" | ") ? word : text)) : one
    return {
      label: i === 0 ? `${name} = ${word}` : word,
      call: {
        ...call,
        positional: call.positional.map(replace),
        named: call.named.map(([key, one]) => [key, replace(one)] as const),
      },
    }
  })
}

/** The mean loss of a call and its derivative by x, at each of the places. */
function along(loss: Loss, call: Call, xs: readonly number[]): { values: number[]; slopes: number[] } {
  const args = [
    ...call.positional.map((value, i) => [loss.inputs[i]!, value] as const),
    ...call.named.map(([name, value]) => [loss.inputs.find((one) => one.name === name)!, value] as const),
  ]
  const statics = args.filter(([input]) => input.static)
  const given = args
    .filter(([input]) => !input.static)
    .map(([input, value]) => ({ input, value, parts: leaves(value).map((text) => over(text, xs)) }))
  const moving = given.filter(
    ({ input, parts }) =>
      input.type === "real" && parts.some(({ slopes }) => slopes.some((slope) => slope !== 0)),
  )
  const kernel = kernelOf(
    loss,
    moving.map(({ input }) => input.name),
    Object.fromEntries(statics.map(([input, value]) => [input.name, single(value)])),
  )
  const points = xs.map((_, k) => {
    const inputs = given.map(
      ({ input, value, parts }) =>
        [
          input.name,
          argument(
            input,
            value,
            parts.map(({ values }) => values[k]!),
          ),
        ] as const,
    )
    const result = kernel(Object.fromEntries(inputs))
    let slope = 0
    for (const { input, parts } of moving) {
      const grad = elements(result.grad[input.name]!)
      parts.forEach(({ slopes }, i) => {
        if (slopes[k] !== 0) slope += slopes[k]! * grad[i]!
      })
    }
    return { value: Number(result.loss), slope }
  })
  return { values: points.map(({ value }) => value), slopes: points.map(({ slope }) => slope) }
}

const kernels = new WeakMap<Loss, Map<string, AnyKernel>>()

/** A kernel of the mean, made once for each choice. */
function kernelOf(
  loss: Loss,
  grad: readonly string[],
  statics: Readonly<Record<string, number | string | boolean>>,
): AnyKernel {
  const known = kernels.get(loss) ?? new Map<string, AnyKernel>()
  kernels.set(loss, known)
  const key = JSON.stringify([grad, statics])
  const kernel = known.get(key) ?? loss.kernel({ target: "js", dtype: "f64", grad, static: statics })
  known.set(key, kernel)
  return kernel
}

const elements = (values: ArrayLike<number> | number): ArrayLike<number> =>
  typeof values === "number" ? [values] : values

/** An argument as kernels take it. */
function argument(input: ArgumentInfo, value: Value, numbers: readonly number[]): InputValue {
  if ("text" in value) return input.type === "bool" ? numbers[0] === 1 : numbers[0]!
  const data =
    input.type === "real"
      ? Float64Array.from(numbers)
      : input.type === "bool"
        ? Uint8Array.from(numbers)
        : Int32Array.from(numbers)
  return { data, shape: shapeOf(value) }
}

/** The value of a static option. */
function single(value: Value): number | string | boolean {
  const [text] = leaves(value)
  return JSON.parse(text!) as number | string | boolean
}

/** The values and the derivatives of an expression over x, which the language itself reads. */
function over(
  text: string,
  xs: readonly number[],
): { readonly values: readonly number[]; readonly slopes: readonly number[] } {
  const constant = (value: number) => ({ values: xs.map(() => value), slopes: xs.map(() => 0) })
  if (text === "true" || text === "false") return constant(Number(text === "true"))
  if (!/\bx\b/.test(text)) return constant(Number(text))
  const kernel = compile(text).kernel({ target: "interpret", dtype: "f64", reduction: "none", grad: ["x"] })
  const { loss, grad } = kernel({ x: Float64Array.from(xs) })
  return { values: [...(loss as Float64Array)], slopes: [...(grad["x"] as Float64Array)] }
}
