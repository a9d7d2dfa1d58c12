// The random losses of ../random.test.ts on a device.
import fc from "fast-check"
import { expect, test } from "vitest"
import { checkedOf, compile } from "../../src/index.ts"
import { readSettings } from "../../src/run/settings.ts"
import { makeGpuKernel } from "../../src/run/webgpu.ts"
import { random } from "../../src/testing/random.ts"
import { findSite, siteMaker } from "../../src/testing/site.ts"
import { programs } from "../random/program.ts"
import { differences, resultsOf } from "./compare.ts"
import { describeGpu, gpuDevice } from "./device.ts"
import { exactly, rounded } from "./exact.ts"

const seed = Number(process.env["LOSSC_SEED"] ?? 20260101)
const runs = Number(process.env["LOSSC_GPU_RUNS"] ?? 100)

describeGpu(() => {
  test(`${runs} random losses from seed ${seed} are computed`, { timeout: 900_000 }, async () => {
    const device = await gpuDevice()
    let checked = 0
    const property = fc.asyncProperty(programs, fc.nat(), async (text, at) => {
      const loss = compile(text)
      const grad = loss.inputs.filter(({ type }) => type === "real").map(({ name }) => name)
      const options = { grad, reduction: (["mean", "sum", "none"] as const)[at % 3]! }
      const settings = readSettings(checkedOf(loss), { ...options, dtype: "f64" })
      const draw = random(at)
      const sizes = Object.fromEntries(["b", "c", "d"].map((axis) => [axis, draw.int(1, 9)]))
      const make = siteMaker(checkedOf(loss), settings, draw)
      const site = findSite(checkedOf(loss), sizes, settings.statics, draw, make)
      if (typeof site === "string" || !site.point.trace(undefined, 0).trace.inRange) return
      checked++
      const inputs = rounded(site.inputs)
      const more = { shortRow: at % 2 === 0 ? 0 : 64 }
      const kernel = await makeGpuKernel(checkedOf(loss), device, { ...options, workgroupSize: 16 }, more)
      expect(differences(resultsOf(await kernel(inputs)), exactly(loss, options, inputs)), text).toEqual([])
      kernel.destroy()
    })
    await fc.assert(property, { seed, numRuns: runs })
    expect(checked).toBeGreaterThan(0.8 * runs)
  })
})
