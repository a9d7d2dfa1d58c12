// Turns a checked loss and options into a function over arguments by name: checks each call, runs it, names the results.
import type { Loss } from "./loss.ts"
import { type Bound, binder } from "./run/bind.ts"
import { checkOutput, checkOverlap, type Floats, newFloats, type Region } from "./run/buffers.ts"
import { readBuffers, readCall, readCotangent, readDirections } from "./run/call.ts"
import { failure, suggestion } from "./run/failure.ts"
import { type InputValue, isSize, mostElements } from "./run/given.ts"
import { type KernelArray, KernelMemory } from "./run/memory.ts"
import { type KernelOptions, type Settings, readSettings } from "./run/settings.ts"
import { arrayTypes, elementFor } from "./run/wasm.ts"
import { productPrefix } from "./second.ts"
import { type Computed, type Operands, gradientPrefix, variantsOf } from "./variants.ts"

/** What a call may bring besides the arguments. */
export interface CallOptions {
  /** Arrays to write gradients into, by name: of the kernel's dtype, of the size of the argument, apart from all others. */
  readonly grad?: Readonly<Record<string, Floats>>
  /** With reduction none: the weight of each row in the gradients. Default all 1. */
  readonly cotangent?: InputValue
  /** With `hvp`: the direction of each argument, as large as the argument. */
  readonly direction?: Readonly<Record<string, InputValue>>
}

/** The result of a call. */
export interface KernelResult {
  /** The loss; with reduction none an array of one loss per row. */
  readonly loss: number | Floats
  /** The gradients that the kernel was made with, each as large as its argument; that of a scalar has one element. */
  readonly grad: Readonly<Record<string, Floats>>
  /** The products of the second derivatives with the directions, each as large as its argument. */
  readonly hvp: Readonly<Record<string, Floats>>
  /** How many rows were kept. */
  readonly count: number
  /** What the mean divides by: the sum of the weights of the rows that were kept. */
  readonly per: number
  /** The axes of the losses of the rows: of the batch, and [] for a call of one row. */
  readonly shape: readonly number[]
}

/** A kernel: a function from arguments by name to the loss and its gradients. It throws `LossError` and then has written nothing. */
export interface AnyKernel {
  (inputs: Readonly<Record<string, InputValue | undefined>>, options?: CallOptions): KernelResult
  /** How many variants have been compiled: one for each set of optional arrays and of array types, never one for a value. */
  readonly variants: number
  /**
   * An array of zeros for an argument or its gradient, of the type that the kernel reads: for the target `wasm` in its memory, so
   * that calls copy nothing. Growing memory detaches what it holds; a call with detached arrays is refused. Throws `LossError`.
   */
  alloc(name: string, shape: number | readonly number[]): KernelArray
  /** The memory of a kernel of the target `wasm`, to be shared with others by their option `memory`. */
  readonly memory: KernelMemory | undefined
  /** Gives the memory back. Arrays from `alloc` are detached, and the kernel refuses to run from then on. */
  destroy(): void
}

/** The names that kernels have besides being functions. */
type Extras = Pick<AnyKernel, "alloc" | "memory" | "destroy">

function extrasOf(loss: Loss, { dtype }: Settings, memory: KernelMemory | undefined): Extras {
  return {
    memory,
    alloc(name, shape) {
      const input = loss.inputs.find((one) => one.name === name)
      if (!input)
        throw failure(
          "unknown-argument",
          `\`${loss.name}\` has no argument \`${name}\``,
          { argument: name },
          suggestion(
            name,
            loss.inputs.map((one) => one.name),
          ),
        )
      const sizes = typeof shape === "number" ? [shape] : shape
      const length = sizes.reduce((x, y) => x * y, 1)
      if (!sizes.every(isSize) || length > mostElements)
        throw failure("bad-size", `\`${name}\` cannot have the shape [${sizes.join(", ")}]`, {
          argument: name,
          value: length,
        })
      const type = arrayTypes[elementFor(input.type === "real" ? dtype : input.type)]
      return memory ? memory.alloc(name, type, length) : new type(length)
    },
    destroy: () => memory?.destroy(),
  }
}

