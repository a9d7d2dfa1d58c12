// Turns a checked loss, options and a GPUDevice into a kernel that runs there: on arrays, or on buffers of the caller.
import { lower } from "../compile.ts"
import { error, LossError } from "../diagnostics.ts"
import { type ProgramOptions, gpuProgram } from "../gpu/compile.ts"
import { piecesOf } from "../gpu/pieces.ts"
import { type CallOptions, caller, type KernelResult } from "../kernel.ts"
import { type LabelCheck, withLabelChecks } from "../label-checks.ts"
import type { Kernel } from "../loops.ts"
import type { Loss, Outputs } from "../loss.ts"
import { ops } from "../ops.ts"
import type { Input } from "../types.ts"
import { type Computed, compute, gradientPrefix, hasRestBesides, missing, outputOrder } from "../variants.ts"
import { type BoundBuffers, bindBuffers, partOf } from "./bind-buffers.ts"
import { badLabel } from "./elements.ts"
import { failure, suggestion } from "./failure.ts"
import type { InputValue, NumberArray } from "./given.ts"
import type { GpuArray, GpuCommandEncoder, GpuDevice } from "./gpu-device.ts"
import type { Part } from "./gpu-buffers.js"
import type { Failure } from "./gpu-guard.js"
import type { Report } from "./gpu-machine.js"
import { GpuRunner } from "./gpu-runner.js"
import { ownEntries } from "./options.ts"
import { type KernelOptions, readSettings } from "./settings.ts"

/** What a kernel on a GPU is made for. */
export type GpuOptions = Omit<KernelOptions, "target" | "dtype" | "accuracy" | "memory" | "hvp"> & {
  /** Whether each call searches the result and the gradients for numbers that are not finite, and fails if there is one. Default false. */
  readonly finite?: boolean
}

/** A call whose arrays are buffers on the device: f32, labels and other ints as i32, bools as u32. */
export interface EncodeCall {
  /** The arguments by name: numbers for scalars, buffers or parts of buffers for arrays. */
  readonly inputs: Readonly<Record<string, GpuArray | number | boolean | string | undefined>>
  /** The sizes of the axes by name, those that the kernel was made for excepted. */
  readonly sizes?: Readonly<Record<string, number>>
  /** Where results go; what is not named here is not copied. Row losses and gradients need usage STORAGE, all else COPY_DST. */
  readonly outputs?: {
    /** The loss: one f32, or with reduction none one for each row. */
    readonly loss?: GpuArray
    /** How many rows were kept, an i32. */
    readonly count?: GpuArray
    /** What the mean divides by, an f32 (an i32 where every row weighs 1). */
    readonly per?: GpuArray
    /** Gradients by name: buffers of their own, apart from the arguments. */
    readonly grad?: Readonly<Record<string, GpuArray>>
  }
  /** With reduction none: the weight of each row in the gradients. */
  readonly cotangent?: GpuArray
}

/** A call that was written into an encoder. */
export interface EncodedCall {
  /**
   * Waits until the submitted commands are done and reads back the numbers. Throws `LossError` if the device found a fault, a
   * label out of range or, where the kernel looks for it, a number that is not finite. The loss is absent with reduction none.
   */
  check(): Promise<{ readonly loss: number | undefined; readonly count: number; readonly per: number }>
}

/** A kernel on a GPU: a function from arguments by name to the loss and its gradients. */
export interface GpuKernel {
  (inputs: Readonly<Record<string, InputValue | undefined>>, options?: CallOptions): Promise<KernelResult>
  /**
   * Writes the commands of a call into an encoder of the caller; nothing is read back. A batch that is larger than a binding of the
   * device runs in pieces, which are parts of the buffers, where rows are independent. Throws `LossError`.
   */
  encode(encoder: GpuCommandEncoder, call: EncodeCall): EncodedCall
  /** How many variants have been compiled: one for each set of optional arrays. */
  readonly variants: number
  /** Gives the buffers of the kernel back. Calls are refused from then on. */
  destroy(): void
}

/** A program for one set of optional arrays, and what runs it. */
interface GpuVariant extends Computed {
  readonly runner: GpuRunner
  readonly checks: readonly LabelCheck[]
  readonly scalars: readonly Input[]
  readonly inputs: readonly Input[]
  /** Which of the outputs each output of the program is. */
  readonly order: readonly number[]
}

/**
 * Makes a kernel on a device. The promise is kept when the device has accepted the shader; what a call needs of it is compiled at
 * the first call that does. `more` is for tests. Throws `LossError`.
 */
