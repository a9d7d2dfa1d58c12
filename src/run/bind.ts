// Turns the arguments of a call into checked arrays, numbers and sizes; nothing is written before everything is checked.
import type { Expr } from "../ir.ts"
import type { Loss } from "../loss.ts"
import type { Dimension, Dtype, Input } from "../types.ts"
import { doubles } from "./doubles.ts"
import { badLabel, isLabel, readElements, type Bounds } from "./elements.ts"
import { describe, failure, listed, suggestion } from "./failure.ts"
import { readGiven, type Given, type NumberArray } from "./given.ts"
import { evaluator, type Evaluator } from "./interpret.ts"
import { checkLabels } from "./labels.ts"
import { boundsOf, checkScalar, ownEntries, readScalar } from "./options.ts"
import { missingSizes, readShapes, type GivenArray, type Shapes } from "./shapes.ts"

/** The arguments of one call, checked. */
export interface Bound {
  readonly sizes: ReadonlyMap<string, number>
  readonly arrays: ReadonlyMap<Input, NumberArray>
  /** Every argument without axes; bools and choices as numbers. */
  readonly scalars: ReadonlyMap<Input, number>
  /** Names of the arguments that have a default but are passed as arrays, in the order of the header. */
  readonly given: readonly string[]
  /** The axes of the result of reduction none. */
  readonly shape: readonly number[]
  /** Extents and other ints without axes, in this call. */
  readonly evaluate: (expr: Expr) => number
}

/** What is known when a kernel is made. */
export interface BindOptions {
  readonly dtype: Dtype
  readonly statics: ReadonlyMap<Input, number>
  readonly sizes: ReadonlyMap<string, number>
  /** Whether the domains of data are checked as well. */
  readonly check: boolean
  /** Arrays with a default that are needed as arrays, because their gradient is asked for. */
  readonly materialise: ReadonlySet<string>
}

/** Makes the function that checks the arguments of each call of one kernel. What it makes throws `LossError`. */
export function binder(loss: Loss, options: BindOptions): (inputs: unknown) => Bound {
  const callable = loss.inputs.filter((input) => !input.isStatic)
  const byName = new Map(callable.map((input) => [input.name, input]))
  const statics = new Set(loss.inputs.filter((input) => input.isStatic).map((input) => input.name))
  const first = loss.batch.find((axis) => axis.name !== "...")
  const batch: Dimension | undefined = first && { name: first.name, extent: first.extent }

  return (inputs) => {
    const values = readNames(loss, inputs, byName, statics)
    const arrays: GivenArray[] = []
    const scalars = new Map<Input, number>(options.statics)
    for (const input of callable) {
      const value = values.get(input.name)
      if (value === undefined) continue
      if (input.dimensions.length > 0) arrays.push({ input, given: readGiven(input, value) })
      else scalars.set(input, readScalar(input, unwrapped(value)))
    }
    const shapes = readShapes(arrays, batch, options.sizes, (expr, sizes) =>
      evaluatorOf(sizes, scalars).size(expr),
    )
    const call = evaluatorOf(shapes.sizes, scalars)
    const evaluate = (expr: Expr): number => {
      const missing = missingSizes(expr, shapes.sizes)
      if (missing.length > 0) throw unknownSize(missing[0]!)
      return call.size(expr)
    }
    for (const input of callable) {
      if (input.dimensions.length > 0) continue
      if (!scalars.has(input) && input.default && "expr" in input.default)
        scalars.set(input, evaluate(input.default.expr))
      const value = scalars.get(input)!
      checkScalar(input, value, evaluate)
      if (input.label && !input.label.optional && !isLabel(value, evaluate(input.label.extent)))
        throw badLabel(input, 0, value, evaluate(input.label.extent), 1, 1)
    }
    const bound = new Map<Input, NumberArray>()
    const given: string[] = []
    for (const { input, given: came } of [
      ...arrays,
      ...defaults(callable, values, options, shapes, call, loss),
    ]) {
      bound.set(input, readElements(input, came, demandsOf(input, options, evaluate)))
    }
    for (const input of callable)
      if (input.default && (input.dimensions.length === 0 || bound.has(input))) given.push(input.name)
    for (const { condition, message, span } of loss.checks)
      if (evaluate(condition) === 0)
        throw failure("entry-check", message, {
          sizes: Object.fromEntries(shapes.sizes),
          start: span.start,
          end: span.end,
        })
    checkLabels(loss, bound, scalars, shapes.sizes, evaluate)
    return {
      sizes: shapes.sizes,
      arrays: bound,
      scalars,
      given,
      shape: resultShape(loss, shapes, evaluate),
      evaluate,
    }
  }
}

