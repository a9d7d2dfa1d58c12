// Loops -> a function that runs them as WebAssembly, in a memory that callers may keep their arrays in.
import { assemble } from "../emit/assemble.ts"
import { isOfMath } from "../emit/host.ts"
import { relaxedProbe } from "../emit/relaxed.ts"
import { type Element, type Wat, type WatOptions, emitWat } from "../emit/wat.ts"
import type { Buffer, Kernel } from "../loops.ts"
import { ops } from "../ops.ts"
import type { Floats } from "./buffers.ts"
import { failure } from "./failure.ts"
import type { NumberArray } from "./given.ts"
import { type KernelArrayType, type KernelMemory, after, platform } from "./memory.ts"
import type { RunBlock } from "./workers.js"

/** The arguments of one call, each list in the order of the kernel's own. */
export interface WasmArguments {
  readonly inputs: readonly NumberArray[]
  /** Written in place. */
  readonly outputs: readonly Floats[]
  /** Bools as 0 and 1. */
  readonly scalars: readonly number[]
  readonly sizes: readonly number[]
}

/** Runs a kernel; returns the scalar results in its order. Throws `LossError` and then has written nothing. */
export type WasmFunction = (args: WasmArguments) => Float64Array

/** The array type of each element in memory. */
export const arrayTypes: Readonly<Record<Element, KernelArrayType>> = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u8: Uint8Array,
}

/** How an input lies in memory so that no value of an array of the caller is rounded. */
export function elementFor(element: Buffer["element"], array?: NumberArray): Element {
  if (element === "bool") return "u8"
  if (element === "int") {
    const isShort = !(
      array instanceof Float64Array ||
      array instanceof Float32Array ||
      array instanceof Uint32Array
    )
    return isShort ? "i32" : "f64"
  }
  if (array === undefined) return element
  const isExact = array instanceof Float32Array || array.BYTES_PER_ELEMENT < 4
  return isExact ? "f32" : "f64"
}

let relaxed: boolean | undefined

/** Whether this engine has the relaxed instructions of WebAssembly. */
export const isRelaxed = (): boolean =>
  (relaxed ??= platform().validate(relaxedProbe() as Uint8Array<ArrayBuffer>))

/** Compiles a kernel for inputs of certain elements. Throws `LossError` where the platform forbids it. */
export function wasmFunction(
  kernel: Kernel,
  elements: ReadonlyMap<Buffer, Element>,
  memory: KernelMemory,
  options: Omit<WatOptions, "elements" | "shared"> = {},
): WasmFunction {
  const { workers } = memory
  const wanted = workers ? (options.threads ?? 1) : 1
  const emit = (threads: number): Wat =>
    emitWat(kernel, { ...options, elements, threads, shared: workers !== undefined })
  // Workers have the functions of `Math` only.
  let wat = emit(wanted)
  if (wanted > 1 && !wat.host.every(isOfMath)) wat = emit(1)
  const { run, scratch } = instantiate(wat, memory, wanted)
  return ({ inputs, outputs, scalars, sizes }) => {
    const operands = [...inputs, ...outputs] as NumberArray[]
    const types = [...kernel.inputs, ...kernel.outputs].map(
      (b) => arrayTypes[elements.get(b) ?? elementFor(b.element)],
    )
    let end = memory.start
    const room = (bytes: number): number => {
      const start = end
      end = after(start + bytes)
      return start
    }
    const inside = operands.map((array, i) => memory.holds(array) && array instanceof types[i]!)
    const places = operands.map((array, i) =>
      inside[i] ? array.byteOffset : room(array.length * types[i]!.BYTES_PER_ELEMENT),
    )
    const results = room(kernel.results.length * 8)
    const free = room(scratch(...sizes))
    if (memory.reach(end) && inside.includes(true))
      throw failure(
        "detached-buffer",
        "the memory of the kernel had to grow for this call, which detached the arrays in it",
        {},
        "make them again with `alloc`: now there is room",
      )
    const { buffer } = memory.handle
    inputs.forEach((array, i) => {
      if (!inside[i]) new types[i]!(buffer, places[i]!, array.length).set(array)
    })
    run(...places, ...scalars, ...sizes, free, results)
    outputs.forEach((array, k) => {
      const i = inputs.length + k
      if (!inside[i]) array.set(new types[i]!(buffer, places[i]!, array.length))
    })
    return new Float64Array(buffer, results, kernel.results.length).slice()
  }
}

interface Instance {
  readonly run: (...args: number[]) => number
  readonly scratch: (...sizes: number[]) => number
}

function instantiate({ text, host, blocks }: Wat, memory: KernelMemory, threads: number): Instance {
  const { Module, Instance } = platform()
  const functions = Object.fromEntries(host.map((op) => [op, ops[op].eval]))
  const bytes = assemble(text)
  let module: object
  try {
    module = new Module(bytes)
  } catch (error) {
    // The text is ours, so what is refused is code as such.
    throw failure(
      "code-generation-forbidden",
      `this program may not compile WebAssembly, which the target \`wasm\` needs: ${error instanceof Error ? error.message : String(error)}`,
      {},
      "allow it in the content security policy (wasm-unsafe-eval), or use the target `interpret`",
    )
  }
  const { workers } = memory
  const number = blocks.length > 0 ? workers!.add({ module, host, blocks }) : 0
  const own: RunBlock[] = []
  const share = (loop: number, frame: number, count: number): void => {
    if (count === 1) own[loop]!(frame, 0, 0)
    else if (count > 1) workers!.run({ module: number, loop, frame, count, threads }, own[loop]!)
  }
  const { exports } = new Instance(module, { host: { memory: memory.handle, share, ...functions } })
  for (const name of blocks) own.push(exports[name] as unknown as RunBlock)
  return { run: exports["kernel"]!, scratch: exports["scratch"]! }
}
