// Turns the caller's arrays for results into arrays that a kernel may write, or makes new ones.
import type { Dtype } from "../types.ts"
import { describe, failure } from "./failure.ts"
import { isDetached, mostElements } from "./given.ts"

/** An array of results. */
export type Floats = Float32Array | Float64Array

/** Makes an array of zeros. Throws `LossError` if it would be too large. */
export function newFloats(name: string, dtype: Dtype, length: number): Floats {
  if (length > mostElements)
    throw failure(
      "bad-size",
      `the result for \`${name}\` would have ${length} elements; the most is ${mostElements}`,
      {
        argument: name,
        value: length,
      },
    )
  return dtype === "f32" ? new Float32Array(length) : new Float64Array(length)
}

/** Checks that an array of the caller can take a result. Throws `LossError`. */
export function checkOutput(name: string, value: unknown, dtype: Dtype, length: number): Floats {
  const wanted = dtype === "f32" ? Float32Array : Float64Array
  if (!(value instanceof wanted))
    throw failure(
      "buffer-type",
      `the buffer for the gradient of \`${name}\` is ${describe(value)}; a kernel of dtype ${dtype} writes into a ${wanted.name}`,
      { argument: name },
    )
  if (isDetached(value))
    throw failure("detached-buffer", `the memory of the buffer for \`${name}\` was transferred elsewhere`, {
      argument: name,
    })
  if (value.length !== length)
    throw failure(
      "buffer-length",
      `the buffer for the gradient of \`${name}\` has ${value.length} elements; the gradient has ${length}`,
      { argument: name, value: value.length, expected: length },
    )
  return value
}

/** One array of a call and what to call it. */
export interface Region {
  readonly name: string
  readonly array: ArrayBufferView
}

/** Refuses results that share memory with an input or with each other. Throws `LossError`. */
export function checkOverlap(inputs: readonly Region[], outputs: readonly Region[]): void {
  outputs.forEach((output, i) => {
    for (const other of inputs)
      if (overlaps(output.array, other.array)) throw overlapping(output.name, `\`${other.name}\``, other.name)
    for (const other of outputs.slice(0, i))
      if (overlaps(output.array, other.array))
        throw overlapping(output.name, `the buffer for the gradient of \`${other.name}\``, other.name)
  })
}

function overlaps(x: ArrayBufferView, y: ArrayBufferView): boolean {
  return (
    x.buffer === y.buffer &&
    x.byteOffset < y.byteOffset + y.byteLength &&
    y.byteOffset < x.byteOffset + x.byteLength
  )
}

function overlapping(argument: string, what: string, other: string): Error {
  return failure(
    "buffer-overlap",
    `the buffer for the gradient of \`${argument}\` shares memory with ${what}`,
    {
      argument,
      other,
    },
  )
}
