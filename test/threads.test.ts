// Several threads: the same bits as one, memory that they share, workers that end, options that cannot be.
import fc from "fast-check"
import { URL } from "node:url"
import { Worker } from "node:worker_threads"
import { afterAll, afterEach, describe, expect, test, vi } from "vitest"
import { type Loss, checkedOf, compile } from "../src/index.ts"
import { type AnyKernel, makeKernel } from "../src/kernel.ts"
import { KernelMemory, platform } from "../src/run/memory.ts"
import type { KernelOptions } from "../src/run/settings.ts"
import { workerText } from "../src/run/worker-text.js"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { tinyBlocks } from "./blocks.sizes.ts"
import { small } from "./library.settings.ts"
import { inSingles } from "./singles.ts"
import { codeOf } from "./errors.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

const kernelOf = (loss: Loss, options: KernelOptions): AnyKernel =>
  makeKernel(checkedOf(loss), { target: "wasm", grad: "all", ...options }, { blocks: tinyBlocks })

const mse = compile("loss mse[b](x, y) = (x - y)^2")
const rows = { x: Float32Array.from({ length: 40 }, (_, i) => i / 7), y: new Float32Array(40) }

/** Waits for something that happens on another thread. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (holds()) return
    await new Promise((done) => setTimeout(done, 5))
  }
  expect.fail("it does not happen")
}

describe("the same bits", () => {
  // The thread that calls leaves all blocks to the workers, or they would seldom be in time for blocks as small as these.
  const memory = new KernelMemory({ shared: true, isIdle: true })
  afterAll(() => memory.destroy())

  test.each(losses.map((loss, i) => [loss.name, loss, i % 8 === 0 ? [2, 3] : [3]] as const))(
    "of %s",
    (_, loss, several) => {
      const fixed = small[loss.name] ?? {}
      const one = kernelOf(loss, { static: fixed })
      const others = several.map((threads) => kernelOf(loss, { static: fixed, threads, memory }))
      for (const drawn of fc.sample(arbitraryInputs(fc, loss, { mostSize: 9, static: fixed }), {
        seed: 1,
        numRuns: 2,
      })) {
        const given = inSingles(loss, drawn)
        const wanted = one(given)
        for (const kernel of others) expect(kernel(given)).toEqual(wanted)
      }
    },
  )

  test("are made by the workers", () => {
    expect(memory.workers!.count).toBe(2)
    expect(memory.workers!.isReady(1) && memory.workers!.isReady(2)).toBe(true)
  })

  test("with blocks as they are, and more threads than blocks", async () => {
    const x = Float32Array.from({ length: 50_000 }, (_, i) => Math.sin(i))
    const y = new Float32Array(x.length)
    const wanted = mse.kernel({ target: "wasm", grad: ["x"] })({ x, y })
    for (const threads of [2, 7]) {
      const kernel = mse.kernel({ target: "wasm", grad: ["x"], threads })
      expect(kernel({ x, y })).toEqual(wanted)
      await until(() => kernel.memory!.workers!.isReady(threads - 1))
      for (let i = 0; i < 20; i++) expect(kernel({ x, y })).toEqual(wanted)
      kernel.destroy()
    }
  })
})

describe("workers", () => {
  test("start with the first call that has work for them, and end with the memory", () => {
    const kernel = kernelOf(mse, { threads: 3 })
    const { workers } = kernel.memory!
    expect(workers!.count).toBe(0)
    kernel({ x: Float32Array.of(1, 2), y: new Float32Array(2) })
    expect(workers!.count).toBe(0)
    kernel(rows)
    expect(workers!.count).toBe(2)
    kernel.destroy()
    expect(workers!.count).toBe(0)
    expect(codeOf(() => kernel(rows))).toBe("destroyed")
  })

  test.each([
    ["ends", "block(frame, me, index)", "process.exit(7)"],
    ["fails", "block(frame, me, index)", "throw new Error()"],
    ["never finishes", "block(frame, me, index)", "for (;;);"],
  ])("one that %s in a block is an error, and nothing is written", async (_, from, to) => {
    const text = workerText.replace(from, to)
    expect(text).not.toBe(workerText)
    const memory = new KernelMemory({ shared: true, isIdle: true, text, patience: 100 })
    const kernel = kernelOf(mse, { threads: 2, memory })
    kernel(rows)
    await until(() => memory.workers!.isReady(1))
    const x = new Float32Array(40).fill(5)
    expect(codeOf(() => kernel(rows, { grad: { x } }))).toBe("worker-lost")
    expect(x).toEqual(new Float32Array(40).fill(5))
    expect(memory.workers!.count).toBe(0)
    expect(kernel(rows)).toEqual(kernelOf(mse, {})(rows))
    kernel.destroy()
  })

  test("one that ends between calls is an error of the next call", async () => {
    const text = workerText.replace(
      "modules.set(",
      "setTimeout(() => process.exit(7), 20); received--; modules.set(",
    )
    const memory = new KernelMemory({ shared: true, text })
    const kernel = kernelOf(mse, { threads: 2, memory })
    const wanted = kernel(rows)
    await until(() => codeOf(() => kernel(rows)) === "worker-lost")
    expect(kernel(rows)).toEqual(wanted)
    kernel.destroy()
  })

  test("that cannot start leave the work to the thread that calls", async () => {
    const memory = new KernelMemory({ shared: true, isIdle: true, text: "throw new Error()" })
    const kernel = kernelOf(mse, { threads: 2, memory })
    const wanted = kernelOf(mse, {})(rows)
    expect(kernel(rows)).toEqual(wanted)
    await new Promise((done) => setTimeout(done, 100))
    expect(kernel(rows)).toEqual(wanted)
    kernel.destroy()
  })
})

describe("pages", () => {
  afterEach(() => vi.unstubAllGlobals())

  /** The worker of a page, made of one of Node. */
  class PageWorker {
    private readonly inner: Worker
    constructor(text: string) {
      const page = `import { parentPort } from "node:worker_threads"
process.getBuiltinModule = undefined
parentPort.on("message", (data) => globalThis.onmessage({ data }))
${text}`
      this.inner = new Worker(new URL(`data:text/javascript,${encodeURIComponent(page)}`))
    }
    postMessage = (message: unknown): void => this.inner.postMessage(message)
    terminate = (): void => void this.inner.terminate()
    addEventListener(type: string, listener: (event: object) => void): void {
      this.inner.on(type, listener)
    }
  }

  function becomePage(): void {
    vi.stubGlobal("process", { ...process, getBuiltinModule: undefined })
    vi.stubGlobal("Worker", PageWorker)
    vi.stubGlobal("Blob", String)
    vi.stubGlobal("URL", { createObjectURL: String })
    vi.stubGlobal("crossOriginIsolated", true)
  }

  test("that may not sleep look again until the workers are done", async () => {
    const wanted = kernelOf(mse, {})(rows)
    becomePage()
    const memory = new KernelMemory({ shared: true, isIdle: true })
    const kernel = kernelOf(mse, { threads: 2, memory })
    expect(kernel(rows)).toEqual(wanted)
    await until(() => memory.workers!.isReady(1))
    const sleep = vi.spyOn(Atomics, "wait").mockImplementation(() => {
      throw new TypeError("Atomics.wait cannot be called in this context")
    })
    for (let i = 0; i < 20; i++) expect(kernel(rows)).toEqual(wanted)
    expect(sleep).toHaveBeenCalled()
    sleep.mockRestore()
    kernel.destroy()
  })

  test("that share no memory run on one thread", () => {
    const wanted = kernelOf(mse, {})(rows)
    becomePage()
    vi.stubGlobal("crossOriginIsolated", false)
    const kernel = kernelOf(mse, { threads: 2 })
    expect(kernel.memory!.workers).toBeUndefined()
    expect(kernel(rows)).toEqual(wanted)
    expect(kernelOf(mse, { threads: 2, memory: kernel.memory! })(rows)).toEqual(wanted)
    kernel.destroy()
  })
})

