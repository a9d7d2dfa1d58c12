// Generated from the library: shaders compute what every loss means, to a few ULP of f32.
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Loss } from "../../src/index.ts"
import * as library from "../../src/stdlib.ts"
import { arbitraryInputs } from "../../src/testing.ts"
import { librarySettings } from "../library.settings.ts"
import { describeGpu, gpuDevice } from "./device.ts"
import { type Exact, type Results, exactly, rounded } from "./exact.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Bits of the last place of f32 at a value. */
const ulp = (value: number): number =>
  2 ** (Math.max(Math.floor(Math.log2(Math.abs(value) || 2 ** -126)), -126) - 23)

/**
 * Where results are further from exact ones than 8 ULP, by the largest of the array, and than four times the scatter of the formula
 * in f32, which is large where terms cancel.
 */
function differences(found: Results, { values, rounding }: Exact): string[] {
  return [...values].flatMap(([name, list]) => {
    const error = Math.max(0, ...Array.from(rounding.get(name)!, (x) => (Number.isFinite(x) ? x : 0)))
    const largest = Math.max(0, ...Array.from(list, (x) => (Number.isFinite(x) ? Math.abs(x) : 0)))
    return Array.from(list).flatMap((value, i) => {
      const got = found.get(name)![i]!
      // A shader may take NaN for anything, and what f32 cannot hold for infinity.
      const isLost =
        !Number.isFinite(value) || !(Math.abs(value) < 3.4e38) || Number.isNaN(rounding.get(name)![i])
      if (isLost || Math.abs(got - value) <= 8 * ulp(largest) + 4 * error) return []
      return [`${name} at ${i}: ${got}, not ${value}`]
    })
  })
}

describeGpu(() => {
  test.each(losses)("$name", { timeout: 300_000 }, async (loss) => {
    const device = await gpuDevice()
    const grad = loss.inputs.filter((x) => x.type === "real" && !x.static).map((x) => x.name)
    const [fixed] = librarySettings(loss)
    for (const reduction of ["mean", "none"] as const) {
      const options = { reduction, grad, static: fixed! }
      const kernel = await loss.webgpu(device, { ...options, workgroupSize: 16 })
      for (const drawn of fc.sample(arbitraryInputs(fc, loss, { mostSize: 7, static: fixed! }), {
        seed: 1,
        numRuns: 3,
      })) {
        const inputs = rounded(drawn)
        const result = await kernel(inputs)
        const found: Results = new Map<string, ArrayLike<number>>([
          ["loss", typeof result.loss === "number" ? [result.loss] : result.loss],
          ["count", [result.count]],
          ["per", [result.per]],
          ...Object.entries(result.grad).map(([name, list]) => [`d ${name}`, list] as const),
        ])
        expect(differences(found, exactly(loss, options, inputs)), reduction).toEqual([])
      }
      kernel.destroy()
    }
  })
})
