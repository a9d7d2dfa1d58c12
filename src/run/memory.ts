// The memory of WebAssembly kernels: arrays that callers keep in it, and room for the arrays of a call above them.
import { failure } from "./failure.ts"
import { mostElements } from "./given.ts"
import { Workers, type WorkerSettings, canShare } from "./workers.js"

/** What lossc uses of the WebAssembly interface of the platform. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
interface Platform {
  readonly Memory: new (size: {
    readonly initial: number
    readonly maximum?: number
    readonly shared?: boolean
  }) => WasmMemory
  readonly validate: (bytes: Uint8Array<ArrayBuffer>) => boolean
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, (...args: number[]) => number>> }
}

/** The WebAssembly of this platform. Throws `LossError` where there is none. */
export function platform(): Platform {
  const found = (globalThis as { WebAssembly?: Platform }).WebAssembly
  if (!found)
    throw failure("target-unavailable", "this platform has no WebAssembly: use the target js", {
      argument: "target",
      value: "wasm",
    })
  return found
}

/** Arrays that a kernel reads where they are, by the type of an element. */
export type KernelArray = Float32Array | Float64Array | Int32Array | Uint8Array
export interface KernelArrayType {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): KernelArray
  new (buffer: ArrayBuffer, start: number, length: number): KernelArray
}

const PAGE = 65536
/** Arrays start at multiples of this, in bytes. Vectors may be read as far beyond the end of an array. */
const ALIGNMENT = 16
/** Where arrays start. Instructions add as much to addresses by themselves, which may not be negative before. */
const LOWEST = 1024
/** Where addresses end. */
const MOST = 2 ** 32
/** Memory that grows grows by at least this, so that it seldom does. */
const STEP = 2 ** 20

/** The next multiple of the alignment, with room for a vector in between. */
export const after = (end: number): number => (Math.floor(end / ALIGNMENT) + 2) * ALIGNMENT

/**
 * Memory that one or several kernels work in. It grows when calls need more and is given back by `destroy`. Growing detaches the
 * arrays in it: they are refused from then on, and have to be made anew.
 */
export class KernelMemory {
  private memory: WasmMemory | undefined
  private top = LOWEST
  /** The threads that share this memory; absent where it is not shared. Growing does not detach arrays in shared memory. */
  readonly workers: Workers | undefined
  /** Buffers of a shared memory: each time that it grows it gets another, and those before stay valid. */
  private readonly buffers = new WeakSet<object>()

  /** `shared` asks for a memory that threads may share, where the platform has such. */
  constructor({ shared = false, ...settings }: { readonly shared?: boolean } & WorkerSettings = {}) {
    const own = shared && canShare() ? sharedMemory() : undefined
    this.memory = own ?? new (platform().Memory)({ initial: 1 })
    if (!own) return
    this.workers = new Workers(own, failure, settings)
    forgotten.register(this, this.workers)
  }

  /** The memory that modules import. Throws `LossError` after `destroy`. */
  get handle(): WasmMemory {
    if (!this.memory)
      throw failure(
        "destroyed",
        "the memory of this kernel was given back by `destroy`",
        {},
        "make another kernel",
      )
    return this.memory
  }

  /** Its size in bytes; 0 after `destroy`. */
  get byteLength(): number {
    return this.memory?.buffer.byteLength ?? 0
  }

  /** An array of zeros that stays in this memory. `name` is what messages call it. Throws `LossError`. */
  alloc(name: string, type: KernelArrayType, length: number): KernelArray {
    if (!Number.isInteger(length) || length < 0 || length > mostElements)
      throw failure("bad-size", `\`${name}\` would have ${length} elements`, {
        argument: name,
        value: length,
      })
    const start = this.top
    const bytes = length * type.BYTES_PER_ELEMENT
    // As much again for the arrays of calls, which would otherwise detach this one soon.
    if (start + bytes > this.byteLength) this.grow(after(start + bytes) + bytes)
    this.top = after(start + bytes)
    new Uint8Array(this.handle.buffer, start, bytes).fill(0)
    if (this.workers) this.buffers.add(this.handle.buffer)
    return new type(this.handle.buffer, start, length)
  }

  /** Makes room for as many bytes of arrays, those of calls included, that will not make the memory grow. Throws `LossError`. */
  reserve(bytes: number): void {
    this.reach(this.top + bytes)
  }

  /** The address of room for a call. */
  get start(): number {
    return this.top
  }

  /** Makes addresses below `end` usable; true if that detached the arrays in this memory. */
  reach(end: number): boolean {
    if (after(end) <= this.handle.buffer.byteLength) return false
    this.grow(after(end))
    return !this.workers
  }

  private grow(end: number): void {
    const missing = end - this.handle.buffer.byteLength
    const wanted = Math.min(MOST, this.byteLength + Math.max(missing, STEP))
    try {
      if (end > MOST) throw new RangeError("beyond the last address")
      this.handle.grow(Math.ceil((wanted - this.byteLength) / PAGE))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw failure("out-of-memory", `this kernel would need ${end} bytes of memory`, { value: end })
    }
  }

  /** Whether an array lies in this memory. */
  holds(array: ArrayBufferView): boolean {
    if (this.workers) return this.memory !== undefined && this.buffers.has(array.buffer)
    return array.buffer === this.memory?.buffer
  }

  /**
   * Gives the memory back and ends its threads; kernels that work in it refuse to run. Its arrays are detached, but arrays in shared
   * memory keep it until they are gone themselves.
   */
  destroy(): void {
    if (this.workers) this.workers.close()
    else this.memory?.grow(0)
    this.memory = undefined
  }
}

/** Memory for threads; undefined where there are no addresses left for the most that it may become. */
function sharedMemory(): WasmMemory | undefined {
  try {
    return new (platform().Memory)({ initial: 1, maximum: MOST / PAGE, shared: true })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Ends the threads of a memory that nothing uses any more. */
const forgotten = new FinalizationRegistry<Workers>((workers) => workers.close())
