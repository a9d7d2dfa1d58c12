// Workers that run blocks of loops for kernels in one shared memory, beside the thread that calls them.
//
// A call never waits for a worker that has not taken a block: workers that are still starting, or that the system does not run,
// leave the blocks to the others. A thread takes a block by counting `next` up, and a job is over when `done` has come as far.
import { failure } from "./failure.ts"
import type { WasmMemory } from "./memory.ts"
import { control, controlLength, workerText } from "./worker-text.ts"

/** A module whose loops may be shared. */
export interface SharedModule {
  readonly module: object
  /** Names of the functions of `Math` that it imports. */
  readonly host: readonly string[]
  /** Names of its exports that run blocks, by the number of the loop. */
  readonly blocks: readonly string[]
}

/** A loop over blocks that is to be run. */
export interface Job {
  readonly module: number
  /** The number of the loop in its module. */
  readonly loop: number
  /** The address of what its blocks read. */
  readonly frame: number
  readonly count: number
  readonly threads: number
}

/** Runs a block of a loop on this thread. */
export type RunBlock = (frame: number, thread: number, block: number) => void

/** What is used of the workers of Node and of pages. */
interface Worker {
  postMessage(message: unknown): void
  terminate(): unknown
  unref?(): void
  on?(event: string, listener: (value: unknown) => void): void
  addEventListener?(event: string, listener: (event: unknown) => void): void
}
type WorkerType = new (from: unknown, options?: object) => Worker

/** How workers are made. */
export interface WorkerSettings {
  /** Their program. */
  readonly text?: string
  /** Milliseconds after which a worker that does not finish a block is given up: far beyond what a block takes. */
  readonly patience?: number
  /** Whether the thread that calls leaves all blocks to workers as soon as one is ready: for tests. Default false. */
  readonly isIdle?: boolean
}

/** The most threads of a kernel. */
export const mostThreads = 64

const PATIENCE = 30_000
/** How often a thread looks whether the others have finished before it sleeps: some ten microseconds. */
const LOOKS = 500

/** Whether this platform can share memory between threads that it lets us start. */
export function canShare(): boolean {
  const { crossOriginIsolated, SharedArrayBuffer } = globalThis as {
    crossOriginIsolated?: boolean
    SharedArrayBuffer?: unknown
  }
  return SharedArrayBuffer !== undefined && crossOriginIsolated !== false && starter() !== undefined
}

/** The function that starts a worker with a program. */
function starter(): ((text: string) => Worker) | undefined {
  const { process, Worker, Blob, URL } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => { readonly Worker: WorkerType } | undefined }
    Worker?: WorkerType
    Blob?: new (parts: string[], options: object) => object
    URL?: (new (url: string) => object) & {
      createObjectURL(blob: object): string
      revokeObjectURL(url: string): void
    }
  }
  const node = process?.getBuiltinModule?.("node:worker_threads")?.Worker
  if (node && URL)
    return (text) =>
      new node(new URL(`data:text/javascript,${encodeURIComponent(text)}`), { execArgv: [], name: "lossc" })
  if (Worker && Blob && URL)
    return (text) =>
      new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { name: "lossc" })
  return undefined
}

/** The workers of one memory. */
export class Workers {
  private readonly memory: WasmMemory
  private readonly text: string
  private readonly patience: number
  private readonly isIdle: boolean
  private ints = newInts()
  private workers: Worker[] = []
  private readonly modules: SharedModule[] = []
  /** Why the next call fails, if a worker ended that had been ready. */
  private lost: string | undefined

  constructor(
    memory: WasmMemory,
    { text = workerText, patience = PATIENCE, isIdle = false }: WorkerSettings = {},
  ) {
    this.memory = memory
    this.text = text
    this.patience = patience
    this.isIdle = isIdle
  }

  /** How many have been started and not ended. */
  get count(): number {
    return this.workers.length
  }

  /** Registers a module; returns the number by which jobs name it. */
  add(module: SharedModule): number {
    this.modules.push(module)
    this.workers.forEach((_, i) => this.send(i + 1, this.modules.length - 1))
    return this.modules.length - 1
  }

  /** Starts as many workers as are missing for so many threads. Where that is forbidden there are fewer. */
  private start(threads: number): void {
    if (this.workers.length >= threads - 1) return
    const start = starter()
    try {
      while (start && this.workers.length < threads - 1) this.startOne(start)
    } catch {
      // A page may forbid workers; what has been started serves.
    }
  }