/** A call that is checked and ready to run. */
export interface ReadyCall<V extends Computed> {
  readonly variant: V
  readonly operands: Operands
  /** The arrays to fill, in the order of the outputs. */
  readonly written: readonly Floats[]
  /** The result, once the arrays are filled. */
  readonly result: (numbers: ReadonlyMap<string, number>) => KernelResult
}

/** Makes the function that checks the calls of one kernel. What it makes throws `LossError`; see `catalogue/run.ts`. */
export function caller<V extends Computed>(
  loss: Loss,
  settings: Settings,
  find: (bound: Bound) => V,
): (inputs: unknown, options?: CallOptions) => ReadyCall<V> {
  const { dtype, choice, products } = settings
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const weighted = rows && choice.grad.length + products.length > 0
  const bind = binder(loss, { ...settings, materialise: new Set([...choice.grad, ...products]) })

  return (inputs, options = {}) => {
    const bound = bind(inputs)
    const call = readCall(options)
    const buffers = readBuffers(call.get("grad"), choice.grad)
    const cotangent = readCotangent(loss, call.get("cotangent"), weighted, bound, dtype)
    const given = readDirections(loss, call.get("direction"), products, bound, dtype)

    const variant = find(bound)
    let { arrays, scalars } = bound
    if (cotangent || given.size > 0) {
      const more = new Map(arrays)
      const numbers = new Map(scalars)
      if (cotangent) more.set(variant.cotangent!, cotangent)
      for (const [name, input] of variant.directions)
        if (input.dimensions.length > 0) more.set(input, given.get(name)!)
        else numbers.set(input, given.get(name)![0]!)
      arrays = more
      scalars = numbers
    }

    const own: Region[] = []
    const found = new Map<string, Floats>()
    const result = (name: string, length: number): Floats => {
      const buffer = buffers.get(name)
      const array =
        buffer === undefined ? newFloats(name, dtype, length) : checkOutput(name, buffer, dtype, length)
      if (buffer !== undefined) own.push({ name, array })
      found.set(name, array)
      return array
    }
    const written = variant.outputs.arrays.map(({ name, axes }, i) => {
      let length = 1
      for (const axis of axes) length *= bound.evaluate(axis.extent)
      return rows && i === 0 ? newFloats(name, dtype, length) : result(name, length)
    })
    for (const name of variant.numbers) result(name, 1)
    if (own.length > 0)
      checkOverlap(
        Array.from(arrays, ([{ name }, array]) => ({ name, array })),
        own,
      )

    return {
      variant,
      operands: { sizes: bound.sizes, arrays, scalars },
      written,
      result: (numbers) => {
        for (const name of variant.numbers) found.get(name)![0] = numbers.get(gradientPrefix + name)!
        return {
          loss: rows ? written[0]! : numbers.get("loss")!,
          grad: Object.fromEntries(choice.grad.map((name) => [name, found.get(name)!])),
          hvp: Object.fromEntries(products.map((name) => [name, found.get(productPrefix + name)!])),
          count: numbers.get("count")!,
          per: numbers.get("per")!,
          shape: bound.shape,
        }
      },
    }
  }
}

/** Makes a kernel; `more` is for tests. Throws `LossError` if the options are wrong; see `catalogue/run.ts`. */
export function makeKernel(
  loss: Loss,
  options: KernelOptions = {},
  more: Pick<Settings, "blocks"> = {},
): AnyKernel {
  const settings: Settings = { ...readSettings(loss, options), ...more }
  const { target, threads } = settings
  if (target === "wgsl")
    throw failure(
      "target-unavailable",
      "the target wgsl runs on a device",
      { argument: "target", value: target },
      "make the kernel with `await loss.webgpu(device)`",
    )
  const memory =
    target === "wasm" ? (settings.memory ?? new KernelMemory({ shared: threads > 1 })) : undefined
  const variants = variantsOf(loss, settings, memory)
  const ready = caller(loss, settings, variants.find)

  const kernel = (inputs: unknown, options?: CallOptions): KernelResult => {
    const { variant, operands, written, result } = ready(inputs, options)
    return result(variant.run(operands, written))
  }
  Object.defineProperty(kernel, "name", { value: loss.name })
  Object.defineProperty(kernel, "variants", { get: () => variants.count, enumerable: true })
  return Object.assign(kernel, extrasOf(loss, settings, memory)) as AnyKernel
}
