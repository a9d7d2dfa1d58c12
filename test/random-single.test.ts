// Random losses over f32: WebAssembly, which computes in f32 there, agrees with JavaScript, which computes in f64.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { makeKernel } from "../src/kernel.ts"
import type { Inputs } from "../src/testing/draw.ts"
import { KernelMemory } from "../src/run/memory.ts"
import type { Random } from "../src/testing/random.ts"
import { type Drawn, drawn } from "./random/drawn.ts"
import { programs } from "./random/program.ts"

const seed = Number(process.env["LOSSC_SEED"] ?? 20260101)
const runs = Number(process.env["LOSSC_RUNS"] ?? 200)
const memory = new KernelMemory()

/** Of the largest number of an array, or a hundredth of that of all: what arithmetic in f32 loses in terms that cancel. */
const tolerance = 1e-4

/** Sizes around the widths of lanes. */
function sizes(draw: Random): Readonly<Record<string, number>> {
  const one = (): number => [1, 2, 3, 4, 5, 7, 9, 17, 33][draw.int(0, 8)]!
  return { b: one(), c: one(), d: one() }
}

function narrowed(inputs: Inputs): Inputs {
  const narrow = (x: Inputs[string]): Inputs[string] =>
    typeof x === "object" && "data" in x && x.data instanceof Float64Array
      ? { ...x, data: Float32Array.from(x.data) }
      : x
  return Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, narrow(x)]))
}

/** The first number that differs, or nothing. */
function disagreement({ loss, site, grad, reduction }: Drawn): string | undefined {
  const inputs = narrowed(site.inputs)
  const [wanted, found] = (["js", "wasm"] as const).map((target) => {
    const settings = { grad, reduction, target, dtype: "f32", ...(target === "wasm" && { memory }) } as const
    const { loss: value, grad: gradients } = makeKernel(loss, settings)(inputs)
    return [["loss", typeof value === "number" ? [value] : value] as const, ...Object.entries(gradients)]
  })
  const largest = (list: ArrayLike<number>): number =>
    Math.max(...Array.from(list, Math.abs).filter(Number.isFinite), 1e-3)
  const all = Math.max(...wanted!.map(([, list]) => largest(list as ArrayLike<number>)))
  for (const [k, [name, list]] of wanted!.entries()) {
    const scale = Math.max(largest(list as ArrayLike<number>), 0.01 * all)
    for (const [i, x] of Array.from(list as ArrayLike<number>).entries()) {
      const y = (found![k]![1] as ArrayLike<number>)[i]!
      if (!Object.is(x, y) && !(Math.abs(x - y) <= tolerance * scale))
        return `${name}[${i}] is ${y}; JavaScript has ${x}`
    }
  }
  return undefined
}

describe(`random losses over f32 from seed ${seed}`, () => {
  test(`${runs} of them agree`, () => {
    let checked = 0
    fc.assert(
      fc.property(programs, fc.nat(), (text, at) => {
        const made = drawn(text, at, sizes)
        if (!made) return
        checked++
        expect(disagreement(made), `\n${text}\n`).toBeUndefined()
      }),
      { seed, numRuns: runs, interruptAfterTimeLimit: 600_000, markInterruptAsFailure: true },
    )
    expect(checked).toBeGreaterThan(0.9 * runs)
  }, 900_000)
})
