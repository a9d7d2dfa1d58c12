// Turns a checked loss and options into a function over arrays: checks each call, makes each variant once, runs it.
import { lower } from "./compile.ts"
import { type Accuracy, emitJs } from "./emit/js.ts"
import type { KernelChoice, Loss, Outputs } from "./loss.ts"
import { outputsOf } from "./outputs.ts"
import { binder, type Bound } from "./run/bind.ts"
import { checkOutput, checkOverlap, type Floats, newFloats, type Region } from "./run/buffers.ts"
import { doubles } from "./run/doubles.ts"
import { readElements } from "./run/elements.ts"
import { failure, listed, suggestion } from "./run/failure.ts"
import { isSize, type InputValue, type NumberArray, readGiven } from "./run/given.ts"
import { evaluator, interpret } from "./run/interpret.ts"
import { instantiate } from "./run/js.ts"
import { ownEntries, readStatics } from "./run/options.ts"
import type { Dtype, Input, Reduction } from "./types.ts"

/** What a kernel is made for. */
export interface KernelOptions {
  /** How it runs: generated JavaScript, or the formula interpreted, which is slow and needs no code generation. Default `js`. */
  readonly target?: "js" | "interpret" | "wasm" | "wgsl"
  /** Element type of gradients, and of arrays that it makes itself. Arithmetic is double. Default `f32`. */
  readonly dtype?: Dtype
  /** Default `mean`. */
  readonly reduction?: Reduction
  /** The arguments to differentiate by; `all` is every real one before the semicolon. Default none. */
  readonly grad?: "all" | readonly string[]
  /** Values of the static options, by name. */
  readonly static?: Readonly<Record<string, number | string | boolean>>
  /** Sizes of axes, for arrays that come without a shape. */
  readonly sizes?: Readonly<Record<string, number>>
  /** The mean of no rows, or of rows whose weights sum to 0: 0 with gradient 0, or NaN as in PyTorch. Default `zero`. */
  readonly emptyMean?: "zero" | "nan"
  /** Whether each call checks the declared domains of its arrays too; labels and options are always checked. Default false. */
  readonly check?: boolean
  /** How exact the elementary functions are: 1e-10, 2 ULP of double, or what the engine does. Default `fast` for f32, `full` for f64. */
  readonly accuracy?: Accuracy
}

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
  /** The gradients that the kernel was made with: arrays as large as their arguments, numbers for scalars. */
  readonly grad: Readonly<Record<string, number | Floats>>
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

/** Options with their defaults. */
export interface Settings {
  readonly target: "js" | "interpret"
  readonly dtype: Dtype
  readonly choice: Omit<KernelChoice, "given">
  readonly statics: ReadonlyMap<Input, number>
  readonly sizes: ReadonlyMap<string, number>
  readonly check: boolean
  readonly accuracy: Accuracy | undefined
}

/** One variant: writes the arrays and returns the scalars. */
type Run = (
  bound: Bound,
  inputs: ReadonlyMap<Input, NumberArray>,
  outputs: ReadonlyMap<string, Floats>,
) => ReadonlyMap<string, number>

interface Variant {
  readonly outputs: Outputs
  readonly run: Run
}