describe("shared memory", () => {
  test("keeps its arrays when it grows", () => {
    const kernel = kernelOf(mse, { threads: 2, grad: ["x"] })
    const x = kernel.alloc("x", 3)
    x.set([1, 2, 3])
    const large = new Float32Array(1 << 20)
    kernel({ x: large, y: large })
    const y = kernel.alloc("y", 3)
    const gradient = kernel.alloc("x", 3) as Float32Array
    expect(kernel({ x, y }, { grad: { x: gradient } }).loss).toBeCloseTo(14 / 3, 12)
    expect([...gradient]).toEqual([1, 2, 3].map((v) => Math.fround((v * 2) / 3)))
    kernel.destroy()
  })

  test("serves kernels of one thread too, and threads cannot share any other", () => {
    const kernel = kernelOf(mse, { threads: 2 })
    const wanted = kernelOf(mse, {})(rows)
    expect(kernelOf(mse, { memory: kernel.memory! })(rows)).toEqual(wanted)
    kernel.destroy()
    const memory = new KernelMemory()
    expect(codeOf(() => kernelOf(mse, { threads: 2, memory }))).toBe("bad-option")
  })
})

test("memory too large to be shared is not", () => {
  const { Memory, Module, Instance } = platform()
  const sharesNone = function (size: { initial: number; shared?: boolean }): object {
    if (size.shared) throw new RangeError("WebAssembly.Memory(): could not allocate memory")
    return new Memory(size)
  }
  vi.stubGlobal("WebAssembly", { Memory: sharesNone, Module, Instance })
  const kernel = kernelOf(mse, { threads: 2 })
  expect(kernel.memory!.workers).toBeUndefined()
  expect(kernel(rows).count).toBe(40)
  vi.unstubAllGlobals()
})

describe("errors", () => {
  test.each([0, -1, 1.5, NaN, Infinity, 65, "2", null])("threads: %s", (threads) => {
    expect(codeOf(() => kernelOf(mse, { threads: threads as number }))).toBe("bad-option")
  })

  test("threads of another target", () => {
    expect(codeOf(() => kernelOf(mse, { target: "js", threads: 2 }))).toBe("bad-option")
    expect(codeOf(() => kernelOf(mse, { target: "js", threads: 1 }))).toBe("nothing")
  })

  test("a wrong label is found before anything is written", () => {
    const loss = compile("loss f[b](z: [c], y: index c) = -z[c = y]")
    const kernel = kernelOf(loss, { threads: 2 })
    const z = { data: new Float32Array(60).fill(1), shape: [20, 3] }
    const y = new Int32Array(20).fill(2)
    const gradient = new Float32Array(60).fill(5)
    y[19] = 3
    expect(codeOf(() => kernel({ z, y }, { grad: { z: gradient } }))).toBe("label-range")
    expect(gradient).toEqual(new Float32Array(60).fill(5))
    kernel.destroy()
  })
})
