// 500 random losses: the meaning, the loops, JavaScript and WebAssembly agree, and gradients match the complex step.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { cut } from "../src/blocks/cut.ts"
import { lower } from "../src/compile.ts"
import { emitJs } from "../src/emit/js.ts"
import type { Kernel } from "../src/loops.ts"
import type { Outputs } from "../src/loss.ts"
import { outputsOf } from "../src/outputs.ts"
import { instantiate } from "../src/run/js.ts"
import { KernelMemory } from "../src/run/memory.ts"
import { readSettings } from "../src/run/settings.ts"
import { wasmFunction } from "../src/run/wasm.ts"
import type { Random } from "../src/testing/random.ts"
import { pointOf } from "../src/testing/point.ts"
import type { Site } from "../src/testing/site.ts"
import { tinyBlocks } from "./blocks.sizes.ts"
import { type Drawn, drawn } from "./random/drawn.ts"
import { programs } from "./random/program.ts"
import { type Values, collect, difference, inOrder, loops, meaning, operands } from "./random/ways.ts"

const seed = Number(process.env["LOSSC_SEED"] ?? 20260101)
const memory = new KernelMemory()
const runs = Number(process.env["LOSSC_RUNS"] ?? 500)

function js(kernel: Kernel, outputs: Outputs, site: Site, optimise: boolean): Values {
  const run = instantiate(emitJs(kernel, { accuracy: "full", optimise }).text)
  const { inputs, written, scalars, sizes } = operands(kernel, outputs, site)
  const results = new Float64Array(kernel.results.length)
  run(...inputs, ...written, ...scalars, ...sizes, results)
  return collect(kernel.results, results, outputs, inOrder(kernel, outputs, written))
}

function wasm(kernel: Kernel, outputs: Outputs, site: Site): Values {
  const { inputs, written, scalars, sizes } = operands(kernel, outputs, site)
  const results = wasmFunction(
    kernel,
    new Map(),
    memory,
  )({
    inputs: inputs.map((list) => Float64Array.from(list)),
    outputs: written,
    scalars,
    sizes,
  })
  return collect(kernel.results, results, outputs, inOrder(kernel, outputs, written))
}

/** Sizes around the widths in which loops are unrolled. */
function sizes(draw: Random): Readonly<Record<string, number>> {
  const one = (): number => [1, 2, 3, 4, 5, 7, 9][draw.int(0, 6)]!
  const none = (probability: number): number => (draw.chance(probability) ? 0 : one())
  return { b: none(0.05), c: one(), d: none(0.03) }
}

/** The first disagreement about a program, or nothing. */
function disagreement({ loss, site, grad, reduction }: Drawn): string | undefined {
  const choice = {
    ...readSettings(loss, { grad, dtype: "f64", reduction }).choice,
    given: new Set(site.bound.given),
  }
  const written = meaning(outputsOf(loss, choice, { stabilise: false }), site)
  const outputs = outputsOf(loss, choice)
  const plain = lower(outputs, { dtype: "f64", optimise: false })
  const fused = lower(outputs, { dtype: "f64" })
  const owner = lower(outputs, { dtype: "f64", owner: true })
  const ways: readonly (readonly [string, () => Values])[] = [
    ["stable formulas, interpreted", () => meaning(outputs, site)],
    ["plain loops, interpreted", () => loops(plain, outputs, site)],
    ["fused loops, interpreted", () => loops(fused, outputs, site)],
    ["loops in blocks, the last block first", () => loops(cut(fused, tinyBlocks), outputs, site)],
    ["loops that own what they write", () => loops(owner, outputs, site)],
    ["the same in blocks, the last block first", () => loops(cut(owner, tinyBlocks), outputs, site)],
    ["plain JavaScript", () => js(plain, outputs, site, false)],
    ["optimised JavaScript", () => js(fused, outputs, site, true)],
    ["WebAssembly", () => wasm(fused, outputs, site)],
  ]
  for (const [name, compute] of ways) {
    const found = difference(name, compute(), written, 1e-10)
    if (found !== undefined) return found
  }
  // The written formula may lose digits that the stable one keeps (log(sigmoid(30))), so the stable one is stepped.
  const point = pointOf(loss, choice, site.bound, site.cotangent, {})
  const exact = new Map<string, readonly number[]>()
  for (const name of grad) {
    const input = loss.inputs.find((one) => one.name === name)!
    const length = site.point.size(input)
    exact.set(
      `grad:${name}`,
      Array.from({ length }, (_, index) => point.derivative({ input, index })),
    )
  }
  return difference("gradients against the complex step", written, exact, 1e-10)
}

/** Losses that once were wrong, with the number that their sizes and arguments are drawn by. */
const known: [text: string, at: number][] = [
  [
    // The smallest quotient was found with its divisor inverted in one loop and not in the other.
    `loss random[b](x: [d], y: [d], u, v: real in [0, 1], w: [c], t: index c, m: bool, k: int, shared g: [c, d] = 0.5; p: real > 0 = 1.5, q: real in [0, 1] = 0.25, h: [c] = 1) =
  let smooth(r, k) = r^2 / (k + abs(r)) in
  sqrt(1 + min[d](smooth(max(u, u), 1 + g[c = t]^2))^2) + 0.1 * u`,
    1097820121,
  ],
]

describe(`random losses from seed ${seed}`, () => {
  test(`${runs} of them agree in every way there is to compute them`, () => {
    let checked = 0
    fc.assert(
      fc.property(programs, fc.nat(), (text, at) => {
        const made = drawn(text, at, sizes)
        if (!made) return
        checked++
        expect(disagreement(made), `\n${text}\n`).toBeUndefined()
      }),
      {
        seed,
        numRuns: runs,
        examples: known,
        interruptAfterTimeLimit: 600_000,
        markInterruptAsFailure: true,
      },
    )
    expect(checked).toBeGreaterThan(0.9 * runs)
  }, 900_000)
})
