// What tests of elementary and special functions share: emitted functions, points, and distances in last places.
import { type Accuracy, emitJs } from "../src/emit/js.ts"
import { type OpName, ops } from "../src/ops.ts"
import { instantiate } from "../src/run/js.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { wasmFunction } from "../src/run/wasm.ts"
import { random } from "./emit.data.ts"
import { Builder } from "./emit.kernels.ts"
import type { Double } from "./math.double.ts"

const memory = new KernelMemory()

/** The emitted function of as many arrays as the operator has parameters: of JavaScript or WebAssembly with an accuracy. */
export function emitted(
  op: OpName,
  how: Accuracy | "wasm" | "wasm fast",
): (...columns: Float64Array[]) => Float64Array {
  const b = new Builder("f64")
  const n = b.size("n")
  const inputs = ops[op].params.map((name) => b.input(name, n))
  const out = b.output("out", n)
  b.for("i", n, (i) => b.store(out, i, b.op(op, ...inputs.map((input) => b.load(input, i)))))
  if (how === "wasm" || how === "wasm fast") {
    const run = wasmFunction(b.kernel(), new Map(), memory, how === "wasm" ? {} : { accuracy: "fast" })
    return (...columns) => {
      const result = new Float64Array(columns[0]!.length)
      run({ inputs: columns, outputs: [result], scalars: [], sizes: [result.length] })
      return result
    }
  }
  const run = instantiate(emitJs(b.kernel(), { accuracy: how }).text)
  return (...columns) => {
    const result = new Float64Array(columns[0]!.length)
    run(...columns, result, result.length, new Float64Array(0))
    return result
  }
}

/** The emitted function of one array of f32, as WebAssembly with vectors. */
export function emittedShort(op: OpName, relaxed = false): (x: Float32Array) => Float32Array {
  const b = new Builder("f32")
  const n = b.size("n")
  const [input, output] = [b.input("x", n), b.output("out", n)]
  b.for("i", n, (i) => b.store(output, i, b.op(op, b.load(input, i))))
  const run = wasmFunction(b.kernel(), new Map(), memory, { relaxed })
  return (x) => {
    const result = new Float32Array(x.length)
    run({ inputs: [x], outputs: [result], scalars: [], sizes: [x.length] })
    return result
  }
}

/** Points spread over the ranges, and as many powers of ten inside them. */
export function points(ranges: readonly (readonly [number, number])[], length: number): Float64Array {
  const next = random(7)
  return Float64Array.from({ length }, (_, i) => {
    const [low, high] = ranges[i % ranges.length]!
    const x = low + (high - low) * next()
    return i % 7 === 0 ? x * 10 ** (-20 * next()) : x
  })
}

/** Distance in units of the last place of the exact value. */
export function ulps(found: number, exact: Double): number {
  const size = Math.abs(exact[0])
  const ulp = Math.max(2 ** (Math.floor(Math.log2(size)) - 52), 2 ** -1074)
  return Math.abs(found - exact[0] - exact[1]) / ulp
}
