// The random losses of ../random.test.ts on devices.
import fc from "fast-check"
import { expect, test } from "vitest"
import { checkedOf, compile } from "../../src/index.ts"
import { readSettings } from "../../src/run/settings.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import { makeGpuKernel } from "../../src/run/webgpu.ts"
import { random } from "../../src/testing/random.ts"
import { findSite, siteMaker } from "../../src/testing/site.ts"
import { programs } from "../random/program.ts"
import { differences, resultsOf } from "./compare.ts"
import { describeGpu, gpuDevice } from "./device.ts"
import { exactly, rounded } from "./exact.ts"
import { lockstepDevice } from "./lockstep-device.ts"

const seed = Number(process.env["LOSSC_SEED"] ?? 20260101)
/** In lockstep, which is cheap; and on a software device, which compiles each shader for a second. */
const runs = { lockstep: 500, device: Number(process.env["LOSSC_GPU_RUNS"] ?? 100) }

/** Random losses on a device; `after` each of them. */
async function computed(
  device: GpuDevice,
  workgroupSize: number,
  numRuns: number,
  after = (_text: string): void => {},
): Promise<void> {
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
    const more = {
      shortRow: at % 2 === 0 ? 0 : 64,
      tiledRows: at % 4 === 0 ? 0 : 1024,
      fewRows: at % 5 === 0 ? 0 : 512,
      foursFrom: at % 3 === 0 ? 64 : 4,
      workgroupMemory: at % 8 < 4 ? 128 : 16384,
    }
    const kernel = await makeGpuKernel(checkedOf(loss), device, { ...options, workgroupSize }, more)
    expect(differences(resultsOf(await kernel(inputs)), exactly(loss, options, inputs)), text).toEqual([])
    after(text)
    kernel.destroy()
  })
  await fc.assert(property, { seed, numRuns })
  expect(checked).toBeGreaterThan(0.8 * numRuns)
}

const title = (count: number): string => `${count} random losses from seed ${seed} are computed`

test(`${title(runs.lockstep)} without races`, { timeout: 300_000 }, async () => {
  const { device, faults } = lockstepDevice()
  await computed(device, 4, runs.lockstep, (text) => expect([...faults], text).toEqual([]))
})

describeGpu(() => {
  test(title(runs.device), { timeout: 900_000 }, async () => computed(await gpuDevice(), 16, runs.device))
})
