// Devices that hold less than they could, and kernels that must take few rows at a time.
import { vi } from "vitest"
import { checkedOf, type Loss } from "../../src/index.ts"
import { independentRows } from "../../src/independence.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import { GpuMachine } from "../../src/run/gpu-machine.js"
import { readSettings } from "../../src/run/settings.ts"
import { describeGpu, gpuDevice } from "./device.ts"
import { lockstepDevice } from "./lockstep-device.ts"

/** Both devices: one that finds races, and one with a driver. */
export const devices: [string, () => Promise<GpuDevice>][] = [
  ["lockstep", async () => lockstepDevice().device],
]
describeGpu(() => void devices.push(["SwiftShader", gpuDevice]))

/** The rows of a loss, as a kernel has them that is passed everything. */
export function rowsOf(loss: Loss, options: object = {}) {
  const checked = checkedOf(loss)
  const { choice } = readSettings(checked, { target: "wgsl", ...options })
  const given = new Set(checked.inputs.filter((x) => x.default && !x.isStatic).map(({ name }) => name))
  return independentRows(checked, { ...choice, given })
}

/** Makes every call of more rows than a number too large, and counts those that are recorded. */
export function mostRows(loss: Loss, most: number): { count: number } {
  const calls = { count: 0 }
  const rows = rowsOf(loss)
  const real = {
    shortage: GpuMachine.prototype.shortage,
    record: GpuMachine.prototype.record,
  }
  vi.spyOn(GpuMachine.prototype, "shortage").mockImplementation(function (this: GpuMachine, numbers, isRead) {
    const place = "size" in rows ? this.program.sizeNames.indexOf(rows.size) : -1
    if (place < 0 || numbers.sizes[place]! <= most) return real.shortage.call(this, numbers, isRead)
    return { what: "the batch", name: undefined, bytes: numbers.sizes[place]!, most }
  })
  vi.spyOn(GpuMachine.prototype, "record").mockImplementation(function (this: GpuMachine, ...args) {
    calls.count++
    return real.record.apply(this, args)
  })
  return calls
}

/** A device that holds less than it could. */
export function limited(device: GpuDevice, limits: Partial<GpuDevice["limits"]>): GpuDevice {
  return new Proxy(device, {
    get(target, key) {
      if (key === "limits") return { ...limitsOf(target), ...limits }
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === "function" ? value.bind(target) : value
    },
  })
}

function limitsOf({ limits }: GpuDevice): GpuDevice["limits"] {
  const names = [
    "maxStorageBufferBindingSize",
    "maxBufferSize",
    "maxComputeWorkgroupsPerDimension",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupStorageSize",
    "maxStorageBuffersPerShaderStage",
    "minStorageBufferOffsetAlignment",
  ] as const
  return Object.fromEntries(names.map((name) => [name, limits[name]])) as unknown as GpuDevice["limits"]
}
