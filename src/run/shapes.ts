// Turns the shapes of the arguments into the sizes of the axes, and finds arguments that disagree.
import type { Expr } from "../ir.ts"
import { children } from "../graph.ts"
import type { Dimension, Input } from "../types.ts"
import { failure, listed } from "./failure.ts"
import { isSize, type Given } from "./given.ts"

const { isInteger } = Number

/** The name of an axis that stands for any number of axes. */
const any = "..."

/** What the arguments of a call say about its axes. */
export interface Shapes {
  readonly sizes: ReadonlyMap<string, number>
  /** Whether the call is one row: no argument of a sample has the first batch axis. */
  readonly single: boolean
  /** The axes behind `...`, by name of its size. */
  readonly unfolded: ReadonlyMap<string, readonly number[]>
}

/** The sizes of a call, with who said so. */
interface Ledger {
  readonly sizes: Map<string, number>
  readonly sources: Map<string, string>
  readonly unfolded: Map<string, { readonly shape: readonly number[]; readonly from: string }>
}

/** An argument with axes, and what came for it. */
export interface GivenArray {
  readonly input: Input
  readonly given: Given
}

/** An argument that came with a shape, or that has a single axis; the batch axis of a call of one row put back. */
interface ShapedInput {
  readonly input: Input
  readonly shape: readonly number[]
}

/**
 * Finds the size of every axis that some argument has. `batch` is the first batch axis with a name; `fixed` holds sizes that
 * the caller gave when the kernel was made; `extent` computes an extent that is no plain size. Throws `LossError`.
 */
export function readShapes(
  arrays: readonly GivenArray[],
  batch: Dimension | undefined,
  fixed: ReadonlyMap<string, number>,
  extent: (expr: Expr, sizes: ReadonlyMap<string, number>) => number,
): Shapes {
  const ledger: Ledger = { sizes: new Map(fixed), sources: new Map(), unfolded: new Map() }
  for (const name of fixed.keys()) ledger.sources.set(name, "the kernel's option `sizes`")
  const single = isSingle(arrays, batch)
  const shaped: ShapedInput[] = []
  const plain: GivenArray[] = []
  for (const array of arrays) {
    const { input, given } = array
    const shape = given.shape ?? (input.dimensions.length === 1 ? [given.elements.length] : undefined)
    if (!shape) {
      plain.push(array)
      continue
    }
    const one = { input, shape: single ? withRow(input, shape, given, batch) : shape }
    spread(ledger, one, given.shape !== undefined)
    shaped.push(one)
  }
  if (single && batch?.extent.kind === "size")
    note(ledger, batch.extent.name, 1, "this call of one row", batch.name)
  solve(ledger, plain, extent)
  check(ledger, shaped, extent)
  return {
    sizes: ledger.sizes,
    single,
    unfolded: new Map([...ledger.unfolded].map(([name, { shape }]) => [name, shape])),
  }
}

/** Whether the arguments of a sample all lack the batch axis; an error if only some do. */
function isSingle(arrays: readonly GivenArray[], batch: Dimension | undefined): boolean {
  if (!batch) return false
  let lacking: string | undefined
  let having: string | undefined
  for (const { input, given } of arrays) {
    if (input.role !== "sample" || !given.shape || !input.dimensions.some((d) => d.extent === batch.extent))
      continue
    const named = input.dimensions.filter((d) => d.name !== any).length
    if (given.shape.length === named - 1) lacking ??= input.name
    else if (given.shape.length === named && named === input.dimensions.length) having ??= input.name
  }
  if (lacking !== undefined && having !== undefined)
    throw failure(
      "mixed-batch",
      `\`${having}\` has the batch axis ${batch.name}, but \`${lacking}\` lacks it`,
      { argument: lacking, other: having, axis: batch.name },
      "give every argument of a sample the axis, or none",
    )
  return lacking !== undefined
}

/** The shape of an argument of one row with the batch axis put back. */
function withRow(
  input: Input,
  shape: readonly number[],
  given: Given,
  batch: Dimension | undefined,
): readonly number[] {
  const at = input.dimensions.findIndex((d) => d.extent === batch!.extent)
  // An array that came alone for a single axis is a row already where that axis is not the batch.
  if (at < 0 || input.role !== "sample" || !given.shape) return shape
  const before = input.dimensions.slice(0, at).some((d) => d.name === any)
    ? shape.length - (input.dimensions.length - at - 1)
    : at
  return [...shape.slice(0, before), 1, ...shape.slice(before)]
}

/** Notes the sizes in one shape. */
function spread(ledger: Ledger, { input, shape }: ShapedInput, explicit: boolean): void {
  const { name, dimensions } = input
  const at = dimensions.findIndex((d) => d.name === any)
  if (at < 0 ? shape.length !== dimensions.length : shape.length < dimensions.length - 1)
    throw failure(
      "wrong-rank",
      `\`${name}\` has the axes [${dimensions.map((d) => d.name).join(", ")}], but came with the shape [${shape.join(", ")}]`,
      { argument: name, shape },
    )
  const wide = shape.length - dimensions.length + 1
  dimensions.forEach((dimension, i) => {
    const from = at >= 0 && i > at ? i + wide - 1 : i
    const folded = i === at ? shape.slice(from, from + wide) : [shape[from]!]
    const size = folded.reduce((total, one) => total * one, 1)
    if (dimension.extent.kind !== "size") return
    const key = dimension.extent.name
    if (i === at && explicit) {
      const known = ledger.unfolded.get(key)
      if (!known) ledger.unfolded.set(key, { shape: folded, from: name })
      else if (known.shape.length !== folded.length || known.shape.some((one, k) => one !== folded[k]))
        throw disagreement(name, known.from, "...", `[${folded.join(", ")}]`, `[${known.shape.join(", ")}]`)
    }
    note(ledger, key, size, name, dimension.name)
  })
}

