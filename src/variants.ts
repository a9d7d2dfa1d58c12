// Turns a checked loss and settings into functions over arrays: one for each set of optional arrays and of array types.
import { lower } from "./compile.ts"
import { emitJs } from "./emit/js.ts"
import { evaluable } from "./evaluable.ts"
import type { Loss, Outputs } from "./loss.ts"
import { outputsOf } from "./outputs.ts"
import type { Bound } from "./run/bind.ts"
import type { Floats } from "./run/buffers.ts"
import { doubles } from "./run/doubles.ts"
import { failure } from "./run/failure.ts"
import type { NumberArray } from "./run/given.ts"
import { interpret } from "./run/interpret.ts"
import { instantiate } from "./run/js.ts"
import type { KernelMemory } from "./run/memory.ts"
import type { Settings } from "./run/settings.ts"
import { type WasmFunction, elementFor, isRelaxed, wasmFunction } from "./run/wasm.ts"
import { withProducts } from "./second.ts"
import type { Input } from "./types.ts"

/** What a variant reads. */
export interface Operands {
  readonly sizes: ReadonlyMap<string, number>
  readonly arrays: ReadonlyMap<Input, NumberArray>
  readonly scalars: ReadonlyMap<Input, number>
}

/** Fills the arrays, in the order of the outputs, and returns the scalars. */
export type Run = (operands: Operands, results: readonly Floats[]) => ReadonlyMap<string, number>

/** What is computed for one set of optional arrays, as one function for one combination of array types. */
export interface Variant extends Computed {
  readonly run: Run
}

/** The prefix of the names of gradients among the scalars. */
export const gradientPrefix = "grad:"

/** What is computed for one set of optional arrays. */
export interface Computed {
  readonly outputs: Outputs
  /** Names of the arguments whose gradients are scalars. */
  readonly numbers: readonly string[]
  /** With reduction none: the input that holds the weights of the rows. */
  readonly cotangent: Input | undefined
  /** For Hessian-vector products: the inputs that hold the directions, by argument. */
  readonly directions: ReadonlyMap<string, Input>
}

/** What is computed, and how it becomes a function over arrays of certain types. */
interface Made extends Computed {
  readonly make: (arrays?: ReadonlyMap<Input, NumberArray>) => Run
}

/** The variants of one kernel. */
export interface Variants {
  readonly find: (bound: Bound) => Variant
  readonly count: number
}

/**
 * Makes the variants of a kernel: that of a call without optional arrays at once, so that the first call is like the others and
 * code generation that is forbidden is reported here; the others when they are first needed.
 */
export function variantsOf(loss: Loss, settings: Settings, memory?: KernelMemory): Variants {
  const compiled = settings.target !== "interpret"
  const computed = new Map<string, Made>()
  const variants = new Map<string, Variant>()
  // Second derivatives are made from gradients over all the axes.
  const simplify = compiled && settings.products.length === 0 && hasRestBesides(loss)
  const isSingle = ({ sizes }: Bound): boolean => simplify && sizes.get("...") === 1
  const computedFor = (given: readonly string[], single: boolean): Made => {
    const key = `${given.join()}${single ? " single" : ""}`
    let known = computed.get(key)
    if (!known) {
      const what = compute(loss, settings, new Set(given), single)
      known = { ...what, make: maker(what.outputs, settings, memory) }
      computed.set(key, known)
    }
    return known
  }
  const differentiated = [...settings.choice.grad, ...settings.products]
  const plain = computedFor(
    loss.inputs
      .filter(
        (x) => x.default && !x.isStatic && (x.dimensions.length === 0 || differentiated.includes(x.name)),
      )
      .map((x) => x.name),
    simplify,
  )
  let ready: Run | undefined = plain.make()
  const make = (bound: Bound): Variant => {
    const given = bound.given.join()
    const key = compiled
      ? `${given} ${isSingle(bound) ? "single " : ""}${Array.from(bound.arrays.values(), (array) => array.constructor.name).join()}`
      : given
    let variant = variants.get(key)
    if (!variant) {
      const known = computedFor(bound.given, isSingle(bound))
      const run = known === plain && ready && settings.target !== "wasm" ? ready : known.make(bound.arrays)
      if (known === plain) ready = undefined
      variants.set(key, (variant = { ...known, run }))
    }
    return variant
  }
  // Most calls are like the last one.
  let last:
    | {
        readonly variant: Variant
        readonly given: readonly string[]
        readonly types: readonly unknown[]
        readonly single: boolean
      }
    | undefined
  const find = (bound: Bound): Variant => {
    const single = isSingle(bound)
    if (last && last.single === single && isLike(bound, last.given, last.types)) return last.variant
    const types = Array.from(bound.arrays.values(), (array) => array.constructor)
    last = { variant: make(bound), given: bound.given, types, single }
    return last.variant
  }
  return {
    find,
    get count() {
      return variants.size
    },
  }
}