  private startOne(start: (text: string) => Worker): void {
    const worker = start(this.text)
    const me = this.workers.length + 1
    const { ints } = this
    const ended = (reason: unknown): void => {
      if (this.workers[me - 1] !== worker) return
      if (this.isReady(me))
        this.lost ??= reason instanceof Error ? reason.message : `it ended with code ${String(reason)}`
    }
    worker.on?.("error", ended)
    worker.on?.("exit", ended)
    worker.addEventListener?.("error", () => ended(new Error("its program failed")))
    worker.unref?.()
    this.workers.push(worker)
    this.post(me, { ints, me })
    this.modules.forEach((_, number) => this.send(me, number))
  }

  /** Whether a worker, counted from 1, takes blocks. */
  isReady(me: number): boolean {
    return Atomics.load(this.ints, control.ready + me * control.stride) === 1
  }

  private send(me: number, number: number): void {
    this.post(me, { ...this.modules[number]!, number, memory: this.memory })
  }

  private post(me: number, message: object): void {
    this.workers[me - 1]!.postMessage(message)
    const own = me * control.stride
    Atomics.add(this.ints, control.sent + own, 1)
    this.wake(me)
  }

  private wake(me: number): void {
    const at = control.wake + me * control.stride
    Atomics.add(this.ints, at, 1)
    Atomics.notify(this.ints, at)
  }

  /** Runs all blocks of a loop, on this thread and on as many others as there are and as `threads` allows. Throws `LossError`. */
  run({ module, loop, frame, count, threads }: Job, run: RunBlock): void {
    this.check()
    this.start(threads)
    const { ints } = this
    const first = Atomics.load(ints, control.limit)
    const limit = (first + count) | 0
    ints[control.module] = module
    ints[control.loop] = loop
    ints[control.frame] = frame
    ints[control.first] = first
    ints[control.threads] = threads
    Atomics.store(ints, control.limit, limit)
    const helpers = Math.min(threads - 1, count - 1, this.workers.length)
    for (let me = 1; me <= helpers; me++) this.wake(me)
    let error: unknown
    while (!(this.isIdle && this.isReady(1))) {
      const ticket = Atomics.load(ints, control.next)
      if (ticket === limit) break
      if (Atomics.compareExchange(ints, control.next, ticket, (ticket + 1) | 0) !== ticket) continue
      try {
        if (error === undefined) run(frame, 0, (ticket - first) | 0)
      } catch (thrown) {
        // The others have to leave the memory before the call ends.
        error = thrown
      }
      Atomics.add(ints, control.done, 1)
    }
    this.finish(limit)
    if (error !== undefined) throw error
  }

  /** Waits until the others have run the blocks that they took. */
  private finish(limit: number): void {
    const { ints } = this
    let seen = Atomics.load(ints, control.done)
    let since = 0
    for (let looks = 0; seen !== limit; looks++) {
      if (looks >= LOOKS) {
        wait(ints, control.done, seen)
        since ||= performance.now()
        if (Atomics.load(ints, control.failed) !== 0 || performance.now() - since > this.patience) break
      }
      const now = Atomics.load(ints, control.done)
      if (now !== seen) [seen, since] = [now, 0]
    }
    this.check(seen === limit ? undefined : "it did not finish its block")
  }

  /** Throws `LossError` if a worker has failed; the next call starts others. */
  private check(reason = this.lost): void {
    const failed = Atomics.load(this.ints, control.failed) !== 0
    if (!failed && reason === undefined) return
    this.close()
    throw failure(
      "worker-lost",
      `a thread of this kernel ended in the middle of its work: ${reason ?? "it stopped or its code failed"}`,
      { argument: "threads" },
      "call again, which starts other threads, or make the kernel without `threads`",
    )
  }

  /** Ends all workers. Calls start others. */
  close(): void {
    const ended = this.workers
    this.workers = []
    for (const worker of ended) void worker.terminate()
    this.lost = undefined
    this.ints = newInts()
  }
}

const newInts = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * controlLength(mostThreads)))

/** Sleeps until a number changes, a hundredth of a second at most. The main thread of a page may not sleep: it looks again at once. */
function wait(ints: Int32Array, at: number, value: number): void {
  try {
    Atomics.wait(ints, at, value, 10)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}
