// A GPU device for tests: Dawn and SwiftShader in this process, from npm packages that stand in a folder of their own here.
import { existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { constants, tmpdir } from "node:os"
import { join } from "node:path"
import { execFileSync } from "node:child_process"
import { brotliDecompressSync } from "node:zlib"
import { test } from "vitest"

const here = new URL(".", import.meta.url).pathname
const require = createRequire(import.meta.url)

/** Whether the packages are there. */
export const hasGpu = existsSync(join(here, "node_modules", "webgpu"))

/** Why tests on a device are left out, as they print it. */
export const gpuAbsent =
  "skipped: no WebGPU for Node; `npm run gpu:install` installs it (200 MB, into test/gpu/node_modules)"

/** Declares the tests of a file that needs a device, or the line that says what is absent. */
export function describeGpu(declare: () => void): void {
  if (hasGpu) return declare()
  console.log(gpuAbsent)
  test.skip(gpuAbsent, () => {})
}

interface Dawn {
  readonly create: (options: string[]) => GPU
  readonly globals: object
}

// Dawn's instance must live as long as its devices.
const kept: unknown[] = []
let software: Promise<GPUDevice> | undefined
let withSubgroups: Promise<GPUDevice> | undefined

/** The device of SwiftShader, one for a process. */
export const gpuDevice = (): Promise<GPUDevice> => (software ??= newDevice())

/** The same with subgroups, of four threads. */
export const subgroupDevice = (): Promise<GPUDevice> => (withSubgroups ??= newDevice({}, ["subgroups"]))

/** Another device of SwiftShader: for tests that destroy it. */
export async function newDevice(
  limits: Record<string, number> = {},
  features: GPUFeatureName[] = [],
): Promise<GPUDevice> {
  loadSwiftShader()
  const adapter = await dawn([]).requestAdapter()
  if (!adapter) throw new Error("SwiftShader gives no adapter")
  return adapter.requestDevice({ requiredLimits: limits, requiredFeatures: features })
}

function dawn(options: string[]): GPU {
  const { create, globals } = require("webgpu") as Dawn
  Object.assign(globalThis, globals)
  const gpu = create(options)
  kept.push(gpu)
  return gpu
}

let isLoaded = false

/** Loads the driver as Vulkan's loader, so that nothing of the system is needed. */
function loadSwiftShader(): void {
  if (isLoaded) return
  isLoaded = true
  const folder = mkdtempSync(join(tmpdir(), "lossc-swiftshader-"))
  const packed = readFileSync(join(here, "node_modules/@sparticuz/chromium/bin/swiftshader.tar.br"))
  writeFileSync(join(folder, "swiftshader.tar"), brotliDecompressSync(packed))
  execFileSync("tar", ["-xf", "swiftshader.tar"], { cwd: folder })
  const loader = join(folder, "libvulkan.so.1")
  if (!existsSync(loader)) symlinkSync("libvk_swiftshader.so", loader)
  process.env["VK_DRIVER_FILES"] = join(folder, "vk_swiftshader_icd.json")
  const KEEP_LOADED = 0x1000
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | KEEP_LOADED)
  } catch {
    // It is no module of Node, which is all that is said; it stays loaded.
  }
}

let nullDevice: Promise<GPUDevice> | undefined

/** What Tint, Chromium's compiler of shaders, says against a shader and its entry points; nothing is run. */
export async function tintErrors(shader: string, entries: readonly string[]): Promise<string[]> {
  nullDevice ??= dawn(["backend=null"])
    .requestAdapter()
    .then((adapter) => adapter!.requestDevice({ requiredFeatures: ["subgroups"] }))
  const device = await nullDevice
  device.pushErrorScope("validation")
  const module = device.createShaderModule({ code: shader })
  for (const entryPoint of entries)
    device.createComputePipeline({ layout: "auto", compute: { module, entryPoint } })
  const error = await device.popErrorScope()
  return error ? [error.message] : []
}

interface Naga {
  readonly parseWgsl: (shader: string) => { free: () => void }
  readonly validate: (module: object) => { free: () => void }
}

/** What naga, the compiler of wgpu and Firefox, says against a shader. */
export async function nagaErrors(shader: string): Promise<string[]> {
  const naga = (await import(require.resolve("naga-wasm"))) as Naga
  try {
    const module = naga.parseWgsl(shader)
    naga.validate(module).free()
    module.free()
    return []
  } catch (error) {
    return [(error as { formatted?: string }).formatted ?? String(error)]
  }
}
