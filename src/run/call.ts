// Turns what a call brings besides the arguments into checked arrays: buffers, cotangents and directions.
import type { Loss } from "../loss.ts"
import type { Dtype, Input } from "../types.ts"
import type { Bound } from "./bind.ts"
import { newFloats } from "./buffers.ts"
import { readElements } from "./elements.ts"
import { failure, suggestion } from "./failure.ts"
import { type NumberArray, readGiven } from "./given.ts"
import { ownEntries } from "./options.ts"

const names = ["grad", "cotangent", "direction"]

/** The options of a call by name. Throws `LossError`. */
export function readCall(options: unknown): ReadonlyMap<string, unknown> {
  const call = ownEntries(options, "options")
  for (const name of call.keys())
    if (!names.includes(name))
      throw failure(
        "bad-option",
        `a call has no option \`${name}\``,
        { argument: name },
        suggestion(name, names),
      )
  return call
}

/** The caller's buffers for gradients, by name; not yet checked. Throws `LossError`. */
export function readBuffers(given: unknown, grad: readonly string[]): ReadonlyMap<string, unknown> {
  const buffers = ownEntries(given, "grad")
  for (const name of buffers.keys())
    if (!grad.includes(name))
      throw failure(
        "unknown-gradient",
        `this kernel does not compute the gradient of \`${name}\``,
        { argument: name },
        grad.length === 0 ? `make it with grad: ["${name}"]` : suggestion(name, grad),
      )
  return buffers
}

/** The weights of the rows in the gradients; nothing where none are needed. Throws `LossError`. */
export function readCotangent(
  loss: Loss,
  value: unknown,
  weighted: boolean,
  bound: Bound,
  dtype: Dtype,
): NumberArray | undefined {
  if (value !== undefined && !weighted)
    throw failure("bad-option", "a cotangent goes with reduction none and gradients of rows", {
      argument: "cotangent",
    })
  if (!weighted) return undefined
  const dimensions = loss.batch.map(({ name, extent }) => ({ name, extent }))
  const input: Input = { name: "cotangent", type: "real", role: "sample", dimensions, isStatic: false }
  const length = input.dimensions.reduce((total, d) => total * bound.evaluate(d.extent), 1)
  if (value === undefined) return newFloats("cotangent", dtype, length).fill(1)
  const given = readGiven(input, value)
  if (given.elements.length !== length || (given.shape && given.shape.join() !== bound.shape.join()))
    throw failure(
      "size-mismatch",
      `the cotangent has the shape [${given.shape?.join(", ") ?? given.elements.length}], and the losses of the rows have [${bound.shape.join(", ")}]`,
      { argument: "cotangent", value: given.elements.length, expected: length },
    )
  return readElements(input, given, { dtype, labels: undefined, bounds: undefined, rows: length })
}

/** The directions of Hessian-vector products, by argument. Throws `LossError`. */
export function readDirections(
  loss: Loss,
  given: unknown,
  products: readonly string[],
  bound: Bound,
  dtype: Dtype,
): ReadonlyMap<string, NumberArray> {
  const values = ownEntries(given, "direction")
  for (const name of values.keys())
    if (!products.includes(name))
      throw failure(
        "bad-option",
        `this kernel computes no Hessian-vector product along \`${name}\``,
        { argument: name },
        products.length === 0 ? `make it with hvp: ["${name}"]` : suggestion(name, products),
      )
  const out = new Map<string, NumberArray>()
  for (const name of products) {
    const input = loss.inputs.find((one) => one.name === name)!
    const value = values.get(name)
    if (value === undefined)
      throw failure(
        "missing-argument",
        `the call needs the direction of \`${name}\``,
        { argument: name },
        `pass direction: { ${name} }`,
      )
    const length = input.dimensions.reduce((total, d) => total * bound.evaluate(d.extent), 1)
    const came = readGiven(input, value)
    if (came.elements.length !== length)
      throw failure(
        "size-mismatch",
        `the direction of \`${name}\` has ${came.elements.length} elements, and \`${name}\` has ${length}`,
        { argument: name, value: came.elements.length, expected: length },
      )
    out.set(name, readElements(input, came, { dtype, labels: undefined, bounds: undefined, rows: length }))
  }
  return out
}
