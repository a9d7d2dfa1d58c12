// Kernels -> the parts of a standalone module that run them as WebAssembly: bytes in base 64, and what surrounds them.
import type { Buffer, Kernel } from "../loops.ts"
import { assemble } from "./assemble.ts"
import { workersText } from "../run/workers-text.generated.ts"
import { hostText, isOfMath } from "./host.ts"
import type { Accuracy } from "./math.ts"
import { quoted } from "./module-literals.ts"
import { relaxedProbe } from "./relaxed.ts"
import { type Element, type Wat, emitWat } from "./wat.ts"

const arrays: Readonly<Record<Element, string>> = {
  f32: "Float32Array",
  f64: "Float64Array",
  i32: "Int32Array",
  u8: "Uint8Array",
}

/** Labels are i32, other ints f64: both hold every value that counts. */
function elementOf({ element, input }: Buffer): Element {
  if (element === "int") return input?.label ? "i32" : "f64"
  return element === "bool" ? "u8" : element
}

/** The array type of an argument in the memory of a module. */
export const arrayTypeOf = (buffer: Pick<Buffer, "element" | "input">): string =>
  arrays[elementOf(buffer as Buffer)]

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** Bytes in base 64. */
export function base64(bytes: Uint8Array): string {
  let out = ""
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let k = 0; k < 4; k++) out += i + k > bytes.length ? "=" : digits[(word >> (18 - 6 * k)) & 63]
  }
  return out
}

/** What the memory of modules for threads is called in their text, and what it is where memory cannot be shared. */
const [sharedMemory, ownMemory] = ["(memory 1 65536 shared)", "(memory 1 65536)"]

/** One kernel: the statements of its factory, its bytes, and its text. */
export interface WasmParts {
  readonly factory: string
  readonly binary: string
  readonly wat: string
  /** The same with relaxed instructions, where they are asked for. */
  readonly relaxed: { readonly binary: string; readonly wat: string } | undefined
  /** The place of the byte that says that memory is shared, in modules for threads. */
  readonly sharedAt: number
}

export function wasmParts(
  kernel: Kernel,
  accuracy: Accuracy,
  number: number,
  { threads, relaxed }: { readonly threads: number; readonly relaxed: boolean },
): WasmParts {
  const operands = [...kernel.inputs, ...kernel.outputs]
  const elements = new Map(kernel.inputs.map((b) => [b, elementOf(b)]))
  const shared = threads > 1
  const emit = (relaxed: boolean): Wat => {
    const options = { elements, accuracy, shared, relaxed }
    const wat = emitWat(kernel, { ...options, threads })
    // Workers have the functions of `Math` only.
    return shared && !wat.host.every(isOfMath) ? emitWat(kernel, { ...options, threads: 1 }) : wat
  }
  const wat = emit(false)
  const bytes = assemble(wat.text)
  const types = operands.map((b) => arrayTypeOf(b)).join(", ")
  const blocks = shared ? `, [${wat.blocks.map(quoted).join(", ")}]` : ""
  return {
    factory: `${hostText(wat.host)}\nreturn wasmKernel(${number}, host, [${types}], ${kernel.inputs.length}${blocks})\n`,
    binary: base64(bytes),
    wat: wat.text,
    relaxed: relaxed ? made(emit(true).text) : undefined,
    sharedAt: shared
      ? assemble(wat.text.replace(sharedMemory, ownMemory)).findIndex((byte, i) => byte !== bytes[i])
      : -1,
  }
}

const made = (wat: string): { binary: string; wat: string } => ({ binary: base64(assemble(wat)), wat })

/** Memory of a module for one thread. */
const ownText = `
const memory = new WebAssembly.Memory({ initial: 1 })
/** Whether growing leaves the arrays in the memory as they are. */
const keeps = false
function instance(k, host) {
  return new WebAssembly.Instance(compiled[k], { host: { memory, ...host } })
}
`

/** Memory that threads share, and workers; where it cannot be shared, the calling thread runs all blocks. */
const sharedText = (threads: number): string => `
const threads = ${threads}
/** Memory for threads; undefined where the platform shares none, or has no addresses left for the most that it may become. */
function memoryOfThreads() {
  try {
    return canShare() ? new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true }) : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
const shared = memoryOfThreads()
const memory = shared ?? new WebAssembly.Memory({ initial: 1, maximum: 65536 })
const workers = shared && new Workers(shared, (code, message, details, help) => new Error(message + ": " + help))
/** Whether growing leaves the arrays in the memory as they are. */
const keeps = shared !== undefined
function instance(k, host, blocks) {
  const own = []
  const module = workers && blocks.length > 0 ? workers.add({ module: compiled[k], host: Object.keys(host), blocks }) : 0
  const share = (loop, frame, count) => {
    if (workers && count > 1) workers.run({ module, loop, frame, count, threads }, own[loop])
    else for (let block = 0; block < count; block++) own[loop](frame, 0, block)
  }
  const made = new WebAssembly.Instance(compiled[k], { host: { memory, share, ...host } })
  for (const name of blocks) own.push(made.exports[name])
  return made
}
/** Ends the workers. A call with work for them starts others. */
function destroy() {
  workers?.close()
}
`

