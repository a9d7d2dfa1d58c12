// Ways to compute the outputs of a loss at a site, and whether they agree.
import type { Kernel } from "../../src/loops.ts"
import type { Outputs } from "../../src/loss.ts"
import { doubles } from "../../src/run/doubles.ts"
import { interpret } from "../../src/run/interpret.ts"
import { interpretLoops } from "../../src/run/loops.ts"
import type { Site } from "../../src/testing/site.ts"
import type { Input } from "../../src/types.ts"

/** The scalars by name and the arrays by position of one way to compute outputs. */
export type Values = ReadonlyMap<string, ArrayLike<number>>

/** The arrays of a call; with reduction none the cotangent is one of them. */
function arraysOf(outputs: Outputs, { bound, cotangent }: Site): ReadonlyMap<Input, ArrayLike<number>> {
  const arrays = new Map<Input, ArrayLike<number>>(bound.arrays)
  for (const input of outputs.inputs) if (input.name === "cotangent") arrays.set(input, cotangent!)
  return arrays
}

/** What the expressions of outputs mean. */
export function meaning(outputs: Outputs, site: Site): Values {
  const { bound } = site
  const given = arraysOf(outputs, site)
  const { scalars, arrays } = interpret(doubles, outputs, {
    sizes: bound.sizes,
    elements: (input) => given.get(input) ?? [bound.scalars.get(input)!],
  })
  return collect(
    outputs.scalars.map(({ name }) => name),
    [...scalars.values()],
    outputs,
    arrays,
  )
}

/** What the loops of a kernel compute, one statement after another. */
export function loops(kernel: Kernel, outputs: Outputs, site: Site): Values {
  const { inputs, written, scalars, sizes } = operands(kernel, outputs, site)
  const results = interpretLoops(kernel, { inputs, outputs: written, scalars, sizes })
  return collect(kernel.results, results, outputs, inOrder(kernel, outputs, written))
}

/** The operands of a call of a kernel. */
export function operands(kernel: Kernel, outputs: Outputs, site: Site) {
  const { bound } = site
  const given = arraysOf(outputs, site)
  const lengths = new Map<string, number>([["loss", site.cotangent?.length ?? 0]])
  for (const input of bound.arrays.keys())
    lengths.set(
      input.name,
      input.dimensions.reduce((total, d) => total * bound.evaluate(d.extent), 1),
    )
  return {
    inputs: kernel.inputs.map((buffer) => given.get(buffer.input!)!),
    // What is not written shows: NaN is no gradient.
    written: kernel.outputs.map((buffer) => new Float64Array(lengths.get(buffer.name!)!).fill(NaN)),
    scalars: kernel.scalars.map(({ input }) => bound.scalars.get(input)!),
    sizes: kernel.sizeNames.map((name) => bound.sizes.get(name)!),
  }
}

/** Written arrays in the order of the outputs. */
export function inOrder(
  kernel: Kernel,
  { arrays }: Outputs,
  written: readonly ArrayLike<number>[],
): readonly ArrayLike<number>[] {
  return arrays.map(({ name }) => written[kernel.outputs.findIndex((buffer) => buffer.name === name)]!)
}

/** Values by name. */
export function collect(
  names: readonly string[],
  scalars: ArrayLike<number>,
  outputs: Outputs,
  arrays: readonly ArrayLike<number>[],
): Values {
  return new Map([
    ...names.map((name, i) => [name, [scalars[i]!]] as const),
    ...outputs.arrays.map(({ name }, i) => [`grad:${name}`, arrays[i]!] as const),
  ])
}

/** Where two results differ by more than a relative tolerance, the largest gradient being the scale of small ones. */
export function difference(name: string, got: Values, wanted: Values, tolerance: number): string | undefined {
  const steepest = [...wanted].reduce(
    (top, [key, list]) =>
      key.startsWith("grad:") ? Array.from(list).reduce((x, y) => Math.max(x, Math.abs(y) || 0), top) : top,
    1,
  )
  for (const [key, list] of wanted) {
    const other = got.get(key)
    if (!other || other.length !== list.length) return `${name}: ${key} is missing or has another length`
    for (let i = 0; i < list.length; i++) {
      const [x, y] = [other[i]!, list[i]!]
      if (Object.is(x, y) || x === y) continue
      if (!(Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y), steepest)))
        return `${name}: ${key}[${i}] is ${x}; expected ${y}`
    }
  }
  return undefined
}
