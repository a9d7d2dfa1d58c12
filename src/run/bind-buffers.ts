// Turns the arguments of a call whose arrays are on a GPU into checked numbers, sizes and parts of buffers.
import type { Expr } from "../ir.ts"
import type { Loss } from "../loss.ts"
import type { Input } from "../types.ts"
import { badLabel, isLabel } from "./elements.ts"
import { evaluatorOf, readNames, unknownSize, unwrapped } from "./bind.ts"
import { describe, failure, suggestion } from "./failure.ts"
import { isSize } from "./given.ts"
import type { GpuBuffer } from "./gpu-device.ts"
import type { Part } from "./gpu-buffers.js"
import { checkScalar, ownEntries, readScalar } from "./options.ts"
import type { Settings } from "./settings.ts"
import { missingSizes } from "./shapes.ts"

/** The arguments of one call on a GPU, checked; the elements themselves are out of sight. */
export interface BoundBuffers {
  readonly sizes: ReadonlyMap<string, number>
  readonly arrays: ReadonlyMap<Input, Part>
  readonly scalars: ReadonlyMap<Input, number>
  /** As in `Bound`. */
  readonly given: readonly string[]
  readonly evaluate: (expr: Expr) => number
}

/** Checks the arguments and sizes of a call. Throws `LossError`. */
export function bindBuffers(
  loss: Loss,
  inputs: unknown,
  sizes: unknown,
  { sizes: fixed, statics }: Pick<Settings, "sizes" | "statics">,
  alignment: number,
): BoundBuffers {
  const callable = loss.inputs.filter((input) => !input.isStatic)
  const values = readNames(
    loss,
    inputs,
    new Map(callable.map((input) => [input.name, input])),
    new Set(loss.inputs.filter((input) => input.isStatic).map(({ name }) => name)),
  )
  const known = readSizes(loss, sizes, fixed)
  const scalars = new Map(statics)
  for (const input of callable) {
    const value = values.get(input.name)
    if (input.dimensions.length === 0 && value !== undefined)
      scalars.set(input, readScalar(input, unwrapped(value)))
  }
  const call = evaluatorOf(known, scalars)
  const evaluate = (expr: Expr): number => {
    const [missing] = missingSizes(expr, known)
    if (missing !== undefined) throw unknownSize(missing)
    return call.size(expr)
  }
  const arrays = new Map<Input, Part>()
  const given: string[] = []
  for (const input of callable) {
    const value = values.get(input.name)
    if (input.dimensions.length > 0) {
      if (value === undefined) continue
      const length = input.dimensions.reduce((total, { extent }) => total * evaluate(extent), 1)
      arrays.set(input, partOf(input.name, value, length, alignment))
    } else {
      if (!scalars.has(input) && input.default && "expr" in input.default)
        scalars.set(input, evaluate(input.default.expr))
      const number = scalars.get(input)!
      checkScalar(input, number, evaluate)
      if (input.label && !input.label.optional && !isLabel(number, evaluate(input.label.extent)))
        throw badLabel(input, 0, number, evaluate(input.label.extent), 1, 1)
    }
    if (input.default) given.push(input.name)
  }
  for (const { condition, message, span } of loss.checks)
    if (evaluate(condition) === 0)
      throw failure("entry-check", message, {
        sizes: Object.fromEntries(known),
        start: span.start,
        end: span.end,
      })
  for (const { input, condition, extent } of loss.labelReads)
    if (input.dimensions.length === 0 && condition.axes.length === 0) {
      const value = scalars.get(input)!
      if (!isLabel(value, evaluate(extent)) && evaluate(condition) !== 0)
        throw badLabel(input, 0, value, evaluate(extent), 1, 1)
    }
  return { sizes: known, arrays, scalars, given, evaluate }
}

/** The sizes of the axes: those of the kernel and those of the call. */
function readSizes(
  loss: Loss,
  given: unknown,
  fixed: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sizes = new Map(fixed)
  const names = new Set(
    [...loss.batch, ...loss.inputs.flatMap(({ dimensions }) => dimensions)].flatMap(({ extent }) =>
      extent.kind === "size" ? [extent.name] : [],
    ),
  )
  for (const [name, size] of ownEntries(given, "sizes")) {
    if (!names.has(name))
      throw failure(
        "unknown-size",
        `\`${loss.name}\` has no axis ${name}`,
        { axis: name },
        suggestion(name, names),
      )
    if (!isSize(size))
      throw failure(
        "bad-size",
        `the size of axis ${name} is ${describe(size)}; expected a whole number from 0`,
        { axis: name, value: size },
      )
    const known = fixed.get(name)
    if (known !== undefined && known !== size)
      throw failure(
        "size-mismatch",
        `the kernel was made for ${known} elements of axis ${name}, and this call has ${size}`,
        { axis: name, value: size, expected: known },
      )
    sizes.set(name, size)
  }
  return sizes
}

/**
 * The bytes of a buffer that hold the elements of an array, 4 each, from a multiple of the alignment on. Throws `LossError`.
 */
export function partOf(name: string, value: unknown, length: number, alignment: number): Part {
  const { buffer, offset = 0, size } = (isBuffer(value) ? { buffer: value } : (value ?? {})) as Partial<Part>
  if (!isBuffer(buffer))
    throw failure(
      "input-kind",
      `\`${name}\` is ${describe(value)}; expected a GPUBuffer or { buffer, offset, size }`,
      {
        argument: name,
      },
    )
  if (!isSize(offset) || (size !== undefined && !isSize(size)))
    throw failure("bad-size", `the place of \`${name}\` in its buffer is not made of whole numbers`, {
      argument: name,
    })
  if (offset % alignment !== 0)
    throw failure(
      "bad-size",
      `\`${name}\` starts at byte ${offset} of its buffer; the device asks for a multiple of ${alignment}`,
      { argument: name, value: offset, expected: alignment },
    )
  const bytes = Math.max(0, Math.min(size ?? Infinity, buffer.size - offset))
  if (bytes < length * 4)
    throw failure(
      "buffer-length",
      `the buffer of \`${name}\` holds ${Math.floor(bytes / 4)} elements; the call needs ${length}`,
      { argument: name, value: Math.floor(bytes / 4), expected: length },
    )
  return { buffer, offset, size: length * 4 }
}

function isBuffer(value: unknown): value is GpuBuffer {
  return typeof (value as Partial<GpuBuffer> | null | undefined)?.getMappedRange === "function"
}
