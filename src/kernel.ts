// Turns a checked loss and options into a function over arrays: checks each call, makes each variant once, runs it.
import { lower } from "./compile.ts"
import { emitJs } from "./emit/js.ts"
import type { Kernel as Loops } from "./loops.ts"
import type { Loss, Outputs } from "./loss.ts"
import { outputsOf } from "./outputs.ts"
import { binder, type Bound } from "./run/bind.ts"
import { checkOutput, checkOverlap, type Floats, newFloats, type Region } from "./run/buffers.ts"
import { doubles } from "./run/doubles.ts"
import { readElements } from "./run/elements.ts"
import { failure, suggestion } from "./run/failure.ts"
import { type InputValue, type NumberArray, readGiven } from "./run/given.ts"
import { interpret } from "./run/interpret.ts"
import { instantiate } from "./run/js.ts"
import { ownEntries } from "./run/options.ts"
import { type KernelOptions, readSettings, type Settings } from "./run/settings.ts"
import type { Dtype, Input } from "./types.ts"

/** What a call may bring besides the arguments. */
export interface CallOptions {
  /** Arrays to write gradients into, by name: of the kernel's dtype, of the size of the argument, apart from all others. */
  readonly grad?: Readonly<Record<string, Floats>>
  /** With reduction none: the weight of each row in the gradients. Default all 1. */
  readonly cotangent?: InputValue
}

/** The result of a call. */
export interface KernelResult {
  /** The loss; with reduction none an array of one loss per row. */
  readonly loss: number | Floats
  /** The gradients that the kernel was made with, each as large as its argument; that of a scalar has one element. */
  readonly grad: Readonly<Record<string, Floats>>
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
}

/** Fills the arrays, in the order of the outputs, and returns the scalars. */
type Run = (
  bound: Bound,
  inputs: ReadonlyMap<Input, NumberArray>,
  arrays: readonly Floats[],
) => ReadonlyMap<string, number>

/** What is computed for one set of optional arrays, as one function for one combination of array types. */
interface Variant {
  readonly outputs: Outputs
  readonly run: Run
}

/** Makes a kernel. Throws `LossError` if the options are wrong; see `catalogue/run.ts`. */
export function makeKernel(loss: Loss, options: KernelOptions = {}): AnyKernel {
  const settings = readSettings(loss, options)
  const { dtype, choice } = settings
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const weighted = rows && choice.grad.length > 0
  const bind = binder(loss, { ...settings, materialise: new Set(choice.grad) })
  const variants = variantsOf(loss, settings)

  const kernel = (inputs: unknown, options: CallOptions = {}): KernelResult => {
    const bound = bind(inputs)
    const call = ownEntries(options, "options")
    const buffers = readBuffers(call, choice.grad)
    const cotangent = readCotangent(loss, call.get("cotangent"), weighted, bound, dtype)
    const { outputs, run } = variants.find(bound)
    const arrays = new Map(bound.arrays)
    for (const input of outputs.inputs)
      if (cotangent && !loss.inputs.includes(input)) arrays.set(input, cotangent)

    const own: Region[] = []
    const gradient = (name: string, length: number): Floats => {
      const buffer = buffers.get(name)
      if (buffer === undefined) return newFloats(name, dtype, length)
      const array = checkOutput(name, buffer, dtype, length)
      own.push({ name, array })
      return array
    }
    const results = outputs.arrays.map(({ name, axes }, i) => {
      const length = axes.reduce((total, axis) => total * bound.evaluate(axis.extent), 1)
      return rows && i === 0 ? newFloats(name, dtype, length) : gradient(name, length)
    })
    const numbers = outputs.scalars.flatMap(({ name }) =>
      name.startsWith("grad:") ? [{ name, array: gradient(name.slice(5), 1) }] : [],
    )
    if (own.length > 0)
      checkOverlap(
        [...arrays].map(([{ name }, array]) => ({ name, array })),
        own,
      )

    const scalars = run(bound, arrays, results)
    const found = new Map<string, Floats>()
    outputs.arrays.forEach(({ name }, i) => (rows && i === 0 ? undefined : found.set(name, results[i]!)))
    for (const { name, array } of numbers) {
      array[0] = scalars.get(name)!
      found.set(name.slice(5), array)
    }
    return {
      loss: rows ? results[0]! : scalars.get("loss")!,
      grad: Object.fromEntries(choice.grad.map((name) => [name, found.get(name)!])),
      count: scalars.get("count")!,
      per: scalars.get("per")!,
      shape: bound.shape,
    }
  }
  Object.defineProperty(kernel, "name", { value: loss.name })
  Object.defineProperty(kernel, "variants", { get: () => variants.count, enumerable: true })
  return kernel as AnyKernel
}

