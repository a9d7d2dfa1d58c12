// Which work several threads share: the losses whose loops run on one thread, with reasons, and blocks of few long rows.
import { describe, expect, test, vi } from "vitest"
import { blocksOf, isCut } from "../src/blocks.ts"
import { derive, lower } from "../src/compile.ts"
import { isOfMath } from "../src/emit/host.ts"
import { emitWat } from "../src/emit/wat.ts"
import { type Loss, checkedOf, compile } from "../src/index.ts"
import { type AnyKernel, makeKernel } from "../src/kernel.ts"
import type { Kernel } from "../src/loops.ts"
import { type KernelOptions, readSettings } from "../src/run/settings.ts"
import type { InputValue } from "../src/run/given.ts"
import * as library from "../src/stdlib.ts"
import { small } from "./library.settings.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

function loopsOf(loss: Loss): Kernel {
  const { choice } = readSettings(checkedOf(loss), { grad: "all", static: small[loss.name] ?? {} })
  return lower(derive(checkedOf(loss), { ...choice, given: new Set(choice.grad) }), { dtype: "f32" })
}

describe("of the library", () => {
  const kernels = new Map(losses.map((loss) => [loss.name, loopsOf(loss)]))

  test("these loops run on one thread", () => {
    const alone = [...kernels].flatMap(([name, kernel]) =>
      [...blocksOf(kernel)].flatMap(([loop, how]) =>
        isCut(how) ? [] : [`${name} for ${loop.axis}: ${how.kind}`],
      ),
    )
    expect(alone).toEqual([
      // Sums over the rows at risk, which each row hands on to the next.
      "coxPh for b: order",
      "coxPh for b: order",
      // How many rows count follows from `keep`, which is a value of the call.
      "hardCrossEntropy for b: extent",
      // A running sum over the sorted elements of a batch that is one set.
      "lovaszHinge for ...: order",
    ])
  })

  test("no kernel calls a function that workers lack", () => {
    const lacking = [...kernels].filter(([, kernel]) => !emitWat(kernel).host.every(isOfMath))
    expect(lacking.map(([name]) => name)).toEqual([])
  })
})

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => 2 * Math.sin(1.7 * i + seed))

const kernelOf = (loss: Loss, options: KernelOptions): AnyKernel =>
  makeKernel(checkedOf(loss), { target: "wasm", grad: "all", ...options })

/** How many blocks each loop that threads share has. */
function counts(kernel: AnyKernel, inputs: Readonly<Record<string, InputValue>>): number[] {
  const run = vi.spyOn(kernel.memory!.workers!, "run")
  kernel(inputs)
  const found = run.mock.calls.map(([{ count }]) => count)
  run.mockRestore()
  return found
}

const images = (count: number, seed: number): InputValue => ({
  data: wave(count * 2 * 96 * 96, seed),
  shape: [count, 2, 96, 96],
})
const rowsOf = (count: number, width: number, seed: number): InputValue => ({
  data: wave(count * width, seed),
  shape: [count, width],
})

// prettier-ignore
const cases: { name: string; loss: Loss; inputs: Readonly<Record<string, InputValue>>; options?: KernelOptions; blocks: number[] }[] = [
  { name: "powers", loss: library.softmaxFocal, blocks: [25],
    inputs: { logits: rowsOf(400, 1000, 1), target: Int32Array.from({ length: 400 }, (_, i) => i) } },
  { name: "few long rows with scratch of their own", loss: library.dice, options: { static: { activation: "sigmoid" }, grad: ["input"] },
    inputs: { input: images(6, 2), target: images(6, 3) }, blocks: [6] },
  { name: "two long rows", loss: library.dice, inputs: { input: images(2, 2), target: images(2, 3) }, blocks: [2] },
  { name: "few rows that share an array", loss: compile("loss f[b](x: [d]; w: [d]) = sum[d](x * w)^2"), options: { grad: ["x"] },
    inputs: { x: rowsOf(10, 20_000, 4), w: wave(20_000, 5) }, blocks: [3] },
  { name: "few rows with little work", loss: compile("loss f[b](x: [d]) = sum[d](x^2)"),
    inputs: { x: rowsOf(10, 1000, 6) }, blocks: [] },
]

describe.each(cases)("$name", ({ loss, inputs, options = {}, blocks }) => {
  test("are shared, with the same bits for any number of threads", async () => {
    const wanted = kernelOf(loss, options)(inputs)
    for (const threads of [2, 3]) {
      const kernel = kernelOf(loss, { ...options, threads })
      expect(counts(kernel, inputs)).toEqual(blocks)
      const { workers } = kernel.memory!
      for (let i = 0; i < 1000 && blocks.length > 0 && !workers!.isReady(threads - 1); i++)
        await new Promise((done) => setTimeout(done, 5))
      for (let i = 0; i < 3; i++) expect(kernel(inputs)).toEqual(wanted)
      kernel.destroy()
    }
  })
})