/** What runs the kernels. It reads `binaries`, `inputs`, `arrayTypes` and what `moduleText` defines. */
export const wasmText = (threads: number, relaxed: boolean): string =>
  (threads > 1 ? `\n${workersText}${sharedText(threads)}` : ownText) +
  bytesText(threads > 1, relaxed) +
  kernelText +
  `Object.assign(run, { alloc, instantiate, memory${threads > 1 ? ", destroy" : ""} })\n`

/** The bytes of a kernel, as the platform can run them. */
const bytesText = (isShared: boolean, isRelaxed: boolean): string => `
function decoded(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
}
${isRelaxed ? `/** Whether the engine has relaxed instructions. */\nconst isRelaxed = WebAssembly.validate(decoded("${base64(relaxedProbe())}"))\n` : ""}function bytesOf(k) {
  const bytes = decoded(${isRelaxed ? "(isRelaxed ? relaxedBinaries : binaries)" : "binaries"}[k])
${isShared ? "  if (!shared) bytes[sharedAt[k]] = 1\n" : ""}  return bytes
}
`

/** The part that is the same for every module. */
const kernelText = `
const compiled = []
/** Buffers that the memory has had. */
const buffers = new WeakSet()
let top = 1024
/** Where the next array starts: at a multiple of 16, beyond what vectors may read after an end. */
function after(end) {
  return (Math.floor(end / 16) + 3) * 16
}
function reach(end) {
  const missing = after(end) - memory.buffer.byteLength
  if (missing <= 0) return false
  if (after(end) > 4294967296) outside("the arrays would need " + end + " bytes of memory")
  memory.grow(Math.ceil(Math.min(Math.max(missing, 1048576), 4294967296 - memory.buffer.byteLength) / 65536))
  return !keeps
}

/** An array of zeros in the memory of the module, for an argument or its gradient: calls copy nothing then. */
function alloc(name, shape) {
  const i = inputs.findIndex((input) => input.name === name)
  if (i < 0) wrong(lossName + " has no argument " + name)
  const sizes = typeof shape === "number" ? [shape] : Array.from(shape)
  if (!sizes.every(isSize)) outside("the shape for " + name + " is not made of sizes")
  const length = sizes.reduce((total, one) => total * one, 1)
  const start = top
  const bytes = length * arrayTypes[i].BYTES_PER_ELEMENT
  // As much again for the arrays of calls, which would otherwise detach this one soon.
  if (start + bytes > memory.buffer.byteLength) reach(start + 2 * bytes)
  top = after(start + bytes)
  buffers.add(memory.buffer)
  return new arrayTypes[i](memory.buffer, start, length).fill(0)
}

/** Compiles without blocking. Needed only where a page may not compile modules of this size at once. */
async function instantiate() {
  await Promise.all(
    binaries.map(async (_, k) => {
      compiled[k] ??= await WebAssembly.compile(bytesOf(k))
    }),
  )
}

function copyIn(from, to) {
  if (to instanceof Int32Array && !(from instanceof Int32Array))
    for (let i = 0; i < to.length; i++) to[i] = Math.max(-2147483648, Math.min(from[i], 2147483647))
  else to.set(from)
}

function wasmKernel(k, host, types, inputCount, blocks) {
  compiled[k] ??= new WebAssembly.Module(bytesOf(k))
  const { exports } = instance(k, host, blocks)
  return (...args) => {
    const arrays = args.slice(0, types.length)
    const numbers = args.slice(types.length, -1)
    const results = args.at(-1)
    const isInside = arrays.map((array, i) => buffers.has(array.buffer) && array instanceof types[i])
    let end = top
    const room = (bytes) => {
      const start = end
      end = after(start + bytes)
      return start
    }
    const places = arrays.map((array, i) =>
      isInside[i] ? array.byteOffset : room(array.length * types[i].BYTES_PER_ELEMENT),
    )
    const to = room(results.length * 8)
    const free = room(exports.scratch(...numbers.slice(numbers.length - exports.scratch.length)))
    if (reach(end) && isInside.includes(true))
      wrong("the memory had to grow for this call, which detached the arrays in it: make them again with alloc")
    const view = (i) => new types[i](memory.buffer, places[i], arrays[i].length)
    for (let i = 0; i < inputCount; i++) if (!isInside[i]) copyIn(arrays[i], view(i))
    exports.kernel(...places, ...numbers, free, to)
    for (let i = inputCount; i < types.length; i++) if (!isInside[i]) arrays[i].set(view(i))
    results.set(new Float64Array(memory.buffer, to, results.length))
  }
}
`
