// Turns what a caller passes for one argument into its elements and, where it has one, its shape.
import type { Input } from "../types.ts"
import { describe, failure } from "./failure.ts"

const { isSafeInteger } = Number

/** Elements that a kernel can read as they are. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array

/** What a caller may pass: a number for a scalar, else elements in row-major order, alone or with their shape. */
export type InputValue =
  | number
  | boolean
  | bigint
  | string
  | NumberArray
  | BigInt64Array
  | BigUint64Array
  | readonly number[]
  | readonly boolean[]
  | {
      /** A typed array, or a plain one. */
      readonly data: ArrayLike<number> | ArrayLike<boolean> | ArrayLike<bigint>
      readonly shape: readonly number[]
    }

/** One argument as it came: elements not yet checked. */
export interface Given {
  readonly elements: NumberArray | BigInt64Array | BigUint64Array | readonly unknown[]
  /** Absent for an array that came without one. */
  readonly shape: readonly number[] | undefined
}

/** The most elements of an array, and the largest size. */
export const mostElements = 2 ** 31 - 1

/** Reads one argument. Every property is read once. Throws `LossError`. */
export function readGiven(input: Input, value: unknown): Given {
  const { name } = input
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return { elements: [value], shape: [] }
  if (isArray(value)) return { elements: attached(name, value), shape: undefined }
  if (typeof value !== "object" || value === null)
    throw failure("input-kind", `\`${name}\` is ${describe(value)}; expected ${expected(input)}`, {
      argument: name,
    })
  const { data, shape } = value as { data?: unknown; shape?: unknown }
  if (!isArray(data) || !isArray(shape))
    throw failure(
      "input-kind",
      `\`${name}\` is an object without ${isArray(data) ? "a `shape`" : "`data`"} that is an array; expected ${expected(input)}`,
      { argument: name },
    )
  const sizes = Array.from(shape as ArrayLike<unknown>)
  for (const size of sizes) {
    if (!isSize(size))
      throw failure(
        "bad-size",
        `the shape [${sizes.map(shown).join(", ")}] of \`${name}\` is not made of sizes: ${shown(size)} is not a whole number from 0 to ${mostElements}`,
        { argument: name, value: size },
      )
  }
  const product = (sizes as number[]).reduce((total, size) => total * size, 1)
  const elements = attached(name, data)
  if (product !== elements.length)
    throw failure(
      "shape-length",
      `\`${name}\` has ${elements.length} elements, but its shape [${sizes.join(", ")}] holds ${product}`,
      { argument: name, value: elements.length, expected: product },
    )
  return { elements, shape: sizes as number[] }
}

/** Whether a value can be a size. */
export function isSize(value: unknown): value is number {
  return typeof value === "number" && isSafeInteger(value) && value >= 0 && value <= mostElements
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : describe(value)
}

function isArray(value: unknown): value is Given["elements"] {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

/** The array itself, unless its memory was transferred away. */
function attached<A extends Given["elements"]>(name: string, elements: A): A {
  if (ArrayBuffer.isView(elements) && isDetached(elements))
    throw failure("detached-buffer", `the memory of \`${name}\` was transferred elsewhere`, {
      argument: name,
    })
  return elements
}

/** Whether the memory behind an array is gone, so that reads give nothing and writes vanish. */
export function isDetached(array: ArrayBufferView): boolean {
  if (array.byteLength > 0) return false
  const { buffer } = array
  if (!(buffer instanceof ArrayBuffer)) return false
  try {
    // The constructor refuses memory that is detached; there is no older way to ask.
    return new Uint8Array(buffer).length < 0
  } catch {
    return true
  }
}

/** What an argument takes, in words. */
export function expected({ type, dimensions, choices, label }: Input): string {
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(" or ")
  const one = type === "bool" ? "boolean" : type === "int" || label ? "whole number" : "number"
  if (dimensions.length === 0) return `a ${one}`
  return `a ${one === "boolean" ? "Uint8Array of 0 and 1" : "typed array"} or { data, shape } over [${dimensions.map((d) => d.name).join(", ")}]`
}
