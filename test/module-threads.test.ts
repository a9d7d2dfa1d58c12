// Modules for several threads: the bits of one, in Node and where no memory can be shared.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Loss, compile } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { codeOf } from "./errors.ts"

interface Module {
  (
    inputs: object,
    options?: object,
  ): { readonly loss: number; readonly grad: Record<string, Float32Array>; count: number; per: number }
  alloc(name: string, shape: number | readonly number[]): Float32Array
  readonly memory: { readonly buffer: ArrayBuffer | SharedArrayBuffer }
  destroy(): void
}

let folder: string
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lossc-threads-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

const textOf = (loss: Loss, threads: number, accuracy?: "engine"): string =>
  loss.emit({ target: "wasm", grad: "all", threads, ...(accuracy && { accuracy }) })[0]!.text

/** Writes a file into the folder; returns its path. */
function written(text: string): string {
  const path = join(folder, `${count++}.mjs`)
  writeFileSync(path, text)
  return path
}

async function imported(text: string): Promise<Module> {
  const module = (await import(/* @vite-ignore */ pathToFileURL(written(text)).href)) as Record<
    string,
    Module
  >
  return module["default"]!
}

/** A module whose calls leave all blocks to the workers once one is ready, and that shows its workers. */
const leaving = (text: string): string =>
  `${text.replace(
    /new Workers\(shared, (.*)\)\n/,
    "new Workers(shared, $1, { isIdle: true })\n",
  )}\nrun.workers = workers\n`

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(seed + 12.9898 * i) * 3)
const matrix = (rows: number, columns: number, seed: number) => ({
  data: wave(rows * columns, seed),
  shape: [rows, columns],
})
const rows = 5000

// prettier-ignore
const cases: { name: string; loss: Loss; inputs: object; isAlone?: true; accuracy?: "engine" }[] = [
  { name: "a sum of elements", loss: library.mse, inputs: { pred: wave(70_000, 1), target: wave(70_000, 2) } },
  { name: "labels and rows", loss: library.crossEntropy,
    inputs: { logits: matrix(rows, 7, 3), target: Int32Array.from({ length: rows }, (_, i) => (i % 9 === 0 ? -100 : i % 7)) } },
  { name: "pairs", loss: library.infoNce, inputs: { q: matrix(200, 8, 4), k: matrix(200, 8, 5) } },
  { name: "functions that workers have", loss: compile("loss f[b](x) = sin(x) + x ^ 2.5"), inputs: { x: wave(70_000, 6).map(Math.abs) } },
  { name: "functions that workers lack", loss: compile("loss f[b](x) = log(1 - exp(-x))"), inputs: { x: wave(70_000, 7).map((x) => x + 2) },
    isAlone: true, accuracy: "engine" },
]

describe.each(cases)("$name", ({ loss, inputs, isAlone = false, accuracy }) => {
  test("has the bits of one thread for any number", async () => {
    const wanted = (await imported(textOf(loss, 1, accuracy)))(inputs)
    for (const threads of [2, 3]) {
      const module = (await imported(leaving(textOf(loss, threads, accuracy)))) as Module & {
        readonly workers: { readonly count: number; isReady(me: number): boolean }
      }
      expect(module.memory.buffer).toBeInstanceOf(SharedArrayBuffer)
      const { workers } = module
      expect(module(inputs)).toEqual(wanted)
      expect(workers.count).toBe(isAlone ? 0 : threads - 1)
      for (let i = 0; i < 1000 && !isAlone && !workers.isReady(1); i++)
        await new Promise((done) => setTimeout(done, 5))
      expect(workers.isReady(1)).toBe(!isAlone)
      for (let i = 0; i < 5; i++) expect(module(inputs)).toEqual(wanted)
      module.destroy()
      expect(workers.count).toBe(0)
      expect(module(inputs)).toEqual(wanted)
      module.destroy()
    }
  })
})

test("arrays stay when the memory grows", async () => {
  const module = await imported(textOf(library.mse, 2))
  const pred = module.alloc("pred", 3)
  pred.set([1, 2, 3])
  const large = new Float32Array(1 << 20)
  module({ pred: large, target: large })
  const target = module.alloc("target", 3)
  const grad = module.alloc("pred", 3)
  expect(module({ pred, target }, { grad: { pred: grad, target: new Float32Array(3) } }).loss).toBeCloseTo(
    14 / 3,
    12,
  )
  expect([...grad]).toEqual([1, 2, 3].map((v) => Math.fround((v * 2) / 3)))
  module.destroy()
})

describe("a program", () => {
  const use = (before: string): string => {
    const module = written(textOf(library.mse, 2))
    return written(
      `${before}
       const { mse } = await import(${JSON.stringify(pathToFileURL(module).href)})
       const pred = Float32Array.from({ length: 70000 }, (_, i) => Math.sin(i)), target = new Float32Array(70000)
       for (let i = 0; i < 20; i++) mse({ pred, target })
       console.log(mse({ pred, target }).loss, mse.memory.buffer.constructor.name)`,
    )
  }
  const run = (before: string): string =>
    String(execFileSync(process.execPath, ["--disallow-code-generation-from-strings", use(before)])).trim()
  let wanted: number
  beforeAll(async () => {
    const pred = Float32Array.from({ length: 70000 }, (_, i) => Math.sin(i))
    wanted = (await imported(textOf(library.mse, 1)))({ pred, target: new Float32Array(70000) }).loss
  })

  test("ends without `destroy`, where code may not be generated", () => {
    expect(run("")).toBe(`${wanted} SharedArrayBuffer`)
  })

  test.each([
    ["has no shared memory", "delete globalThis.SharedArrayBuffer"],
    ["is a page that is not isolated", "globalThis.crossOriginIsolated = false"],
    [
      "has no addresses left for it",
      `const { Memory } = WebAssembly
       WebAssembly.Memory = function (size) { if (size.shared) throw new RangeError("no"); return new Memory(size) }`,
    ],
  ])("that %s runs on one thread", (_, before) => {
    expect(run(before)).toBe(`${wanted} ArrayBuffer`)
  })
})

test("the text is the same every time, without imports and without code generation", () => {
  const text = textOf(library.infoNce, 4)
  expect(textOf(library.infoNce, 4)).toBe(text)
  expect(text).toMatch(/^[\n\x20-\x7e]*$/)
  expect(text).not.toMatch(/\bimport\b|\beval\b|new Function|require\(/)
})

test("the types have `destroy`, those of one thread have not", () => {
  const types = (threads: number): string => library.mse.emit({ target: "wasm", threads })[1]!.text
  expect(types(2)).toContain("destroy(): void")
  expect(types(1)).not.toContain("destroy")
})

test("other targets have one thread, and no module has 65", () => {
  for (const target of ["js", "wgsl"] as const)
    expect(codeOf(() => library.mse.emit({ target, threads: 2 }))).toBe("bad-option")
  expect(codeOf(() => library.mse.emit({ target: "wasm", threads: 65 }))).toBe("bad-option")
})
