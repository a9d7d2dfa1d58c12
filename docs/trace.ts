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
const places = 161

/** The curves of a slice, one for each alternative in it. */
export function trace(loss: Loss, slice: Slice): readonly Curve[] {
  const xs = Array.from(
    { length: places },
    (_, i) => slice.low + ((slice.high - slice.low) * i) / (places - 1),
  )
  return variants(slice.call, loss.inputs).map(({ label, call }) => {
    const at = evaluator(loss, call)
    const points = xs.map(at)
    return { label, values: points.map(({ value }) => value), slopes: points.map(({ slope }) => slope) }
  })
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

/** The mean loss of a call and its derivative by x, as functions of x. */
function evaluator(loss: Loss, call: Call): (x: number) => { value: number; slope: number } {
  const args = [
    ...call.positional.map((value, i) => [loss.inputs[i]!, value] as const),
    ...call.named.map(([name, value]) => [loss.inputs.find((one) => one.name === name)!, value] as const),
  ]
  const moving = args.filter(([, value]) => leaves(value).some((text) => /\bx\b/.test(text)))
  const statics = args.filter(([input]) => input.static)
  const kernel = kernelOf(
    loss,
    moving.filter(([input]) => input.type === "real").map(([input]) => input.name),
    Object.fromEntries(statics.map(([input, value]) => [input.name, single(value)])),
  )
  return (x) => {
    const inputs = Object.fromEntries(
      args.filter(([input]) => !input.static).map(([input, value]) => [input.name, given(input, value, x)]),
    )
    const { loss: value, grad } = kernel(inputs) as { loss: number; grad: Record<string, ArrayLike<number>> }
    let slope = 0
    for (const [input, list] of moving)
      leaves(list).forEach((text, i) => {
        const rate = number(text, x).slope
        if (rate !== 0 && grad[input.name]) slope += rate * Number(elements(grad[input.name]!)[i])
      })
    return { value, slope }
  }
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
function given(input: ArgumentInfo, value: Value, x: number): InputValue {
  const numbers = leaves(value).map((text) => number(text, x).value)
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

const expressions = new Map<string, (x: number) => { value: number; slope: number }>()

/** The value and the derivative of an expression over x, which the language itself reads. */
function number(text: string, x: number): { readonly value: number; readonly slope: number } {
  if (text === "true" || text === "false") return { value: Number(text === "true"), slope: 0 }
  if (text === "x") return { value: x, slope: 1 }
  if (!/\bx\b/.test(text)) return { value: Number(text), slope: 0 }
  let known = expressions.get(text)
  if (!known) {
    const kernel = compile(text).kernel({ target: "interpret", dtype: "f64", reduction: "sum", grad: ["x"] })
    known = (at) => {
      const { loss, grad } = kernel({ x: at })
      return { value: Number(loss), slope: Number(elements(grad["x"]!)[0]) }
    }
    expressions.set(text, known)
  }
  return known(x)
}
