// Calls on buffers that are larger than a binding: they are written into an encoder in pieces, and give what they would whole.
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { compile, type LossError, type Loss } from "../../src/index.ts"
import type { GpuProgram } from "../../src/gpu/program.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import { Merge } from "../../src/run/gpu-merge.js"
import { crossEntropy, infoNce, triplet } from "../../src/stdlib.ts"
import { errorOf } from "../errors.ts"
import { differences, resultsOf } from "./compare.ts"
import { describeGpu, gpuDevice, nagaErrors, tintErrors } from "./device.ts"
import { type Encode, encoded, storage } from "./encoded.ts"
import { exactly } from "./exact.ts"
import { devices, limited, mostRows } from "./limited.ts"
import { lockstepDevice } from "./lockstep-device.ts"
import { labelled, rows, wave } from "./waves.ts"

afterEach(() => void vi.restoreAllMocks())

describe.each(devices)("on a small device (%s)", (_, make) => {
  let device: GpuDevice
  beforeAll(async () => {
    device = limited(await make(), { maxStorageBufferBindingSize: 8192 })
  })

  const [b, c] = [400, 11]
  const { logits, weight, target, sparse } = labelled(b, c, 128)

  test.each(["mean", "sum", "none"] as const)(
    "cross-entropy with weights of classes and labels that are ignored: %s",
    async (reduction) => {
      const options = { reduction, grad: ["logits", "weight", "labelSmoothing"] } as const
      const loss = crossEntropy as unknown as Loss
      const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
      const calls = mostRows(loss, Infinity)
      for (const y of [target, sparse]) {
        const inputs = { logits, target: y, weight, labelSmoothing: Math.fround(0.1) }
        const found = await encoded(device, gpu.encode as Encode, loss, options, inputs, { offset: 512 })
        expect(differences(found, exactly(loss, options, inputs))).toEqual([])
      }
      expect(calls.count).toBe({ mean: 16, sum: 8, none: 14 }[reduction])
    },
  )

  test("the mean of rows that weigh alike, some of them left out", async () => {
    const loss = crossEntropy as unknown as Loss
    const options = { grad: ["logits", "labelSmoothing"] } as const
    const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
    for (const y of [target, sparse, sparse.map((y, i) => (i < 256 ? -100 : y))]) {
      const inputs = { logits, target: y, labelSmoothing: Math.fround(0.1) }
      const found = await encoded(device, gpu.encode as Encode, loss, options, inputs)
      expect(differences(found, exactly(loss, options, inputs))).toEqual([])
    }
  })

  test.each(["zero", "nan"] as const)("the mean of nothing is %s", async (emptyMean) => {
    const loss = crossEntropy as unknown as Loss
    const options = { emptyMean, grad: ["logits", "labelSmoothing"] } as const
    const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
    for (const more of [{}, { weight }]) {
      const inputs = { logits, target: target.map(() => -100), ...more }
      const found = await encoded(device, gpu.encode as Encode, loss, options, inputs)
      expect(found.get("loss")![0]).toBe(emptyMean === "zero" ? 0 : NaN)
      expect([found.get("count")![0], found.get("per")![0]]).toEqual([0, 0])
      // A shader may take NaN for anything.
      if (emptyMean === "nan") continue
      for (const name of options.grad)
        expect(new Set(Array.from(found.get(`d ${name}`)!))).toEqual(new Set([0]))
    }
  })

  test("a mean whose weights are all 0 is 0, and so are gradients, whatever the losses are", async () => {
    const loss = compile("loss f[b](x: [d], w; s = 1, v: [d] = 1) = sum[d](v * s / x) per w") as Loss
    const options = { grad: ["x", "s", "v"] }
    const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
    const inputs = {
      x: { data: wave(2500).fill(0, 40, 60), shape: [500, 5] },
      w: new Float32Array(500),
      v: new Float32Array(5).fill(1),
    }
    const found = await encoded(device, gpu.encode as Encode, loss, options, inputs)
    for (const name of ["loss", "d x", "d s", "d v"])
      expect(new Set(Array.from(found.get(name)!))).toEqual(new Set([0]))
  })

  test("a value alone needs no gradients", async () => {
    const loss = crossEntropy as unknown as Loss
    const gpu = await loss.webgpu(device, { workgroupSize: 16 })
    const inputs = { logits, target, weight }
    const calls = mostRows(loss, Infinity)
    const found = await encoded(device, gpu.encode as Encode, loss, {}, inputs)
    expect(differences(found, exactly(loss, {}, inputs))).toEqual([])
    expect(calls.count).toBe(4)
  })

  const awkward = `loss f[b](x: [d], y: int, m: bool, z: [e]; w: [d] = 1, s = 1) =
    s * sum[d](w * (x - y)^2) + (if m then sum[e](exp(z)) else 0) where y < 3 per y + 2`
  test.each([
    [3, 5, "mean", 0],
    [5, 7, "sum", 256],
    [1, 3, "none", 1024],
    [13, 2, "mean", 256],
  ] as const)(
    "rows of %i and %i numbers, labels and conditions: %s, from byte %i on",
    async (d, e, reduction, offset) => {
      const loss = compile(awkward) as Loss
      const options = { reduction, grad: ["x", "z", "w", "s"] } as const
      const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
      const n = 2100
      const inputs = {
        x: rows(n, d),
        y: Int32Array.from({ length: n }, (_, i) => (i * 3) % 5),
        m: { data: Array.from({ length: n }, (_, i) => i % 3 === 0), shape: [n] },
        z: rows(n, e, 2),
        w: wave(d, 3),
        s: 1.5,
      }
      const calls = mostRows(loss, Infinity)
      const found = await encoded(device, gpu.encode as Encode, loss, options, inputs, { offset })
      expect(differences(found, exactly(loss, options, inputs))).toEqual([])
      expect(calls.count).toBeGreaterThan(2)
    },
  )

  test("rows of several arguments, weights of the rows, and an option that all share", async () => {
    const loss = triplet as unknown as Loss
    const options = { reduction: "none", grad: ["a", "p", "n", "margin"] } as const
    const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
    const inputs = { a: rows(300, 9), p: rows(300, 9, 2), n: rows(300, 9, 3), margin: Math.fround(0.7) }
    const cotangent = wave(300, 5)
    const found = await encoded(device, gpu.encode as Encode, loss, options, inputs, { cotangent })
    const expected = resultsOf(triplet.kernel(options)(inputs, { cotangent }))
    for (const [name, list] of expected) {
      const largest = Math.max(...Array.from(list, Math.abs))
      const error = Math.max(...Array.from(found.get(name)!, (x, i) => Math.abs(x - list[i]!)))
      expect([name, found.get(name)!.length, error <= 2e-6 * largest]).toEqual([name, list.length, true])
    }
  })

  test.each([{}, { weight }])("the first bad label of the batch is named: %o", async (more) => {
    const gpu = await crossEntropy.webgpu(device, { grad: ["logits"], workgroupSize: 16 })
    const arrays = Object.entries(more).map(([name, array]) => [name, storage(device, array, 0)] as const)
    const call = (target: Int32Array) => {
      const encoder = device.createCommandEncoder()
      const { check } = gpu.encode(encoder, {
        inputs: {
          logits: storage(device, logits.data, 0),
          target: storage(device, target, 256),
          ...Object.fromEntries(arrays),
        },
        sizes: { b, c, "...": 1 },
        outputs: { grad: { logits: storage(device, new Float32Array(b * c), 256) } },
      })
      device.queue.submit([encoder.finish()])
      return check()
    }
    for (const [row, value] of [
      [2, -7],
      [130, c],
      [399, 99],
    ] as const) {
      const error = await errorOf(call(target.with(399, 99).with(row, value)))
      expect(error.code).toBe("label-range")
      expect(error.diagnostics[0]!.details).toMatchObject({ argument: "target", row, value })
    }
    expect(await call(target)).toMatchObject({ count: target.filter((y) => y >= 0).length })
  })

  test("two calls in one encoder, of other sizes", async () => {
    const loss = compile("loss f[b](x: [d]; s = 1) = s * sum[d](x^2)")
    const gpu = await loss.webgpu(device, { grad: ["s"], workgroupSize: 16 })
    const encoder = device.createCommandEncoder()
    const calls = [1000, 3000, 10].map((n) => ({
      n,
      ...gpu.encode(encoder, {
        inputs: { x: storage(device, new Float32Array(3 * n).fill(2), 0), s: n },
        sizes: { b: n, d: 3 },
      }),
    }))
    device.queue.submit([encoder.finish()])
    for (const { n, check } of calls) expect(await check()).toEqual({ loss: 12 * n, count: n, per: n })
  })

  test("a module does as a kernel does", async () => {
    const loss = crossEntropy as unknown as Loss
    const options = { grad: ["logits", "weight"] }
    const files = loss.emit({ target: "wgsl", ...options, workgroupSize: 16 })
    const { text } = files.find(({ name }) => name.endsWith(".js"))!
    const { default: run } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
      default: { encode: (device: GpuDevice, ...rest: Parameters<Encode>) => ReturnType<Encode> }
    }
    const inputs = { logits, target: sparse, weight }
    const calls: GpuDevice[] = []
    const found = await encoded(
      device,
      (encoder, call) => (calls.push(device), run.encode(device, encoder, call)),
      loss,
      options,
      inputs,
    )
    expect(differences(found, exactly(loss, options, inputs))).toEqual([])
    const bad = {
      inputs: {
        logits: storage(device, logits.data, 0),
        target: storage(device, sparse.with(300, c).with(390, c), 0),
        weight: storage(device, weight, 0),
      },
      sizes: { b, c, "...": 1 },
      outputs: {
        grad: {
          logits: storage(device, new Float32Array(b * c), 0),
          weight: storage(device, new Float32Array(c), 0),
        },
      },
    }
    const encoder = device.createCommandEncoder()
    const { check } = run.encode(device, encoder, bad)
    device.queue.submit([encoder.finish()])
    await expect(check()).rejects.toThrow(`target is ${c} in row 300`)
  })

  test("what cannot run in pieces says why, and nothing is written", async () => {
    const encoder = device.createCommandEncoder()
    const refused = (encode: () => unknown): string => {
      try {
        encode()
      } catch (error) {
        expect((error as LossError).code).toBe("device-limit")
        return (error as LossError).message
      }
      return "nothing"
    }
    const buffer = (length: number) => storage(device, new Float32Array(length), 0)
    const pairs = await infoNce.webgpu(device, { workgroupSize: 16 })
    const tied = { inputs: { q: buffer(2700), k: buffer(2700) }, sizes: { b: 300, m: 300, d: 9 } }
    expect(refused(() => pairs.encode(encoder, tied))).toContain(
      "the batch cannot run in pieces: a row depends on its place along axis b",
    )
    const sum = await compile("loss f[b](x: [d]) = sum[d](x)").webgpu(device, { workgroupSize: 16 })
    const wide = (b: number, d: number) => () =>
      sum.encode(encoder, { inputs: { x: buffer(b * d) }, sizes: { b, d } })
    expect(refused(wide(3, 2560))).toContain("a single row along axis b does not fit")
    expect(refused(wide(100, 1001))).toContain(
      "64 rows along axis b do not fit, and fewer do not end at a multiple of 256 bytes in every buffer",
    )
    expect(refused(wide(100, 1024))).toBe("nothing")
    const shared = await compile("loss f[b](x: [d]; w: [d] = 1) = sum[d](w * x)").webgpu(device)
    const empty = { inputs: { x: buffer(0), w: buffer(3000) }, sizes: { b: 0, d: 3000 } }
    expect(refused(() => shared.encode(encoder, empty))).toContain("a single row along axis b does not fit")
  })
})

