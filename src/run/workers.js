// @ts-check
// Workers that run blocks of loops for kernels in one shared memory, beside the thread that calls them.
//
// A call never waits for a worker that has not taken a block: workers that are still starting, or that the system does not run,
// leave the blocks to the others. A thread takes a block by counting `next` up, and a job is over when `done` has come as far.
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { control, controlLength, workerText } from "./worker-text.js"
/** @import { WasmMemory } from "./memory.ts" */

/**
 * A module whose loops may be shared: the names of the functions of `Math` that it imports, and those of its exports that run
 * blocks, by the number of the loop.
 * @typedef {{ readonly module: object, readonly host: readonly string[], readonly blocks: readonly string[] }} SharedModule
 */

/**
 * A loop over blocks that is to be run: the numbers of its module and of the loop in it, and the address of what its blocks read.
 * @typedef {{ readonly module: number, readonly loop: number, readonly frame: number, readonly count: number, readonly threads: number }} Job
 */

/**
 * Runs a block of a loop on this thread.
 * @typedef {(frame: number, thread: number, block: number) => void} RunBlock
 */

/**
 * What is used of the workers of Node and of pages.
 * @typedef {object} Worker
 * @property {(message: unknown) => void} postMessage
 * @property {() => unknown} terminate
 * @property {() => void} [unref]
 * @property {(event: string, listener: (value: unknown) => void) => void} [on]
 * @property {(event: string, listener: (event: unknown) => void) => void} [addEventListener]
 * @typedef {new (from: unknown, options?: object) => Worker} WorkerType
 */

/**
 * How workers are made: their program, the milliseconds after which one that does not finish a block is given up, far beyond
 * what a block takes, and whether the thread that calls leaves all blocks to workers as soon as one is ready, for tests.
 * @typedef {{ readonly text?: string, readonly patience?: number, readonly isIdle?: boolean }} WorkerSettings
 */

/**
 * Makes the error of workers that were lost.
 * @typedef {(code: "worker-lost", message: string, details: { argument: string }, help: string) => Error} WorkerFailure
 */

/** The most threads of a kernel. */
export const mostThreads = 64

const PATIENCE = 30_000
/** How often a thread looks whether the others have finished before it sleeps: some ten microseconds. */
const LOOKS = 500

/** Whether this platform can share memory between threads that it lets us start. */
export function canShare() {
  const { crossOriginIsolated, SharedArrayBuffer } =
    /** @type {{ crossOriginIsolated?: boolean, SharedArrayBuffer?: unknown }} */ (globalThis)
  return SharedArrayBuffer !== undefined && crossOriginIsolated !== false && starter() !== undefined
}

/**
 * The function that starts a worker with a program.
 * @returns {((text: string) => Worker) | undefined}
 */
