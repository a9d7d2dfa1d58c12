// Generated from the library: shaders compute what every loss means, to a few ULP of f32.
import fc from "fast-check"
import { expect, test } from "vitest"
import { checkedOf, type Loss } from "../../src/index.ts"
import { makeGpuKernel } from "../../src/run/webgpu.ts"
import * as library from "../../src/stdlib.ts"
import { arbitraryInputs } from "../../src/testing.ts"
import { librarySettings } from "../library.settings.ts"
import { differences, resultsOf } from "./compare.ts"
import { describeGpu, gpuDevice, subgroupDevice } from "./device.ts"
import { exactly, rounded } from "./exact.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** A workgroup for several rows with subgroups, a thread or a workgroup for each, with either reduction. */
const ways = [
  { reduction: "mean", shortRow: 0, tiledRows: 0, subgroups: true },
  { reduction: "none", shortRow: 64, foursFrom: 4, subgroups: false },
  { reduction: "mean", shortRow: 64, subgroups: false },
  { reduction: "none", shortRow: 0, foursFrom: 4, fewRows: 0, subgroups: false },
] as const

/** A software device compiles slowly: each loss is run in one way, by its name, and in all with `LOSSC_GPU_ALL=1`. */
const waysOf = (name: string): readonly (typeof ways)[number][] =>
  process.env["LOSSC_GPU_ALL"]
    ? ways
    : [ways[Array.from(name).reduce((sum, c) => sum + c.charCodeAt(0), 0) % ways.length]!]

/** Losses that a constant of theirs keeps from 8 ULP: what it is in f32, and what that does. */
const inherent: Readonly<Record<string, string>> = {
  rotationAngle: "acos(1 - 1e-7), for which f32 has 1 - 1.2e-7: the least angle is 9 % larger",
}

describeGpu(() => {
  test.each(losses.filter(({ name }) => !(name in inherent)))("$name", { timeout: 300_000 }, async (loss) => {
    const grad = loss.inputs.filter((x) => x.type === "real" && !x.static).map((x) => x.name)
    const [fixed] = librarySettings(loss)
    const inputs = arbitraryInputs(fc, loss, { mostSize: 7, static: fixed! })
    for (const { reduction, subgroups, ...more } of waysOf(loss.name)) {
      const options = { reduction, grad, static: fixed! }
      const device = await (subgroups ? subgroupDevice() : gpuDevice())
      const kernel = await makeGpuKernel(checkedOf(loss), device, { ...options, workgroupSize: 16 }, more)
      for (const drawn of fc.sample(inputs, { seed: 1, numRuns: 3 })) {
        const given = rounded(drawn)
        expect(differences(resultsOf(await kernel(given)), exactly(loss, options, given)), reduction).toEqual(
          [],
        )
      }
      kernel.destroy()
    }
  })
})