describeGpu(() => {
  test("a number in a late piece that is not finite is named by its place in the batch", async () => {
    const small = limited(await gpuDevice(), { maxStorageBufferBindingSize: 8192 })
    const loss = compile("loss f[b](x, y: [d]; w: [d] = 1) = sqrt(x) + sum[d](w * y)") as Loss
    const options = { grad: ["x", "w"] }
    const gpu = await loss.webgpu(small, { ...options, finite: true, workgroupSize: 16 })
    const call = (x: Float32Array, y = rows(4000, 3)) =>
      encoded(small, gpu.encode as Encode, loss, options, { x, y, w: wave(3) })
    const x = new Float32Array(4000).fill(4)
    expect((await call(x)).get("d x")![3333]).toBeCloseTo(0.25 / 4000, 9)
    const error = await errorOf(call(x.with(3333, 0).with(3999, 0)))
    expect(error.code).toBe("not-finite")
    expect(error.diagnostics[0]!.details).toMatchObject({ argument: "x", index: 3333 })
    const other = await loss.webgpu(small, { reduction: "sum", grad: ["w"], finite: true, workgroupSize: 16 })
    const y = { data: wave(12000).fill(3e38, 3001, 3002).fill(3e38, 9001, 9002), shape: [4000, 3] }
    const large = await errorOf(
      encoded(
        small,
        other.encode as Encode,
        loss,
        { reduction: "sum", grad: ["w"] },
        { x, y, w: new Float32Array(3) },
      ),
    )
    expect(large.diagnostics[0]!.details).toMatchObject({ argument: "w", index: 1 })
  })

  test.each(["none", "count", "per"] as const)(
    "Tint and naga accept what merges pieces: %s",
    async (mean) => {
      const results = (["loss", "count", "per", "grad:s"] as const).map((name) => ({
        name,
        type: name === "count" ? ("int" as const) : ("real" as const),
      }))
      const split = { axis: "b", size: 0, inputs: [], outputs: [], labels: [], emptyIsZero: true, mean }
      const { text } = new Merge(lockstepDevice().device, { results } as unknown as GpuProgram, split)
      const entries = [
        "take",
        "add",
        ...(mean === "none" ? [] : ["scale"]),
        ...(mean === "per" ? ["divide"] : []),
      ]
      expect(await tintErrors(text, entries)).toEqual([])
      expect(await nagaErrors(text)).toEqual([])
    },
  )
})