// ------------------------------------------------------------------------------------------------ variants

interface Variants {
  readonly find: (bound: Bound) => Variant
  readonly count: number
}

/** Makes each variant when it is first needed. */
function variantsOf(loss: Loss, settings: Settings): Variants {
  const js = settings.target === "js"
  const computed = new Map<string, { readonly outputs: Outputs; readonly make: () => Run }>()
  const variants = new Map<string, Variant>()
  const find = (bound: Bound): Variant => {
    const given = bound.given.join()
    let key = given
    if (js) for (const array of bound.arrays.values()) key += ` ${array.constructor.name}`
    let variant = variants.get(key)
    if (!variant) {
      let known = computed.get(given)
      if (!known) {
        const outputs = outputsOf(loss, { ...settings.choice, given: new Set(bound.given) })
        known = { outputs, make: js ? jsRun(outputs, settings) : () => interpretRun(outputs) }
        computed.set(given, known)
      }
      variants.set(key, (variant = { outputs: known.outputs, run: known.make() }))
    }
    return variant
  }
  return {
    find,
    get count() {
      return variants.size
    },
  }
}

/** The same text becomes one function for each combination of array types, because an engine compiles for the types that it meets. */
function jsRun(outputs: Outputs, { dtype, accuracy }: Settings): () => Run {
  const kernel = lower(outputs, { dtype })
  const { text } = emitJs(kernel, accuracy === undefined ? {} : { accuracy })
  return () => {
    let run: ReturnType<typeof instantiate>
    try {
      run = instantiate(text)
    } catch (error) {
      if (!(error instanceof EvalError)) throw error
      throw failure(
        "code-generation-forbidden",
        "this program may not make functions from text, which the target `js` needs",
        {},
        "emit a module ahead of time, or use the target `interpret`",
      )
    }
    const order = outputOrder(outputs, kernel)
    return (bound, inputs, arrays) => {
      const results = new Float64Array(kernel.results.length)
      run(
        ...kernel.inputs.map((buffer) => inputs.get(buffer.input!)),
        ...order.map((i) => arrays[i]),
        ...kernel.scalars.map(({ input }) => bound.scalars.get(input)),
        ...kernel.sizeNames.map((name) => bound.sizes.get(name) ?? missing(name)),
        results,
      )
      return new Map(kernel.results.map((name, i) => [name, results[i]!]))
    }
  }
}

/** Which of the outputs each output buffer of a kernel is; an argument may be called `loss` like the losses of the rows. */
function outputOrder({ arrays }: Outputs, { outputs }: Loops): readonly number[] {
  const used = new Set<number>()
  return outputs.map((buffer) => {
    const at = arrays.findIndex(({ name }, i) => name === buffer.name && !used.has(i))
    used.add(at)
    return at
  })
}

function missing(name: string): never {
  throw failure(
    "unknown-size",
    `nothing that was passed says how large axis ${name} is`,
    { axis: name },
    `pass an argument that has the axis, or make the kernel with sizes: { ${name}: … }`,
  )
}

function interpretRun(outputs: Outputs): Run {
  return (bound, inputs, arrays) => {
    const values = interpret(doubles, outputs, {
      sizes: bound.sizes,
      elements: (input) => inputs.get(input) ?? [bound.scalars.get(input)!],
    })
    values.arrays.forEach((list, i) => arrays[i]!.set(list))
    return values.scalars
  }
}

// ------------------------------------------------------------------------------------------------ what a call brings

function readBuffers(
  options: ReadonlyMap<string, unknown>,
  grad: readonly string[],
): ReadonlyMap<string, unknown> {
  for (const name of options.keys())
    if (name !== "grad" && name !== "cotangent")
      throw failure(
        "bad-option",
        `a call has no option \`${name}\``,
        { argument: name },
        suggestion(name, ["grad", "cotangent"]),
      )
  const buffers = ownEntries(options.get("grad"), "grad")
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

function readCotangent(
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
