// Emitted JavaScript and WebAssembly against the interpreter of the loops.
import { describe, expect, test } from "vitest"
import { emitJs } from "../src/emit/js.ts"
import { instantiate } from "../src/run/js.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { verify } from "../src/run/verify.ts"
import { wasmFunction } from "../src/run/wasm.ts"
import { callFor, runFunction, runLoops, runWasm } from "./emit.data.ts"
import * as kernels from "./emit.kernels.ts"

/** Sizes on either side of every lane count and chunk. */
const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100]
const cases = [
  { name: "mse", make: kernels.mse, sizes: [...lengths, 4095, 4097, 9000].map((n) => ({ n })), scalars: [] },
  { name: "bce", make: kernels.bce, sizes: [...lengths, 4095, 4097, 9000].map((n) => ({ n })), scalars: [] },
  {
    name: "cross-entropy",
    make: kernels.crossEntropy,
    sizes: [
      ...lengths.filter((c) => c > 0).map((c) => ({ b: 3, c })),
      { b: 0, c: 3 },
      { b: 41, c: 400 },
      { b: 3000, c: 2 },
    ],
    scalars: [],
  },
  {
    name: "triplet",
    make: kernels.triplet,
    sizes: [...lengths.map((d) => ({ b: 5, d })), { b: 0, d: 3 }, { b: 41, d: 129 }],
    scalars: [1],
  },
  {
    name: "infoNce",
    make: kernels.infoNce,
    sizes: [0, 1, 3, 4, 5, 9, 17, 33].flatMap((b) => [1, 3, 4, 6, 17].map((d) => ({ b, d }))),
    scalars: [0.5],
  },
]

function expectClose(found: number[][], wanted: number[][], tolerance: number): void {
  wanted.forEach((list, k) => {
    const scale = Math.max(...list.map(Math.abs), 0.1)
    list.forEach((x, i) => {
      const y = found[k]![i]!
      if (Object.is(x, y) || Math.abs(x - y) <= tolerance * Math.max(scale, Math.abs(x))) return
      expect.fail(`array ${k}, element ${i}: ${y}, not ${x}`)
    })
  })
}

describe.each(cases)("$name", ({ make, sizes, scalars }) => {
  test("is well formed", () => {
    expect(verify(make())).toEqual([])
  })

  test("without optimisation gives the bits of the interpreter", () => {
    for (const dtype of ["f32", "f64"] as const) {
      const kernel = make(dtype)
      const run = instantiate(emitJs(kernel, { accuracy: "engine", optimise: false }).text)
      for (const s of sizes) {
        const call = callFor(kernel, s, scalars, { labels: (s as { c?: number }).c ?? 2 })
        expect(runFunction(kernel, run, call)).toEqual(runLoops(kernel, call))
      }
    }
  })

  test("as WebAssembly with the host's functions gives the bits of the interpreter", () => {
    for (const dtype of ["f32", "f64"] as const) {
      const kernel = make(dtype)
      const run = wasmFunction(kernel, new Map(), new KernelMemory(), { accuracy: "engine", optimise: false })
      for (const s of sizes) {
        const call = callFor(kernel, s, scalars, { labels: (s as { c?: number }).c ?? 2 })
        expect(runWasm(run, call)).toEqual(runLoops(kernel, call))
      }
    }
  })

  test("as WebAssembly agrees with the interpreter", () => {
    for (const dtype of ["f32", "f64"] as const) {
      const kernel = make(dtype)
      const run = wasmFunction(kernel, new Map(), new KernelMemory())
      for (const s of sizes) {
        const call = callFor(kernel, s, scalars, { labels: (s as { c?: number }).c ?? 2 })
        // Of one feature all cosines are 1 or -1: the terms of a gradient, which are f32 in vectors, cancel to 0.
        const short = (s as { d?: number }).d === 1 ? 2e-5 : 1e-6
        expectClose(runWasm(run, call), runLoops(kernel, call), dtype === "f32" ? short : 1e-13)
      }
    }
  })

  test.each([
    ["f32", "fast", 1e-6],
    ["f64", "fast", 1e-9],
    ["f64", "full", 1e-13],
  ] as const)("optimised over %s, %s, agrees with the interpreter", (dtype, accuracy, tolerance) => {
    const kernel = make(dtype)
    const run = instantiate(emitJs(kernel, { accuracy }).text)
    for (const s of sizes) {
      const call = callFor(kernel, s, scalars, { labels: (s as { c?: number }).c ?? 2 })
      expectClose(runFunction(kernel, run, call), runLoops(kernel, call), tolerance)
    }
  })
})