/** The values by name, after checking that every name is an argument and every argument without a default is there. */
export function readNames(
  loss: Loss,
  inputs: unknown,
  byName: ReadonlyMap<string, Input>,
  statics: ReadonlySet<string>,
): ReadonlyMap<string, unknown> {
  if (typeof inputs !== "object" || inputs === null || ArrayBuffer.isView(inputs) || Array.isArray(inputs))
    throw failure(
      "input-kind",
      `the arguments of \`${loss.name}\` are ${describe(inputs)}; expected an object such as { ${[...byName.keys()].slice(0, 3).join(", ")} }`,
    )
  const values = ownEntries(inputs, "inputs")
  for (const name of values.keys()) {
    if (byName.has(name)) continue
    if (statics.has(name))
      throw failure(
        "static-at-call",
        `\`${name}\` is fixed when the kernel is made`,
        { argument: name },
        `make the kernel with static: { ${name}: … }`,
      )
    throw failure(
      "unknown-argument",
      `\`${loss.name}\` has no argument \`${name}\``,
      { argument: name },
      suggestion(name, byName.keys()),
    )
  }
  const missing = [...byName.values()].filter((input) => !input.default && !values.has(input.name))
  if (missing.length > 0)
    throw failure(
      "missing-argument",
      `\`${loss.name}\` needs the ${missing.length === 1 ? "argument" : "arguments"} ${listed(missing.map((input) => input.name))}`,
      {
        argument: missing[0]!.name,
      },
    )
  return values
}

/** A scalar that came as an array of shape []. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  const { data, shape } = value as { data?: ArrayLike<unknown>; shape?: ArrayLike<unknown> }
  return shape?.length === 0 && data?.length === 1 ? data[0] : value
}

/** The arrays that the caller left out and the kernel needs all the same. */
function defaults(
  callable: readonly Input[],
  values: ReadonlyMap<string, unknown>,
  { materialise, dtype }: BindOptions,
  shapes: Shapes,
  call: Evaluator<number>,
  { core }: Loss,
): GivenArray[] {
  const out: GivenArray[] = []
  for (const input of callable) {
    if (input.dimensions.length === 0 || !input.default || values.has(input.name)) continue
    let list: readonly number[]
    if ("vector" in input.default) list = input.default.vector
    else if (materialise.has(input.name)) {
      const axes = input.dimensions.map((d) => core.axis(d.name, d.extent))
      const missing = axes.flatMap((axis) => missingSizes(axis.extent, shapes.sizes))
      if (missing.length > 0) throw unknownSize(missing[0]!)
      list = call.array(input.default.expr, axes)
    } else continue
    const wanted = input.dimensions.reduce((total, d) => total * call.size(d.extent), 1)
    if (list.length !== wanted)
      throw failure(
        "size-mismatch",
        `the default of \`${input.name}\` has ${list.length} elements, but its axes [${input.dimensions.map((d) => d.name).join(", ")}] ask for ${wanted}`,
        { argument: input.name, value: list.length, expected: wanted },
      )
    const elements: Given["elements"] =
      input.type === "real" && dtype === "f32" ? Float32Array.from(list) : Float64Array.from(list)
    out.push({ input, given: { elements, shape: undefined } })
  }
  return out
}

function demandsOf(
  input: Input,
  { dtype, check }: BindOptions,
  evaluate: (expr: Expr) => number,
): { dtype: Dtype; labels: number | undefined; bounds: Bounds | undefined; rows: number } {
  return {
    dtype,
    labels: input.label && !input.label.optional ? evaluate(input.label.extent) : undefined,
    bounds: input.domain && (check || input.domainUsed) ? boundsOf(input.domain, evaluate) : undefined,
    rows: evaluate(input.dimensions[0]!.extent),
  }
}

/** Evaluates extents and conditions of a call. */
export function evaluatorOf(
  sizes: ReadonlyMap<string, number>,
  scalars: ReadonlyMap<Input, number>,
): Evaluator<number> {
  return evaluator(doubles, { sizes, elements: (input) => [scalars.get(input)!] })
}

/** The error for a size that nothing tells. */
export function unknownSize(name: string): Error {
  return failure(
    "unknown-size",
    `nothing that was passed says how large axis ${name} is`,
    { axis: name },
    `pass an argument that has the axis, or make the kernel with sizes: { ${name}: … }`,
  )
}

/** The batch axes of a call in the order of the header, `...` unfolded, without the first one if the call is one row. */
function resultShape(
  loss: Loss,
  { single, unfolded }: Shapes,
  evaluate: (expr: Expr) => number,
): readonly number[] {
  const first = loss.batch.find((axis) => axis.name !== "...")
  return loss.batch.flatMap((axis) => {
    if (single && axis === first) return []
    const shape =
      axis.name === "..." && axis.extent.kind === "size" ? unfolded.get(axis.extent.name) : undefined
    return shape ?? [evaluate(axis.extent)]
  })
}
