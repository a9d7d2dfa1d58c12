// Emitted modules for GPUs: standalone text that runs on a device as the kernel of the library does.
import { beforeAll, expect, test } from "vitest"
import { compile, type EmitOptions, type Loss } from "../../src/index.ts"
import { crossEntropy } from "../../src/stdlib.ts"
import { describeGpu, gpuDevice } from "./device.ts"

interface Module {
  (
    device: GPUDevice,
    inputs: object,
    options?: object,
  ): Promise<{ loss: number; count: number; grad: Record<string, Float32Array> }>
  encode(
    device: GPUDevice,
    encoder: GPUCommandEncoder,
    call: object,
  ): { check(): Promise<{ loss: number; count: number }> }
  destroy(device: GPUDevice): void
  readonly programs: readonly { readonly shader: string }[]
}

const emitted = (loss: Loss, options: EmitOptions = {}) => loss.emit({ target: "wgsl", ...options })

async function load(loss: Loss, options: EmitOptions = {}): Promise<Module> {
  const { text } = emitted(loss, options).find(({ name }) => name.endsWith(".js"))!
  const { default: run } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    default: Module
  }
  return run
}

test("the files are a module, its types and its shaders, the same each time", () => {
  const files = emitted(crossEntropy as Loss, { grad: ["logits"] })
  expect(files.map(({ name }) => name)).toEqual([
    "crossEntropy.js",
    "crossEntropy.d.ts",
    "crossEntropy.wgsl",
    "crossEntropy.1.wgsl",
  ])
  expect(emitted(crossEntropy as Loss, { grad: ["logits"] })).toEqual(files)
  expect(files[0]!.text).not.toMatch(/^import |\beval\b|new Function/m)
})

describeGpu(() => {
  let device: GPUDevice
  beforeAll(async () => {
    device = await gpuDevice()
  })

  test("a module gives what a kernel gives, and refuses what it refuses", async () => {
    const run = await load(crossEntropy as Loss, { grad: ["logits"] })
    const kernel = crossEntropy.kernel({ grad: ["logits"] })
    const logits = { data: Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)), shape: [6, 10] }
    for (const more of [{}, { weight: Float32Array.from({ length: 10 }, (_, i) => i / 10) }]) {
      const inputs = { logits, target: Int32Array.of(1, 9, -100, 3, 4, 5), ...more }
      const result = await run(device, inputs, { finite: true })
      const expected = kernel(inputs)
      expect(result.loss).toBeCloseTo(expected.loss, 5)
      expect(result.count).toBe(5)
      expected.grad.logits.forEach((v, i) => expect(result.grad["logits"]![i]).toBeCloseTo(v, 6))
    }
    await expect(run(device, { logits, target: new Int32Array(6).fill(10) })).rejects.toThrow(
      "target is 10 in row 0",
    )
    await expect(run({} as GPUDevice, { logits, target: new Int32Array(6) })).rejects.toThrow("no GPUDevice")
    expect(run.programs).toHaveLength(2)
    run.destroy(device)
  })

  test("a module writes into an encoder, and checks when asked", async () => {
    const run = await load(compile("loss picked[b](z: [c], y: index c) = -logSoftmax[c](z)[c = y]") as Loss)
    const buffer = (array: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): GPUBuffer => {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
      const made = device.createBuffer({ size: array.byteLength, usage })
      device.queue.writeBuffer(made, 0, array)
      return made
    }
    const call = async (y: Int32Array<ArrayBuffer>) => {
      const encoder = device.createCommandEncoder()
      const inputs = { z: buffer(new Float32Array(12)), y: buffer(y) }
      const { check } = run.encode(device, encoder, { inputs, sizes: { b: 3, c: 4 } })
      device.queue.submit([encoder.finish()])
      return check()
    }
    expect((await call(Int32Array.of(0, 1, 3))).loss).toBeCloseTo(Math.log(4), 6)
    await expect(call(Int32Array.of(0, 1, 4))).rejects.toThrow("y is 4 in row 2")
  })
})