/** Makes a kernel. Throws `LossError` if the options are wrong; see `catalogue/run.ts`. */
export function makeKernel(loss: Loss, options: KernelOptions = {}): AnyKernel {
  const settings = readSettings(loss, options)
  const { dtype, choice } = settings
  const bind = binder(loss, { ...settings, materialise: new Set(choice.grad) })
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const cotangent: Input = {
    name: "cotangent",
    type: "real",
    role: "sample",
    dimensions: loss.batch.map(({ name, extent }) => ({ name, extent })),
    isStatic: false,
  }
  const makeRun = runner(loss, settings)
  const kernel = (inputs: unknown, call: CallOptions = {}): KernelResult => {
    const bound = bind(inputs)
    const callOptions = ownEntries(call, "options")
    const buffers = readBuffers(callOptions, choice.grad)
    const weights = readCotangent(
      cotangent,
      callOptions.get("cotangent"),
      rows,
      choice.grad.length > 0,
      bound,
      dtype,
    )
    const { outputs, run } = makeRun(bound)
    const arrays = new Map(bound.arrays)
    for (const input of outputs.inputs)
      if (weights && !loss.inputs.includes(input)) arrays.set(input, weights)
    const results = new Map<string, Floats>()
    const own: Region[] = []
    for (const { name, axes } of outputs.arrays) {
      const length = axes.reduce((total, axis) => total * bound.evaluate(axis.extent), 1)
      const buffer = name === "loss" && rows ? undefined : buffers.get(name)
      if (buffer === undefined) results.set(name, newFloats(name, dtype, length))
      else {
        const array = checkOutput(name, buffer, dtype, length)
        own.push({ name, array })
        results.set(name, array)
      }
    }
    for (const name of buffers.keys())
      if (!results.has(name))
        throw failure(
          "unknown-gradient",
          `\`${name}\` is a number, and so is its gradient: it has no buffer`,
          { argument: name },
        )
    if (own.length > 0)
      checkOverlap(
        [...arrays].map(([{ name }, array]) => ({ name, array })),
        own,
      )
    const scalars = run(bound, arrays, results)
    return {
      loss: rows ? results.get("loss")! : scalars.get("loss")!,
      grad: Object.fromEntries(choice.grad.map((name) => [name, gradientOf(name, scalars, results)])),
      count: scalars.get("count")!,
      per: scalars.get("per")!,
      shape: bound.shape,
    }
  }
  Object.defineProperty(kernel, "name", { value: loss.name })
  Object.defineProperty(kernel, "variants", { get: () => makeRun.count, enumerable: true })
  return kernel as AnyKernel
}

function gradientOf(
  name: string,
  scalars: ReadonlyMap<string, number>,
  arrays: ReadonlyMap<string, Floats>,
): number | Floats {
  return scalars.get(`grad:${name}`) ?? arrays.get(name)!
}

// ------------------------------------------------------------------------------------------------ variants

interface Runner {
  (bound: Bound): Variant
  readonly count: number
}

