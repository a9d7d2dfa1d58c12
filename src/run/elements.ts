// Turns the elements of one argument into an array that a kernel can read, after checking what the argument promises.
import type { Dtype, Input } from "../types.ts"
import { describe, failure } from "./failure.ts"
import { expected, type Given, type NumberArray } from "./given.ts"

const { floor } = Math
const { isInteger, isSafeInteger } = Number

/** Bounds of a domain as numbers. */
export interface Bounds {
  readonly low: number
  readonly lowStrict: boolean
  readonly high: number
  readonly highStrict: boolean
  readonly not: number | undefined
}

/** What the elements of one argument must satisfy in this call. */
export interface Demands {
  readonly dtype: Dtype
  /** The extent that every label stays below; absent where no label is checked. */
  readonly labels: number | undefined
  readonly bounds: Bounds | undefined
  /** The size of the first axis, for the row in messages. */
  readonly rows: number
}

/** Checks and, only where it must, copies. Throws `LossError` with argument, row and value. */
export function readElements(input: Input, given: Given, demands: Demands): NumberArray {
  const array = toNumbers(input, given.elements, demands)
  if (demands.labels !== undefined) {
    const at = firstOutside(array, demands.labels)
    if (at >= 0) throw badLabel(input, at, array[at]!, demands.labels, demands.rows, array.length)
  } else if (input.type === "int" && !input.label && isFloat(array)) {
    const at = firstFraction(array)
    if (at >= 0)
      throw badElement("not-integer", input, at, array[at]!, demands.rows, array.length, "a whole number")
  } else if (input.type === "bool") {
    const at = firstNotBool(array)
    if (at >= 0) throw badElement("not-bool", input, at, array[at]!, demands.rows, array.length, "0 or 1")
  }
  if (demands.bounds) {
    const at = firstOutOfBounds(array, demands.bounds)
    if (at >= 0)
      throw badElement("domain", input, at, array[at]!, demands.rows, array.length, inWords(demands.bounds))
  }
  return array
}

/** The error for a label that does not point into its axis. */
export function badLabel(
  input: Input,
  at: number,
  value: number,
  extent: number,
  rows: number,
  length: number,
): Error {
  const axis = input.label?.axis ?? "its axis"
  const range =
    extent === 0
      ? `nothing, because axis ${axis} is empty`
      : `a whole number from 0 to ${extent - 1} (axis ${axis})`
  return badElement(isInteger(value) ? "label-range" : "not-integer", input, at, value, rows, length, range, {
    axis,
    extent,
  })
}

function badElement(
  code: "label-range" | "not-integer" | "not-bool" | "domain",
  { name }: Input,
  at: number,
  value: number,
  rows: number,
  length: number,
  wanted: string,
  more: Readonly<Record<string, unknown>> = {},
): Error {
  const inside = rows > 0 ? length / rows : 1
  const row = floor(at / inside)
  const where = length === 1 ? "" : inside > 1 ? ` in row ${row}, element ${at % inside}` : ` in row ${row}`
  return failure(code, `\`${name}\` is ${value}${where}; expected ${wanted}`, {
    argument: name,
    row,
    index: at,
    value,
    ...more,
  })
}

function toNumbers(input: Input, elements: Given["elements"], { dtype }: Demands): NumberArray {
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    if (input.type !== "int") throw wrongKind(input, describe(elements))
    return Float64Array.from(elements, Number)
  }
  if (ArrayBuffer.isView(elements)) {
    const array = elements as NumberArray
    // What another thread may change between the check and the use is copied first.
    const racy = input.type !== "real" && !(array.buffer instanceof ArrayBuffer)
    return racy ? array.slice() : array
  }
  const list = elements as readonly unknown[]
  const out = input.type === "bool" ? new Uint8Array(list.length) : newFloats(input, list.length, dtype)
  for (let i = 0; i < list.length; i++) {
    const value = list[i]
    if (typeof value === "number") {
      // A number that a byte cannot hold would be lost in it.
      if (input.type === "bool" && value !== 0 && value !== 1) throw wrongElement(input, i, value)
      out[i] = value
    } else if (typeof value === "boolean" && input.type === "bool") out[i] = +value
    else if (typeof value === "bigint" && input.type === "int") out[i] = Number(value)
    else throw wrongElement(input, i, value)
  }
  return out
}

function newFloats(input: Input, length: number, dtype: Dtype): Float32Array | Float64Array {
  return input.type === "real" && dtype === "f32" ? new Float32Array(length) : new Float64Array(length)
}

function wrongKind(input: Input, found: string): Error {
  return failure("input-kind", `\`${input.name}\` is ${found}; expected ${expected(input)}`, {
    argument: input.name,
  })
}

function wrongElement(input: Input, at: number, value: unknown): Error {
  const bool = input.type === "bool"
  if (bool && typeof value === "number")
    return failure("not-bool", `\`${input.name}\` is ${value} in row ${at}; expected 0 or 1`, {
      argument: input.name,
      row: at,
      index: at,
      value,
    })
  return failure(
    "input-kind",
    `element ${at} of \`${input.name}\` is ${describe(value)}; expected a ${bool ? "boolean" : "number"}`,
    { argument: input.name, index: at },
    Array.isArray(value) ? "pass nested arrays flat: { data, shape }" : undefined,
  )
}

function isFloat(array: NumberArray): boolean {
  return !(
    array instanceof Int32Array ||
    array instanceof Uint8Array ||
    array instanceof Int16Array ||
    array instanceof Uint32Array ||
    array instanceof Int8Array ||
    array instanceof Uint16Array ||
    array instanceof Uint8ClampedArray
  )
}

/** The first place from `from` on whose element does not point into an axis of the extent; -1 if there is none. */
export function firstOutside(array: NumberArray, extent: number, from = 0): number {
  if (array instanceof Int32Array || array instanceof Uint8Array) {
    for (let i = from; i < array.length; i++) if (array[i]! < 0 || array[i]! >= extent) return i
    return -1
  }
  for (let i = from; i < array.length; i++) if (!isLabel(array[i]!, extent)) return i
  return -1
}

/** Whether a number points into an axis. */
export function isLabel(value: number, extent: number): boolean {
  return value >= 0 && value < extent && value === floor(value)
}

function firstFraction(array: NumberArray): number {
  for (let i = 0; i < array.length; i++) if (!isSafeInteger(array[i])) return i
  return -1
}

function firstNotBool(array: NumberArray): number {
  for (let i = 0; i < array.length; i++) if (array[i] !== 0 && array[i] !== 1) return i
  return -1
}

function firstOutOfBounds(array: NumberArray, bounds: Bounds): number {
  for (let i = 0; i < array.length; i++) if (!within(array[i]!, bounds)) return i
  return -1
}

/** Whether a number is inside bounds; NaN never is. */
export function within(value: number, { low, lowStrict, high, highStrict, not }: Bounds): boolean {
  return (
    (lowStrict ? value > low : value >= low) && (highStrict ? value < high : value <= high) && value !== not
  )
}

/** Bounds as a reader would say them. */
export function inWords({ low, lowStrict, high, highStrict, not }: Bounds): string {
  const parts: string[] = []
  if (low !== -Infinity) parts.push(`${lowStrict ? "above" : "at least"} ${low}`)
  if (high !== Infinity) parts.push(`${highStrict ? "below" : "at most"} ${high}`)
  if (not !== undefined) parts.push(`not ${not}`)
  return `a number${parts.length > 0 ? ` ${parts.join(" and ")}` : ""}`
}
