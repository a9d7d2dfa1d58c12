// Random losses over f32: WebAssembly, which computes in f32 there, agrees with JavaScript, which computes in f64.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { compileSource } from "../src/compile.ts"
import { makeKernel } from "../src/kernel.ts"
import type { Loss } from "../src/loss.ts"
import type { Inputs } from "../src/testing/draw.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { readSettings } from "../src/run/settings.ts"
import { random, type Random } from "../src/testing/random.ts"
import { findSite, siteMaker } from "../src/testing/site.ts"
import type { Reduction } from "../src/types.ts"
import { programs } from "./random/program.ts"

const seed = Number(process.env["LOSSC_SEED"] ?? 20260101)
const runs = Number(process.env["LOSSC_RUNS"] ?? 200)
const memory = new KernelMemory()

/** Of the largest number: what arithmetic in f32 loses in terms that cancel. */
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
function disagreement(
  loss: Loss,
  inputs: Inputs,
  grad: readonly string[],
  reduction: Reduction,
): string | undefined {
  const [wanted, found] = (["js", "wasm"] as const).map((target) => {
    const settings = { grad, reduction, target, dtype: "f32", ...(target === "wasm" && { memory }) } as const
    const { loss: value, grad: gradients } = makeKernel(loss, settings)(inputs)
    return [["loss", typeof value === "number" ? [value] : value] as const, ...Object.entries(gradients)]
  })
  const numbers = wanted!.flatMap(([, list]) => Array.from(list as ArrayLike<number>, Math.abs))
  const largest = Math.max(...numbers.filter(Number.isFinite), 1e-3)
  for (const [k, [name, list]] of wanted!.entries())
    for (const [i, x] of Array.from(list as ArrayLike<number>).entries()) {
      const y = (found![k]![1] as ArrayLike<number>)[i]!
      if (!Object.is(x, y) && !(Math.abs(x - y) <= tolerance * largest))
        return `${name}[${i}] is ${y}; JavaScript has ${x}`
    }
  return undefined
}

describe(`random losses over f32 from seed ${seed}`, () => {
  test(`${runs} of them agree`, () => {
    let checked = 0
    fc.assert(
      fc.property(programs, fc.nat(), (text, at) => {
        const [loss] = compileSource(text)
        const grad = loss!.inputs.filter((input) => input.type === "real").map((input) => input.name)
        const reduction = (["mean", "sum", "none"] as const)[at % 3]!
        const settings = readSettings(loss!, { grad, dtype: "f64", reduction })
        const draw = random(at)
        const site = findSite(loss!, sizes(draw), settings.statics, draw, siteMaker(loss!, settings, draw))
        if (typeof site === "string" || !site.point.trace(undefined, 0).trace.inRange) return
        checked++
        expect(disagreement(loss!, narrowed(site.inputs), grad, reduction), `\n${text}\n`).toBeUndefined()
      }),
      { seed, numRuns: runs, interruptAfterTimeLimit: 600_000, markInterruptAsFailure: true },
    )
    expect(checked).toBeGreaterThan(0.9 * runs)
  }, 900_000)
})