export async function makeGpuKernel(
  loss: Loss,
  device: GpuDevice,
  options: GpuOptions = {},
  more: Pick<ProgramOptions, "shortRow" | "tiledRows" | "fewRows" | "workgroupMemory" | "foursFrom"> = {},
): Promise<GpuKernel> {
  const { finite = false, ...rest } = options
  if (typeof finite !== "boolean")
    throw failure("bad-option", "the option `finite` is true or false", { argument: "finite" })
  if (typeof (device as Partial<GpuDevice> | null)?.createComputePipelineAsync !== "function")
    throw failure(
      "input-kind",
      "expected a GPUDevice",
      { argument: "device" },
      "const device = await adapter.requestDevice()",
    )
  const settings = readSettings(loss, { ...rest, target: "wgsl" })
  const { choice } = settings
  const alignment = device.limits.minStorageBufferOffsetAlignment
  const rows = choice.reduction === "none" && loss.batch.length > 0
  const fail: Failure = (code, message, details = {}, help) =>
    new LossError([
      error(code, loss.source, loss.span, `${message} (loss \`${loss.name}\`)`, {
        details,
        ...(help !== undefined && { help }),
      }),
    ])

  const variants = new Map<string, GpuVariant>()
  const simplify = hasRestBesides(loss)
  const find = ({ given, sizes }: Pick<BoundBuffers, "given" | "sizes">): GpuVariant => {
    const single = simplify && sizes.get("...") === 1
    const key = `${given.join()}${single ? " single" : ""}`
    let variant = variants.get(key)
    if (!variant) {
      const computed = compute(loss, settings, new Set(given), single)
      const { outputs, checks } = withLabelChecks(loss, computed.outputs)
      const { workgroupSize } = settings
      const loops = (of: Outputs) => lower(of, { dtype: "f32", owner: true })
      const make = (kernel: Kernel) =>
        gpuProgram(kernel, {
          ...(workgroupSize !== undefined && { workgroupSize }),
          workgroupMemory: device.limits.maxComputeWorkgroupStorageSize,
          ...more,
        })
      const kernel = loops(outputs)
      const program = make(kernel)
      const pieces = () =>
        piecesOf(loss, { ...choice, given: new Set(given), single }, outputs, program, (of) =>
          make(loops(of)),
        )
      variant = {
        ...computed,
        checks,
        runner: new GpuRunner(device, program, pieces, evals, fail, finite),
        scalars: kernel.scalars.map(({ input }) => input),
        inputs: kernel.inputs.map(({ input }) => input!),
        order: outputOrder(computed.outputs, program.outputs),
      }
      variants.set(key, variant)
    }
    return variant
  }

  /** The scalar results by name. Throws `LossError` if one of them, or an output, tells of a fault. */
  const numbersOf = (
    { runner, order, outputs }: GpuVariant,
    { results, notFinite }: Report,
  ): ReadonlyMap<string, number> => {
    const { program } = runner.machine
    const numbers = new Map(program.results.map(({ name }, i) => [name, results[i]!]))
    if (!finite) return numbers
    const named = (name: string): string =>
      name === "loss" ? "the loss" : name === "per" ? "the sum of the weights" : `the gradient of \`${name}\``
    for (const { name, type } of program.results) {
      const value = numbers.get(name)!
      if (type === "real" && !Number.isFinite(value))
        throw failure("not-finite", `${named(name.replace(gradientPrefix, ""))} is ${value}`, {
          argument: name,
          value,
        })
    }
    notFinite.forEach((at, k) => {
      if (at < 0) return
      const { name } = outputs.arrays[order[k]!]!
      const what = rows && order[k] === 0 ? "the loss" : named(name)
      throw failure("not-finite", `${what} is not finite at element ${at}`, { argument: name, index: at })
    })
    return numbers
  }

  const ready = caller(loss, settings, find)
  const run = async (inputs: unknown, options?: CallOptions): Promise<KernelResult> => {
    const { variant, operands, written, result } = ready(inputs, options)
    const { runner } = variant
    const elements = runner.machine.program.inputs.map(({ element }, i) =>
      onDevice(operands.arrays.get(variant.inputs[i]!)!, element),
    )
    let numbers: ReadonlyMap<string, number> = new Map()
    await runner.run(
      numbersFor(variant, operands.sizes, operands.scalars),
      elements,
      variant.order.map((i) => written[i] as Float32Array),
      (report) => (numbers = numbersOf(variant, report)),
    )
    return result(numbers)
  }

  const encode = (encoder: GpuCommandEncoder, call: EncodeCall): EncodedCall => {
    const named = ownEntries(call, "call")
    for (const name of named.keys())
      if (!encodeNames.includes(name))
        throw failure(
          "bad-option",
          `a call has no option \`${name}\``,
          { argument: name },
          suggestion(name, encodeNames),
        )
    const bound = bindBuffers(loss, named.get("inputs"), named.get("sizes"), settings, alignment)
    const variant = find(bound)
    const { runner, checks } = variant
    const { machine } = runner
    const { program } = machine
    const arrays = new Map(bound.arrays)
    const lengthOf = (input: Input): number =>
      input.dimensions.reduce((total, { extent }) => total * bound.evaluate(extent), 1)
    if (variant.cotangent)
      arrays.set(
        variant.cotangent,
        partOf("cotangent", named.get("cotangent"), lengthOf(variant.cotangent), alignment),
      )
    const inputs = variant.inputs.map((input) => {
      const part = arrays.get(input)
      if (!part)
        throw failure("missing-argument", `this call needs the argument \`${input.name}\` too`, {
          argument: input.name,
        })
      return part
    })
    const wanted = ownEntries(named.get("outputs"), "outputs")
    const gradients = ownEntries(wanted.get("grad"), "grad")
    for (const name of gradients.keys())
      if (!choice.grad.includes(name))
        throw failure(
          "unknown-gradient",
          `this kernel does not compute the gradient of \`${name}\``,
          { argument: name },
          suggestion(name, choice.grad),
        )
    const outputs = variant.order.map((i) => {
      const { name, axes } = variant.outputs.arrays[i]!
      const length = axes.reduce((total, axis) => total * bound.evaluate(axis.extent), 1)
      const isLoss = rows && i === 0
      const value = isLoss ? wanted.get("loss") : gradients.get(name)
      if (value === undefined)
        throw failure(
          "missing-argument",
          `the call needs a buffer for ${isLoss ? "the losses of the rows" : `the gradient of \`${name}\``}`,
          { argument: name },
          isLoss ? "pass outputs: { loss }" : `pass outputs: { grad: { ${name} } }`,
        )
      return partOf(name, value, length, alignment)
    })
    checkApart(inputs, outputs, (i) => variant.outputs.arrays[variant.order[i]!]!.name)
    const copies = program.results.flatMap(({ name }, result) => {
      const value = name.startsWith(gradientPrefix)
        ? gradients.get(name.slice(gradientPrefix.length))
        : wanted.get(name)
      return value === undefined ? [] : [{ result, to: partOf(name, value, 1, 4) }]
    })
    const read = runner.encode(
      encoder,
      numbersFor(variant, bound.sizes, bound.scalars),
      inputs,
      outputs,
      copies,
    )
    return {
      check: async () => {
        const report = await read()
        for (const { name, input, extent } of checks) {
          const distance = report.results[program.results.findIndex((one) => one.name === name)]!
          if (distance === 0) continue
          const length = lengthOf(input)
          const at = length - distance
          const value = (await machine.word(arrays.get(input)!, at)) ?? NaN
          throw badLabel(
            input,
            at,
            value,
            bound.evaluate(extent),
            bound.evaluate(input.dimensions[0]!.extent),
            length,
          )
        }
        const numbers = numbersOf(variant, report)
        return { loss: numbers.get("loss"), count: numbers.get("count")!, per: numbers.get("per")! }
      },
    }
  }

  const required = loss.inputs.filter(
    ({ default: value, isStatic, dimensions, name }) =>
      value && !isStatic && (dimensions.length === 0 || choice.grad.includes(name)),
  )
  const first = find({
    given: required.map(({ name }) => name),
    sizes: simplify ? new Map([["...", 1]]) : new Map<string, number>(),
  })
  await first.runner.machine.prepare()
  const kernel = Object.assign(run, {
    encode,
    destroy: () => {
      for (const { runner } of variants.values()) runner.destroy()
    },
  })
  Object.defineProperty(kernel, "name", { value: loss.name })
  Object.defineProperty(kernel, "variants", { get: () => variants.size, enumerable: true })
  return kernel as unknown as GpuKernel
}

const encodeNames = ["inputs", "sizes", "outputs", "cotangent"]

/** What the operators of formulas compute. */
const evals = Object.fromEntries(Object.entries(ops).map(([name, { eval: f }]) => [name, f]))

function numbersFor(
  { runner, scalars }: GpuVariant,
  sizes: ReadonlyMap<string, number>,
  values: ReadonlyMap<Input, number>,
): { readonly sizes: readonly number[]; readonly scalars: readonly number[] } {
  return {
    sizes: runner.machine.program.sizeNames.map((name) => sizes.get(name) ?? missing(name)),
    scalars: scalars.map((input) => values.get(input)!),
  }
}

/** Elements as the device holds them; ints beyond 32 bits become the nearest that fits. */
function onDevice(
  array: NumberArray,
  element: "f32" | "i32" | "u32",
): Float32Array | Int32Array | Uint32Array {
  if (element === "f32") return array instanceof Float32Array ? array : Float32Array.from(array)
  if (element === "u32") return Uint32Array.from(array)
  if (array instanceof Int32Array) return array
  return Int32Array.from(array, (value) => Math.max(-2147483648, Math.min(value, 2147483647)))
}

/** Refuses outputs that share bytes with an input or with each other. */
function checkApart(inputs: readonly Part[], outputs: readonly Part[], nameOf: (i: number) => string): void {
  outputs.forEach((output, i) => {
    for (const other of [...inputs, ...outputs.slice(0, i)])
      if (other.buffer === output.buffer)
        throw failure(
          "buffer-overlap",
          `the buffer for the result \`${nameOf(i)}\` also holds an argument or another result`,
          { argument: nameOf(i) },
        )
  })
}