function starter() {
  const { process, Worker, Blob, URL } =
    /** @type {{ process?: { getBuiltinModule?: (name: string) => { readonly Worker: WorkerType } | undefined }, Worker?: WorkerType, Blob?: new (parts: string[], options: object) => object, URL?: (new (url: string) => object) & { createObjectURL(blob: object): string } }} */ (
      globalThis
    )
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
  #memory
  #fail
  #text
  #patience
  #isIdle
  #ints = newInts()
  /** @type {Worker[]} */
  #workers = []
  /** @type {SharedModule[]} */
  #modules = []
  /** @type {string | undefined} why the next call fails, if a worker ended that had been ready */
  #lost

  /**
   * @param {WasmMemory} memory
   * @param {WorkerFailure} fail
   * @param {WorkerSettings} [settings]
   */
  constructor(memory, fail, { text = workerText, patience = PATIENCE, isIdle = false } = {}) {
    this.#memory = memory
    this.#fail = fail
    this.#text = text
    this.#patience = patience
    this.#isIdle = isIdle
  }

  /** How many have been started and not ended. */
  get count() {
    return this.#workers.length
  }

  /**
   * Registers a module; returns the number by which jobs name it.
   * @param {SharedModule} module
   */
  add(module) {
    this.#modules.push(module)
    this.#workers.forEach((_, i) => this.#send(i + 1, this.#modules.length - 1))
    return this.#modules.length - 1
  }

  /**
   * Starts as many workers as are missing for so many threads. Where that is forbidden there are fewer.
   * @param {number} threads
   */
  #start(threads) {
    if (this.#workers.length >= threads - 1) return
    const start = starter()
    try {
      while (start && this.#workers.length < threads - 1) this.#startOne(start)
    } catch {
      // A page may forbid workers; what has been started serves.
    }
  }

  /** @param {(text: string) => Worker} start */
  #startOne(start) {
    const worker = start(this.#text)
    const me = this.#workers.length + 1
    const ints = this.#ints
    /** @param {unknown} reason */
    const ended = (reason) => {
      if (this.#workers[me - 1] !== worker) return
      if (this.isReady(me))
        this.#lost ??= reason instanceof Error ? reason.message : `it ended with code ${String(reason)}`
    }
    worker.on?.("error", ended)
    worker.on?.("exit", ended)
    worker.addEventListener?.("error", () => ended(new Error("its program failed")))
    worker.unref?.()
    this.#workers.push(worker)
    this.#post(me, { ints, me })
    this.#modules.forEach((_, number) => this.#send(me, number))
  }

  /**
   * Whether a worker, counted from 1, takes blocks.
   * @param {number} me
   */
  isReady(me) {
    return Atomics.load(this.#ints, control.ready + me * control.stride) === 1
  }

  /**
   * @param {number} me
   * @param {number} number of a module
   */
  #send(me, number) {
    this.#post(me, { ...this.#modules[number], number, memory: this.#memory })
  }

  /**
   * @param {number} me
   * @param {object} message
   */
  #post(me, message) {
    this.#workers[me - 1]?.postMessage(message)
    const own = me * control.stride
    Atomics.add(this.#ints, control.sent + own, 1)
    this.#wake(me)
  }

  /** @param {number} me */
  #wake(me) {
    const at = control.wake + me * control.stride
    Atomics.add(this.#ints, at, 1)
    Atomics.notify(this.#ints, at)
  }

  /**
   * Runs all blocks of a loop, on this thread and on as many others as there are and as `threads` allows. Throws if one is lost.
   * @param {Job} job
   * @param {RunBlock} run
   */
  run({ module, loop, frame, count, threads }, run) {
    this.#check()
    this.#start(threads)
    const ints = this.#ints
    const first = Atomics.load(ints, control.limit)
    const limit = (first + count) | 0
    ints[control.module] = module
    ints[control.loop] = loop
    ints[control.frame] = frame
    ints[control.first] = first
    ints[control.threads] = threads
    Atomics.store(ints, control.limit, limit)
    const helpers = Math.min(threads - 1, count - 1, this.#workers.length)
    for (let me = 1; me <= helpers; me++) this.#wake(me)
    /** @type {unknown} */
    let error
    while (!(this.#isIdle && this.isReady(1))) {
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
    this.#finish(limit)
    if (error !== undefined) throw error
  }

  /**
   * Waits until the others have run the blocks that they took.
   * @param {number} limit
   */
  #finish(limit) {
    const ints = this.#ints
    let seen = Atomics.load(ints, control.done)
    let since = 0
    for (let looks = 0; seen !== limit; looks++) {
      if (looks >= LOOKS) {
        wait(ints, control.done, seen)
        since ||= performance.now()
        if (Atomics.load(ints, control.failed) !== 0 || performance.now() - since > this.#patience) break
      }
      const now = Atomics.load(ints, control.done)
      if (now !== seen) [seen, since] = [now, 0]
    }
    this.#check(seen === limit ? undefined : "it did not finish its block")
  }

  /** Throws if a worker has failed; the next call starts others. */
  #check(reason = this.#lost) {
    const failed = Atomics.load(this.#ints, control.failed) !== 0
    if (!failed && reason === undefined) return
    this.close()
    throw this.#fail(
      "worker-lost",
      `a thread of this kernel ended in the middle of its work: ${reason ?? "it stopped or its code failed"}`,
      { argument: "threads" },
      "call again, which starts other threads, or make the kernel without `threads`",
    )
  }

  /** Ends all workers. Calls start others. */
  close() {
    const ended = this.#workers
    this.#workers = []
    for (const worker of ended) void worker.terminate()
    this.#lost = undefined
    this.#ints = newInts()
  }
}

const newInts = () => new Int32Array(new SharedArrayBuffer(4 * controlLength(mostThreads)))

/**
 * Sleeps until a number changes, a hundredth of a second at most. The main thread of a page may not sleep: it looks again at once.
 * @param {Int32Array<SharedArrayBuffer>} ints
 * @param {number} at
 * @param {number} value
 */
function wait(ints, at, value) {
  try {
    Atomics.wait(ints, at, value, 10)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}