function isLike({ given, arrays }: Bound, names: readonly string[], types: readonly unknown[]): boolean {
  if (given.length !== names.length || arrays.size !== types.length) return false
  for (let i = 0; i < names.length; i++) if (given[i] !== names[i]) return false
  let at = 0
  for (const array of arrays.values()) if (array.constructor !== types[at++]) return false
  return true
}

/** Whether a batch of any rank stands beside other axes: a call without such axes then has simpler loops. */
export function hasRestBesides({ inputs }: Loss): boolean {
  return inputs.some(
    ({ dimensions }) => dimensions.length > 1 && dimensions.some(({ name }) => name === "..."),
  )
}

/** The outputs of a kernel for one set of optional arrays. */
export function compute(
  loss: Loss,
  { choice, products }: Settings,
  given: ReadonlySet<string>,
  single: boolean,
): Computed {
  const wrt = loss.inputs.filter((input) => products.includes(input.name) || choice.grad.includes(input.name))
  const plain = outputsOf(loss, { ...choice, grad: wrt.map((input) => input.name), given, single })
  const cotangent = plain.inputs.find((input) => !loss.inputs.includes(input))
  const by = wrt.filter((input) => products.includes(input.name))
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const { outputs, directions } =
    by.length > 0
      ? withProducts(plain, by, new Set(choice.grad), rows)
      : { outputs: plain, directions: new Map<string, Input>() }
  const numbers = outputs.scalars.flatMap(({ name }) =>
    name.startsWith(gradientPrefix) ? [name.slice(gradientPrefix.length)] : [],
  )
  return { outputs, directions, numbers, cotangent }
}

function maker(outputs: Outputs, settings: Settings, memory: KernelMemory | undefined): Made["make"] {
  if (settings.target === "interpret") return () => interpretRun(evaluable(outputs))
  return memory ? wasmRun(outputs, settings, memory) : jsRun(outputs, settings)
}

/** One module for each way the arrays of a call lie in memory. */
function wasmRun(
  outputs: Outputs,
  { dtype, accuracy, threads, relaxed, blocks }: Settings,
  memory: KernelMemory,
): Made["make"] {
  const options = {
    threads,
    relaxed: relaxed && isRelaxed(),
    ...(accuracy && { accuracy }),
    ...(blocks && { blocks }),
  }
  const kernel = lower(outputs, { dtype })
  const order = outputOrder(outputs, kernel.outputs)
  const modules = new Map<string, WasmFunction>()
  return (given) => {
    const elements = new Map(kernel.inputs.map((b) => [b, elementFor(b.element, given?.get(b.input!))]))
    const key = [...elements.values()].join()
    let run = modules.get(key)
    if (!run) modules.set(key, (run = wasmFunction(kernel, elements, memory, options)))
    return ({ sizes, arrays, scalars }, written) => {
      const results = run({
        inputs: kernel.inputs.map((buffer) => arrays.get(buffer.input!)!),
        outputs: order.map((i) => written[i]!),
        scalars: kernel.scalars.map(({ input }) => scalars.get(input)!),
        sizes: kernel.sizeNames.map((name) => sizes.get(name) ?? missing(name)),
      })
      return new Map(kernel.results.map((name, i) => [name, results[i]!]))
    }
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
    const order = outputOrder(outputs, kernel.outputs)
    return ({ sizes, arrays, scalars }, written) => {
      const results = new Float64Array(kernel.results.length)
      run(
        ...kernel.inputs.map((buffer) => arrays.get(buffer.input!)),
        ...order.map((i) => written[i]),
        ...kernel.scalars.map(({ input }) => scalars.get(input)),
        ...kernel.sizeNames.map((name) => sizes.get(name) ?? missing(name)),
        results,
      )
      return new Map(kernel.results.map((name, i) => [name, results[i]!]))
    }
  }
}

/** Which of the outputs each output of a kernel is; an argument may be called `loss` like the losses of the rows. */
export function outputOrder(
  { arrays }: Outputs,
  outputs: readonly { readonly name?: string }[],
): readonly number[] {
  const used = new Set<number>()
  return outputs.map((buffer) => {
    const at = arrays.findIndex(({ name }, i) => name === buffer.name && !used.has(i))
    used.add(at)
    return at
  })
}

export function missing(name: string): never {
  throw failure(
    "unknown-size",
    `nothing that was passed says how large axis ${name} is`,
    { axis: name },
    `pass an argument that has the axis, or make the kernel with sizes: { ${name}: … }`,
  )
}

function interpretRun(outputs: Outputs): Run {
  return ({ sizes, arrays, scalars }, written) => {
    const values = interpret(doubles, outputs, {
      sizes,
      elements: (input) => arrays.get(input) ?? [scalars.get(input)!],
    })
    values.arrays.forEach((list, i) => written[i]!.set(list))
    return values.scalars
  }
}
