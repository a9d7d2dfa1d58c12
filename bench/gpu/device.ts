// The GPU of this machine in Node, through the packages that the tests of shaders use.
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

/** An adapter and a device with all that the adapter allows. */
export interface Gpu {
  readonly device: GPUDevice
  readonly info: GPUAdapterInfo
  readonly isSoftware: boolean
}

// Dawn's instance must live as long as its devices.
const kept: unknown[] = []

/** Opens the GPU. Returns why there is none. `folder` is that of package.json. */
export async function openGpu(folder: string): Promise<Gpu | string> {
  const from = join(folder, "test", "gpu", "package.json")
  if (!existsSync(join(folder, "test", "gpu", "node_modules", "webgpu")))
    return "no WebGPU for Node here: `npm run gpu:install` installs it"
  const { create, globals } = createRequire(from)("webgpu") as {
    readonly create: (options: string[]) => GPU
    readonly globals: object
  }
  Object.assign(globalThis, globals)
  const gpu = create([])
  kept.push(gpu)
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" })
  if (!adapter) return "no adapter: Vulkan and the driver of a GPU are needed, or VK_DRIVER_FILES"
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: adapter.features.has("subgroups") ? ["subgroups"] : [],
  })
  const { info } = adapter
  const isSoftware =
    info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(`${info.device} ${info.description}`)
  return { device, info, isSoftware }
}

/** Nanoseconds of one run of commands, the least of several batches. */
export async function timed(
  device: GPUDevice,
  encode: (encoder: GPUCommandEncoder) => void,
): Promise<number> {
  const batch = async (times: number): Promise<number> => {
    const encoder = device.createCommandEncoder()
    for (let i = 0; i < times; i++) encode(encoder)
    const commands = encoder.finish()
    const begun = performance.now()
    device.queue.submit([commands])
    await device.queue.onSubmittedWorkDone()
    return (performance.now() - begun) * 1e6
  }
  await batch(1)
  const once = await batch(1)
  const times = Math.max(1, Math.min(100, Math.round(2e8 / once)))
  let least = Infinity
  for (let turn = 0; turn < 5; turn++) least = Math.min(least, (await batch(times)) / times)
  return least
}
