// Arrays for the kernels built by hand, and the ways to run a kernel on them.
import type { Kernel } from "../src/loops.ts"
import { type KernelFunction } from "../src/run/js.ts"
import { interpretLoops } from "../src/run/loops.ts"
import type { WasmFunction } from "../src/run/wasm.ts"

/** What one call of a kernel takes. */
export interface Call {
  readonly inputs: (Float32Array | Float64Array | Int32Array | Uint8Array)[]
  readonly outputs: (Float32Array | Float64Array)[]
  readonly scalars: number[]
  readonly sizes: number[]
}

/** A generator of numbers in [0, 1), the same on every run. */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

/** Inputs for a kernel: reals from -scale to scale, labels below `labels`, outputs full of NaN. */
export function callFor(
  kernel: Kernel,
  sizes: Readonly<Record<string, number>>,
  scalars: readonly number[] = [],
  { seed = 1, scale = 3, labels = 2 } = {},
): Call {
  const next = random(seed)
  const list = kernel.sizeNames.map((name) => sizes[name]!)
  const lengths = new Map<number, number>()
  kernel.scalars.forEach((s, i) => lengths.set(s.id, scalars[i]!))
  const read = (x: Kernel["inputs"][number]["length"]): number =>
    x.kind === "number" ? x.value : lengths.get(x.id)!
  for (const { id, value } of kernel.sizes)
    if (value.kind === "size") lengths.set(id, sizes[value.name]!)
    else if (value.op === "mul") lengths.set(id, read(value.args[0]!) * read(value.args[1]!))
    else throw new Error("only products of sizes are known here")
  const real = kernel.dtype === "f32" ? Float32Array : Float64Array
  return {
    inputs: kernel.inputs.map(({ element, length }) => {
      const n = read(length)
      if (element === "int") return Int32Array.from({ length: n }, () => Math.floor(next() * labels))
      if (element === "bool") return Uint8Array.from({ length: n }, () => +(next() < 0.5))
      return new real(n).map(() => (next() * 2 - 1) * scale)
    }),
    outputs: kernel.outputs.map(({ length }) => new real(read(length)).fill(NaN)),
    scalars: [...scalars],
    sizes: list,
  }
}

/** The same call with outputs of its own. */
export const again = (call: Call): Call => ({
  ...call,
  outputs: call.outputs.map((o) => (o.slice() as typeof o).fill(NaN)),
})

/** Everything a kernel made, as one list: results, then outputs. */
export function runLoops(kernel: Kernel, call: Call): number[][] {
  const mine = again(call)
  const results = interpretLoops(kernel, mine)
  return [[...results], ...mine.outputs.map((o) => [...o])]
}

export function runFunction(kernel: Kernel, run: KernelFunction, call: Call): number[][] {
  const mine = again(call)
  const results = new Float64Array(kernel.results.length)
  run(...mine.inputs, ...mine.outputs, ...mine.scalars, ...mine.sizes, results)
  return [[...results], ...mine.outputs.map((o) => [...o])]
}

export function runWasm(run: WasmFunction, call: Call): number[][] {
  const mine = again(call)
  return [[...run(mine)], ...mine.outputs.map((o) => [...o])]
}