/** Makes each variant when it is first needed. */
function runner(loss: Loss, settings: Settings): Runner {
  const computed = new Map<string, { readonly outputs: Outputs; readonly make: (types: string) => Run }>()
  const variants = new Map<string, Variant>()
  const find = (bound: Bound): Variant => {
    const given = bound.given.join()
    let types = ""
    for (const array of bound.arrays.values()) types += `${array.constructor.name},`
    const key = settings.target === "js" ? `${given};${types}` : given
    let variant = variants.get(key)
    if (!variant) {
      let known = computed.get(given)
      if (!known) {
        const outputs = outputsOf(loss, { ...settings.choice, given: new Set(bound.given) })
        known = {
          outputs,
          make: settings.target === "js" ? jsRun(outputs, settings) : () => interpretRun(outputs),
        }
        computed.set(given, known)
      }
      variants.set(key, (variant = { outputs: known.outputs, run: known.make(types) }))
    }
    return variant
  }
  Object.defineProperty(find, "count", { get: () => variants.size })
  return find as Runner
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
    return (bound, inputs, arrays) => {
      const results = new Float64Array(kernel.results.length)
      run(
        ...kernel.inputs.map((buffer) => inputs.get(buffer.input!)),
        ...kernel.outputs.map((buffer) => arrays.get(buffer.name!)),
        ...kernel.scalars.map(({ input }) => bound.scalars.get(input)),
        ...kernel.sizeNames.map((name) => bound.sizes.get(name) ?? missing(name)),
        results,
      )
      return new Map(kernel.results.map((name, i) => [name, results[i]!]))
    }
  }
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
    for (const [name, list] of values.arrays) arrays.get(name)!.set(list)
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
  input: Input,
  value: unknown,
  rows: boolean,
  needed: boolean,
  bound: Bound,
  dtype: Dtype,
): NumberArray | undefined {
  if (value !== undefined && !(rows && needed))
    throw failure("bad-option", "a cotangent goes with reduction none and gradients of rows", {
      argument: "cotangent",
    })
  if (!rows || !needed) return undefined
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

// ------------------------------------------------------------------------------------------------ options

const optionNames = [
  "target",
  "dtype",
  "reduction",
  "grad",
  "static",
  "sizes",
  "emptyMean",
  "check",
  "accuracy",
]

/** Checks the options of a kernel and fills in defaults. Throws `LossError`. */
export function readSettings(loss: Loss, given: KernelOptions): Settings {
  const options = ownEntries(given, "options")
  for (const name of options.keys())
    if (!optionNames.includes(name))
      throw failure(
        "bad-option",
        `a kernel has no option \`${name}\``,
        { argument: name },
        suggestion(name, optionNames),
      )
  const target = oneOf(options, "target", ["js", "interpret", "wasm", "wgsl"])
  if (target === "wasm" || target === "wgsl")
    throw failure("target-unavailable", `the target ${target} is not available yet`, {
      argument: "target",
      value: target,
    })
  const dtype = oneOf(options, "dtype", ["f32", "f64"])
  const reduction = oneOf(options, "reduction", ["mean", "sum", "none"])
  const emptyMean = oneOf(options, "emptyMean", ["zero", "nan"])
  const accuracy = options.has("accuracy")
    ? oneOf(options, "accuracy", ["fast", "full", "engine"])
    : undefined
  const check = options.get("check") ?? false
  if (typeof check !== "boolean")
    throw failure("bad-option", "the option `check` is true or false", { argument: "check" })
  const sizes = new Map<string, number>()
  for (const [name, size] of ownEntries(options.get("sizes"), "sizes")) {
    if (!isSize(size))
      throw failure(
        "bad-size",
        `the size of axis ${name} is ${String(size)}; expected a whole number from 0`,
        { axis: name, value: size },
      )
    sizes.set(name, size)
  }
  const statics = readStatics(loss.inputs, options.get("static"), (expr, values) =>
    evaluator(doubles, { sizes, elements: (input) => [values.get(input)!] }).size(expr),
  )
  const byName = new Map([...statics].map(([{ name }, value]) => [name, value]))
  return {
    target,
    dtype,
    choice: { reduction, emptyMean, statics: byName, grad: readGrad(loss, options.get("grad")) },
    statics,
    sizes,
    check,
    accuracy,
  }
}

/** A word among others; the first is the default. */
function oneOf<const W extends string>(
  options: ReadonlyMap<string, unknown>,
  name: string,
  words: readonly W[],
): W {
  const value = options.get(name) ?? words[0]!
  if (!words.includes(value as W))
    throw failure(
      "bad-option",
      `the option \`${name}\` is ${typeof value === "string" ? JSON.stringify(value) : typeof value}; expected ${words.map((word) => JSON.stringify(word)).join(" or ")}`,
      { argument: name, value },
    )
  return value as W
}

/** The names of the arguments to differentiate by, in the order of the header. */
function readGrad(loss: Loss, grad: unknown): readonly string[] {
  if (grad === undefined) return []
  const real = loss.inputs.filter((input) => input.type === "real" && !input.isStatic)
  if (grad === "all") return real.filter((input) => input.role !== "option").map((input) => input.name)
  if (!Array.isArray(grad))
    throw failure("bad-option", 'the option `grad` is "all" or a list of names', { argument: "grad" })
  const wanted = new Set<unknown>(grad)
  for (const name of wanted) {
    if (real.some((input) => input.name === name)) continue
    const input = loss.inputs.find((one) => one.name === name)
    if (input)
      throw failure(
        "not-differentiable",
        `\`${input.name}\` is ${input.isStatic ? "static" : input.type === "int" ? "an integer" : "a bool"}: there is no gradient by it`,
        { argument: input.name },
        `${listed(real.map((one) => one.name))} can be differentiated`,
      )
    throw failure(
      "unknown-gradient",
      `\`${loss.name}\` has no argument \`${String(name)}\` to differentiate by`,
      { argument: String(name) },
      suggestion(
        String(name),
        real.map((one) => one.name),
      ),
    )
  }
  return real.filter((input) => wanted.has(input.name)).map((input) => input.name)
}
