// Calls on buffers that are larger than a binding: they are written into an encoder in pieces, and give what they would whole.
import fc from "fast-check"
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { compile, type LossError, type Loss } from "../../src/index.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import * as library from "../../src/stdlib.ts"
import { crossEntropy, infoNce, triplet } from "../../src/stdlib.ts"
import { arbitraryInputs } from "../../src/testing.ts"
import { errorOf } from "../errors.ts"
import { librarySettings } from "../library.settings.ts"
import { differences, resultsOf } from "./compare.ts"
import { describeGpu, gpuDevice, tintErrors } from "./device.ts"
import { type Encode, encoded, storage } from "./encoded.ts"
import { exactly, rounded } from "./exact.ts"
import { batchOf, devices, limited, mostRows, reductionOf, rowsOf } from "./limited.ts"
import { lockstepDevice } from "./lockstep-device.ts"

afterEach(() => void vi.restoreAllMocks())

const losses = Object.values(library as unknown as Record<string, Loss>)

describe("the losses of the library in pieces of two rows", () => {
  const separable = losses.filter((loss) => "size" in rowsOf(loss, { static: librarySettings(loss)[0]! }))

  test.each(separable)("$name", { timeout: 60_000 }, async (loss) => {
    const grad = loss.inputs.filter((x) => x.type === "real" && !x.static).map((x) => x.name)
    const [fixed] = librarySettings(loss)
    const inputs = arbitraryInputs(fc, loss, { mostSize: 6, static: fixed! })
    const drawn = fc.sample(inputs, { seed: 2, numRuns: 40 }).find((one) => batchOf(loss, one) > 2)
    const given = rounded(drawn!)
    const options = { reduction: reductionOf(loss.name), grad, static: fixed! }
    const { device: whole, faults } = lockstepDevice()
    const device = limited(whole, { minStorageBufferOffsetAlignment: 4 })
    const kernel = await loss.webgpu(device, { ...options, workgroupSize: 4 })
    const calls = mostRows(loss, 2)
    const found = await encoded(device, kernel.encode as Encode, loss, options, given)
    expect(calls.count).toBeGreaterThan(1)
    expect(differences(found, exactly(loss, options, given))).toEqual([])
    expect([...faults]).toEqual([])
  })
})
