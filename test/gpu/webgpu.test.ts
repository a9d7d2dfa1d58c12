// Losses on a GPU device: arrays and buffers in and out, the same errors as elsewhere, and modules.
import { beforeAll, describe, expect, test } from "vitest"
import { compile, type EncodeCall, type LossError } from "../../src/index.ts"
import { crossEntropy, infoNce, triplet } from "../../src/stdlib.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import { errorOf } from "../errors.ts"
import { describeGpu, gpuDevice, newDevice } from "./device.ts"
import { rows, wave } from "./waves.ts"

const picked = "loss picked[b](z: [c], y: index c) = -logSoftmax[c](z)[c = y]"

describeGpu(() => {
  let device: GPUDevice
  beforeAll(async () => {
    device = await gpuDevice()
    // What lossc declares of a device is what devices are.
    const fits: GpuDevice = device
    expect(fits).toBe(device)
  })

  const storage = (array: Float32Array | Int32Array): GPUBuffer => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    const buffer = device.createBuffer({ size: Math.max(4, array.byteLength), usage })
    device.queue.writeBuffer(buffer, 0, array as Float32Array<ArrayBuffer>)
    return buffer
  }
  const contents = async (buffer: GPUBuffer): Promise<Float32Array> => {
    const staging = device.createBuffer({
      size: buffer.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(GPUMapMode.READ)
    return new Float32Array(staging.getMappedRange().slice(0))
  }

  describe("arrays in and out", () => {
    test.each(["max", "min", "prod"])("gradients of a running %s with ties and zeros", async (op) => {
      const loss = compile(`loss f[b](x: [k], w: [k]) = sum[k](w * ${op}[j in k if j <= k](x[k = j]))`)
      const x = { data: wave(5 * 33).map((v) => Math.round(v * 2) / 2), shape: [5, 33] }
      const inputs = { x, w: rows(5, 33, 2) }
      const gpu = await loss.webgpu(device, { grad: "all" })
      const result = await gpu(inputs, {})
      const expected = loss.kernel({ grad: "all" })(inputs)
      for (const name of ["x", "w"] as const)
        expected.grad[name].forEach((v, i) => expect(result.grad[name][i]).toBeCloseTo(v, 5))
      gpu.destroy()
    })

    test("a result is that of a kernel on the processor", async () => {
      const inputs = { a: rows(70, 9), p: rows(70, 9, 2), n: rows(70, 9, 3) }
      const gpu = await triplet.webgpu(device, { grad: "all" })
      const result = await gpu(inputs, {})
      const expected = triplet.kernel({ grad: "all" })(inputs)
      expect(result.loss).toBeCloseTo(expected.loss, 5)
      for (const name of ["a", "p", "n"] as const)
        expected.grad[name].forEach((v, i) => expect(result.grad[name][i]).toBeCloseTo(v, 6))
      expect([result.count, result.per, result.shape]).toEqual([70, 70, [70]])
      gpu.destroy()
    })

    test("losses of rows, cotangents, optional arrays and buffers of the caller", async () => {
      const loss = compile("loss f[b](x: [d], y: [d]; w: [d] = 1) = sum(w * (x - y)^2)")
      const gpu = await loss.webgpu(device, { reduction: "none", grad: ["x"] })
      const kernel = loss.kernel({ reduction: "none", grad: ["x"] })
      const dx = new Float32Array(12)
      const cotangent = Float32Array.of(1, 0, -2)
      for (const more of [{}, { w: Float32Array.of(1, 2, 3, 4) }]) {
        const inputs = { x: rows(3, 4), y: rows(3, 4, 2), ...more }
        const result = await gpu(inputs, { grad: { x: dx }, cotangent })
        const expected = kernel(inputs, { cotangent })
        expect(result.grad.x).toBe(dx)
        expected.loss.forEach((v, i) => expect(result.loss[i]).toBeCloseTo(v, 5))
        expected.grad.x.forEach((v, i) => expect(dx[i]).toBeCloseTo(v, 5))
      }
      expect(gpu.variants).toBe(2)
    })

    test("arguments are read before the call returns", async () => {
      const gpu = await compile("loss f[b](x) = x").webgpu(device)
      const x = Float32Array.of(1, 2, 3)
      const call = gpu({ x })
      x.fill(9)
      expect((await call).loss).toBe(2)
    })

    test.each([
      [{ y: Int32Array.of(0, 1, 7) }, "label-range", { argument: "y", row: 2, value: 7 }],
      [{ z: rows(2, 4) }, "size-mismatch", { axis: "b" }],
      [{ z: 3 }, "wrong-rank", {}],
    ])("%o is refused as elsewhere", async (change, code, details) => {
      const loss = compile(picked)
      const inputs = { z: rows(3, 4), y: Int32Array.of(0, 1, 2), ...change }
      const gpu = (await loss.webgpu(device, { grad: ["z"] })) as unknown as (
        inputs: object,
        options: object,
      ) => Promise<unknown>
      const dz = new Float32Array(12).fill(7)
      const error = await errorOf(gpu(inputs, { grad: { z: dz } }))
      expect(error.code).toBe(code)
      expect(error.diagnostics[0]!.details).toMatchObject(details)
      expect(new Set(dz)).toEqual(new Set([7]))
    })

    test("a gradient that is not finite is refused where the kernel looks for it", async () => {
      const loss = compile("loss f[b](x) = sqrt(x)")
      const x = Float32Array.of(1, 4, 0, 9)
      const careless = await loss.webgpu(device, { grad: ["x"] })
      expect((await careless({ x })).loss).toBe(1.5)
      const error = await errorOf((await loss.webgpu(device, { grad: ["x"], finite: true }))({ x }))
      expect(error.code).toBe("not-finite")
      expect(error.diagnostics[0]!.details).toMatchObject({ argument: "x", index: 2 })
    })

    test("faults of the device point at the loss", async () => {
      const own = await newDevice()
      const gpu = await compile("loss first[b](x) = x^2").webgpu(own)
      own.destroy()
      const error = await errorOf(gpu({ x: wave(5) }))
      expect(error.code).toBe("device-lost")
      expect(error.message).toContain("loss first[b](x) = x^2")
      const centred = await compile("loss f[b](x) = x - mean[b](x)").webgpu(device)
      const large = await errorOf(centred({ x: new Float32Array(2 ** 25 + 1) }))
      expect(large.code).toBe("device-limit")
    })

    test("options that a GPU has not are refused", async () => {
      for (const options of [
        { workgroupSize: 48 },
        { dtype: "f64" },
        { accuracy: "full" },
        { finite: 1 },
        { margin: 1 },
      ])
        expect((await errorOf(triplet.webgpu(device, options as object))).code).toBe("bad-option")
      expect((await errorOf(triplet.webgpu({} as GPUDevice))).code).toBe("input-kind")
    })
  })

  describe("buffers in and out", () => {
    const encoded = (
      kernel: { encode: (encoder: GPUCommandEncoder, call: EncodeCall) => { check(): Promise<unknown> } },
      call: EncodeCall,
    ) => {
      const encoder = device.createCommandEncoder()
      const { check } = kernel.encode(encoder, call)
      device.queue.submit([encoder.finish()])
      return check
    }

    test("several calls in one encoder, with other sizes and options, and nothing read back", async () => {
      const gpu = await triplet.webgpu(device, { grad: ["a"] })
      const kernel = triplet.kernel({ grad: ["a"] })
      const encoder = device.createCommandEncoder()
      const calls = [
        [50, 7, 1],
        [3, 200, 0.5],
      ].map(([b, d, margin]) => {
        const arrays = { a: wave(b! * d!), p: wave(b! * d!, 2), n: wave(b! * d!, 3) }
        const inputs = Object.fromEntries(
          Object.entries(arrays).map(([name, array]) => [name, storage(array)]),
        )
        const grad = storage(new Float32Array(b! * d!))
        const loss = storage(new Float32Array(4))
        const outputs = { loss: { buffer: loss, offset: 8 }, grad: { a: grad } }
        const { check } = gpu.encode(encoder, {
          inputs: { ...inputs, margin: margin! },
          sizes: { b: b!, d: d! },
          outputs,
        })
        const shape = [b!, d!]
        const { a, p, n } = arrays
        const expected = kernel({
          a: { data: a, shape },
          p: { data: p, shape },
          n: { data: n, shape },
          margin: margin!,
        })
        return { grad, loss, check, expected }
      })
      device.queue.submit([encoder.finish()])
      for (const { grad, loss, check, expected } of calls) {
        expect((await contents(loss))[2]).toBeCloseTo(expected.loss, 5)
        const found = await contents(grad)
        expected.grad.a.forEach((v, i) => expect(found[i]).toBeCloseTo(v, 6))
        expect(await check()).toMatchObject({ count: expected.count })
      }
    })

    test.each([2, 100])("the first label out of range of %i is reported when asked", async (c) => {
      const gpu = await compile(picked).webgpu(device, { grad: ["z"] })
      const y = Int32Array.from({ length: 300 }, (_, i) => i % c)
      const inputs = { z: storage(wave(300 * c)), y: storage(y) }
      const outputs = { grad: { z: storage(new Float32Array(300 * c)) } }
      expect(await encoded(gpu, { inputs, sizes: { b: 300, c }, outputs })()).toMatchObject({ count: 300 })
      y[250] = c
      y[170] = -1
      const error = await errorOf(
        encoded(gpu, { inputs: { ...inputs, y: storage(y) }, sizes: { b: 300, c }, outputs })(),
      )
      expect(error.code).toBe("label-range")
      expect(error.diagnostics[0]!.details).toMatchObject({ argument: "y", row: 170, value: -1 })
    })

    test("a gradient that is a number of rows is an f32 like any other", async () => {
      const gpu = await triplet.webgpu(device, { reduction: "sum", grad: ["margin"] })
      const [a, p, n, margin] = [wave(20), wave(20, 2), wave(20, 3), Float32Array.of(7)].map(storage)
      const outputs = { grad: { margin: margin! } }
      const inputs = { a: a!, p: p!, n: n!, margin: 100 }
      await encoded(gpu, { inputs, sizes: { b: 5, d: 4 }, outputs })()
      expect([...(await contents(margin!))]).toEqual([5])
    })

    test("a label that nothing reads may have any value", async () => {
      const gpu = await crossEntropy.webgpu(device)
      const target = Int32Array.of(0, -100, 2, 1)
      const call = (target: Int32Array) =>
        encoded(gpu, {
          inputs: { logits: storage(wave(12)), target: storage(target) },
          sizes: { b: 4, c: 3, "...": 1 },
        })()
      expect(await call(target)).toMatchObject({ count: 3 })
      const error = await errorOf(call(Int32Array.of(0, -100, 2, 3)))
      expect(error.diagnostics[0]!.details).toMatchObject({ argument: "target", row: 3, value: 3 })
    })

    test("what is wrong with a call is said at once", async () => {
      const gpu = await infoNce.webgpu(device, { grad: ["q"] })
      const [q, k, dq] = [storage(wave(20)), storage(wave(20)), storage(wave(20))]
      const good = { inputs: { q, k }, sizes: { b: 5, m: 5, d: 4 }, outputs: { grad: { q: dq } } }
      const codeOf = (change: object): string => {
        try {
          gpu.encode(device.createCommandEncoder(), { ...good, ...change })
        } catch (error) {
          return (error as LossError).code
        }
        return "fine"
      }
      expect(codeOf({})).toBe("fine")
      expect(codeOf({ sizes: { b: 5, m: 5 } })).toBe("unknown-size")
      expect(codeOf({ sizes: { b: 6, m: 5, d: 4 } })).toBe("buffer-length")
      expect(codeOf({ sizes: { b: 5, m: 5, d: 4, e: 1 } })).toBe("unknown-size")
      expect(codeOf({ inputs: { q } })).toBe("missing-argument")
      expect(codeOf({ inputs: { q, k: wave(20) } })).toBe("input-kind")
      expect(codeOf({ inputs: { q, k, tau: -1 } })).toBe("option-domain")
      expect(codeOf({ inputs: { q, k: { buffer: k, offset: 4 } } })).toBe("bad-size")
      expect(codeOf({ outputs: {} })).toBe("missing-argument")
      expect(codeOf({ outputs: { grad: { q: dq, k } } })).toBe("unknown-gradient")
      expect(codeOf({ outputs: { grad: { q } } })).toBe("buffer-overlap")
      expect(codeOf({ output: {} })).toBe("bad-option")
      gpu.destroy()
      expect(codeOf({})).toBe("destroyed")
    })
  })
})