function note(ledger: Ledger, key: string, size: number, from: string, axis: string): void {
  const known = ledger.sizes.get(key)
  if (known === undefined) {
    if (!isSize(size))
      throw failure("bad-size", `axis ${axis} of \`${from}\` would have ${size} elements`, {
        argument: from,
        axis,
        value: size,
      })
    ledger.sizes.set(key, size)
    ledger.sources.set(key, from)
  } else if (known !== size)
    throw disagreement(from, ledger.sources.get(key)!, axis, String(size), String(known))
}

function disagreement(argument: string, other: string, axis: string, value: string, wanted: string): Error {
  const who = (name: string): string => (name.includes(" ") ? name : `\`${name}\``)
  return failure(
    "size-mismatch",
    `${who(argument)} and ${who(other)} disagree about axis ${axis}: ${value} in ${who(argument)}, ${wanted} in ${who(other)}`,
    { argument, other, axis, value, expected: wanted },
  )
}

/** Finds the sizes of arrays that came without a shape, as long as each has one size that is not known. */
function solve(
  ledger: Ledger,
  plain: readonly GivenArray[],
  extent: (expr: Expr, sizes: ReadonlyMap<string, number>) => number,
): void {
  let open = [...plain]
  while (open.length > 0) {
    const left: GivenArray[] = []
    for (const array of open) {
      const { input, given } = array
      let product = 1
      const unknown = new Map<string, Dimension>()
      for (const d of input.dimensions) {
        const missing = missingSizes(d.extent, ledger.sizes)
        if (missing.length === 0) product *= extent(d.extent, ledger.sizes)
        else unknown.set(missing.join(), d)
      }
      const [only, ...others] = unknown.values()
      const twice = input.dimensions.filter((d) => d.extent === only?.extent).length > 1
      if (!only) expectLength(array, product)
      else if (others.length > 0 || twice || only.extent.kind !== "size" || product === 0) left.push(array)
      else {
        const size = given.elements.length / product
        if (!isInteger(size)) expectLength(array, product, true)
        note(ledger, only.extent.name, size, input.name, only.name)
      }
    }
    if (left.length === open.length) throw unknownSizes(left[0]!, ledger)
    open = left
  }
}

function expectLength({ input, given }: GivenArray, product: number, multiple = false): void {
  const { length } = given.elements
  if (!multiple && length === product) return
  const axes = input.dimensions.map((d) => d.name).join(", ")
  throw failure(
    "size-mismatch",
    multiple
      ? `\`${input.name}\` has ${length} elements, which do not divide into rows of ${product}: its axes are [${axes}]`
      : `\`${input.name}\` has ${length} elements, but its axes [${axes}] ask for ${product}`,
    { argument: input.name, value: length, expected: product },
  )
}

function unknownSizes({ input }: GivenArray, ledger: Ledger): Error {
  const names = [...new Set(input.dimensions.flatMap((d) => missingSizes(d.extent, ledger.sizes)))]
  return failure(
    "unknown-size",
    `\`${input.name}\` is an array without a shape, and the sizes ${listed(names)} are not known from other arguments`,
    { argument: input.name, axis: names[0] },
    `pass { data, shape }, or make the kernel with sizes: { ${names[0]}: … }`,
  )
}

/** Checks the axes whose extent is computed, now that all sizes are known. */
function check(
  ledger: Ledger,
  arrays: readonly ShapedInput[],
  extent: (expr: Expr, sizes: ReadonlyMap<string, number>) => number,
): void {
  for (const { input, shape } of arrays)
    input.dimensions.forEach((dimension, i) => {
      if (dimension.extent.kind === "size" || dimension.name === any) return
      const fromEnd = input.dimensions.length - i
      const value = input.dimensions.slice(0, i).some((d) => d.name === any)
        ? shape[shape.length - fromEnd]
        : shape[i]
      const wanted = extent(dimension.extent, ledger.sizes)
      const names = dimension.components ? ` (${dimension.components.join(", ")})` : ""
      if (value !== wanted)
        throw failure(
          "size-mismatch",
          `axis ${dimension.name} of \`${input.name}\` has ${value} elements; expected ${wanted}${names}`,
          { argument: input.name, axis: dimension.name, value, expected: wanted },
        )
    })
}

/** The names of the sizes that an extent needs and that are not known. */
export function missingSizes(expr: Expr, sizes: ReadonlyMap<string, number>): string[] {
  if (expr.kind === "size") return sizes.has(expr.name) ? [] : [expr.name]
  return [...new Set(children(expr).flatMap((child) => missingSizes(child, sizes)))]
}
