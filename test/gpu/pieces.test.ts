// Batches that a device cannot hold: calls run in pieces of rows and give what they would whole.
import fc from "fast-check"
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest"
import { checkedOf, compile, type KernelResult, type Loss } from "../../src/index.ts"
import type { GpuDevice } from "../../src/run/gpu-device.ts"
import * as library from "../../src/stdlib.ts"
import { crossEntropy, infoNce, triplet } from "../../src/stdlib.ts"
import { arbitraryInputs } from "../../src/testing.ts"
import { librarySettings } from "../library.settings.ts"
import { differences, resultsOf } from "./compare.ts"
import { errorOf } from "../errors.ts"
import { describeGpu, gpuDevice } from "./device.ts"
import { type Encode, encoded } from "./encoded.ts"
import { devices, limited, mostRows, rowsOf } from "./limited.ts"
import { exactly, rounded } from "./exact.ts"
import { lockstepDevice } from "./lockstep-device.ts"
import { labelled, rows, wave } from "./waves.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

afterEach(() => void vi.restoreAllMocks())

test.each([
  ["loss f[b](x: [d]) = sum[d](x)", "b"],
  ["loss f[...](x, y) = (x - y)^2", "..."],
  ["loss f[b](x: [c], y: index c; w: [c] = 1) = w[c = y] * x[c = y] where y > 0 per w[c = y]", "b"],
  ["loss f[b](x: [t, d]) = sum[t](fold[s in t](a = 0) => max(a, x[t = s, d = 0] ?? 0))", "b"],
])("the rows of %s are independent", (text, name) => {
  expect(rowsOf(compile(text) as Loss)).toMatchObject({ axis: { name } })
})

test.each([
  ["loss f(x: [b]) = mean[b](x)", "the loss is one number for the whole batch"],
  ["loss f[b](x) = x - mean[b](x)", "a row reads others along axis b"],
  ["loss f[b](x, y: index b) = x[b = y]", "a row reads others along axis b"],
  ["loss f[b](x) = x * size(b)", "a row depends on the size of axis b"],
  ["loss f[b](x) = x * b", "a row depends on its place along axis b"],
  ["loss f[b](x: [c, b]) = sum[c](x)", "the rows of `x`: [c, b] do not follow one another along axis b"],
])("the rows of %s are not: %s", (text, why) => {
  expect(rowsOf(compile(text) as Loss)).toEqual({ why })
})

/** With which reduction a loss is run: each with one, by its name. */
const reductions = ["mean", "sum", "mean", "none"] as const
const reductionOf = (name: string) =>
  reductions[Array.from(name).reduce((sum, c) => sum + c.charCodeAt(0), 0) % reductions.length]!

describe("the losses of the library in pieces of two rows", () => {
  const separable = losses.filter((loss) => "size" in rowsOf(loss, { static: librarySettings(loss)[0]! }))

  test("most have independent rows", () => {
    expect(separable.length).toBeGreaterThan(200)
  })

  test.each(separable)("$name", { timeout: 60_000 }, async (loss) => {
    const grad = loss.inputs.filter((x) => x.type === "real" && !x.static).map((x) => x.name)
    const [fixed] = librarySettings(loss)
    const inputs = arbitraryInputs(fc, loss, { mostSize: 6, static: fixed! })
    const drawn = fc.sample(inputs, { seed: 1, numRuns: 40 }).find((one) => batchOf(loss, one) > 2)
    const given = rounded(drawn!)
    const options = { reduction: reductionOf(loss.name), grad, static: fixed! }
    const { device: whole, faults } = lockstepDevice()
    // No device allows that; here any row may be the first of a piece.
    const device = limited(whole, { minStorageBufferOffsetAlignment: 4 })
    const kernel = await loss.webgpu(device, { ...options, workgroupSize: 4 })
    const calls = mostRows(loss, 2)
    const exact = exactly(loss, options, given)
    expect(differences(resultsOf(await kernel(given)), exact)).toEqual([])
    const before = calls.count
    expect(before).toBeGreaterThan(1)
    expect(differences(await encoded(device, kernel.encode as Encode, loss, options, given), exact)).toEqual(
      [],
    )
    expect(calls.count).toBe(2 * before)
    expect([...faults]).toEqual([])
  })
})

/** How many rows drawn arguments have. */
function batchOf(loss: Loss, drawn: object): number {
  const rows = rowsOf(loss)
  const input = checkedOf(loss).inputs.find(
    (x) => "axis" in rows && x.dimensions[0]?.extent === rows.axis.extent,
  )
  const value = (drawn as Record<string, { shape: readonly number[]; data: ArrayLike<number> }>)[input!.name]!
  if (input!.dimensions[0]!.name !== "...") return value.shape[0]!
  return value.shape.slice(0, value.shape.length - input!.dimensions.length + 1).reduce((x, y) => x * y, 1)
}

const close = (found: ArrayLike<number>, expected: ArrayLike<number>): void => {
  const largest = Math.max(...Array.from(expected, Math.abs))
  const error = Math.max(...Array.from(found, (x, i) => Math.abs(x - expected[i]!)))
  expect(found.length).toBe(expected.length)
  expect(error).toBeLessThanOrEqual(2e-6 * largest)
}

describe.each(devices)("on a small device (%s)", (_, make) => {
  let device: GpuDevice
  beforeAll(async () => {
    device = limited(await make(), { maxStorageBufferBindingSize: 8192 })
  })

  const [b, c] = [400, 11]
  const { logits, weight, target, sparse } = labelled(b, c, 100)

  test.each(["mean", "sum", "none"] as const)(
    "cross-entropy with weights of classes and labels that are ignored: %s",
    async (reduction) => {
      const options = { reduction, grad: ["logits", "weight", "labelSmoothing"] } as const
      const loss = crossEntropy as unknown as Loss
      const gpu = await loss.webgpu(device, { ...options, workgroupSize: 16 })
      const calls = mostRows(loss, Infinity)
      for (const y of [target, sparse]) {
        const inputs = { logits, target: y, weight, labelSmoothing: Math.fround(0.1) }
        const found = resultsOf(await gpu(inputs))
        expect(differences(found, exactly(loss, options, inputs))).toEqual([])
      }
      expect(calls.count).toBeGreaterThan(4)
    },
  )

  test.each(["zero", "nan"] as const)("the mean of nothing is %s", async (emptyMean) => {
    const gpu = await crossEntropy.webgpu(device, { emptyMean, grad: ["logits"], workgroupSize: 16 })
    const kernel = crossEntropy.kernel({ emptyMean, grad: ["logits"] })
    const inputs = { logits, target: target.map(() => -100) }
    const [found, expected] = [await gpu(inputs), kernel(inputs)]
    expect(found.loss).toBe(expected.loss)
    expect([found.count, found.per]).toEqual([0, 0])
    // A shader may take NaN for anything.
    if (emptyMean === "zero") expect(new Set(found.grad.logits)).toEqual(new Set([0]))
  })

  test("a value alone needs no gradients", async () => {
    const gpu = await crossEntropy.webgpu(device, { workgroupSize: 16 })
    const inputs = { logits, target, weight }
    close([(await gpu(inputs)).loss], [crossEntropy.kernel()(inputs).loss])
  })

  test("rows of several arguments, weights of the rows, and an option that all share", async () => {
    const options = { reduction: "none", grad: ["a", "p", "n", "margin"] } as const
    const gpu = await triplet.webgpu(device, { ...options, workgroupSize: 16 })
    const inputs = { a: rows(300, 9), p: rows(300, 9, 2), n: rows(300, 9, 3), margin: 0.7 }
    const cotangent = wave(300, 5)
    const dn = new Float32Array(2700)
    const found = await gpu(inputs, { grad: { n: dn }, cotangent })
    const expected = triplet.kernel(options)(inputs, { cotangent })
    close(found.loss, expected.loss)
    for (const name of options.grad) close(found.grad[name], expected.grad[name])
    expect(found.grad.n).toBe(dn)
  })

  test("a bad label in a late piece is named by its row in the batch, and nothing is written", async () => {
    const gpu = await crossEntropy.webgpu(device, { grad: ["logits"], workgroupSize: 16 })
    const dz = new Float32Array(b * c).fill(7)
    const bad = target.with(b - 3, c)
    const error = await errorOf(gpu({ logits, target: bad }, { grad: { logits: dz } }))
    expect(error.code).toBe("label-range")
    expect(error.diagnostics[0]!.details).toMatchObject({ argument: "target", row: b - 3, value: c })
    expect(new Set(dz)).toEqual(new Set([7]))
  })

  test("arguments are read before the call returns", async () => {
    const gpu = await compile("loss f[b](x) = x").webgpu(device, { workgroupSize: 16 })
    const x = new Float32Array(5000).fill(2)
    const call = gpu({ x })
    x.fill(9)
    expect((await call).loss).toBe(2)
  })

  test("a module does as a kernel does", async () => {
    const files = crossEntropy.emit({ target: "wgsl", grad: ["logits", "weight"], workgroupSize: 16 })
    const { text } = files.find(({ name }) => name.endsWith(".js"))!
    const { default: run } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
      default: (device: GpuDevice, inputs: object) => Promise<KernelResult>
    }
    const inputs = { logits, target: sparse, weight }
    const options = { grad: ["logits", "weight"] }
    const found = resultsOf(await run(device, inputs))
    expect(differences(found, exactly(crossEntropy as unknown as Loss, options, inputs))).toEqual([])
    await expect(run(device, { ...inputs, target: sparse.with(b - 3, c) })).rejects.toThrow(
      `target is ${c} in row ${b - 3}`,
    )
  })

  test("what cannot run in pieces says why", async () => {
    const pairs = await infoNce.webgpu(device, { workgroupSize: 16 })
    const error = await errorOf(pairs({ q: rows(300, 9), k: rows(300, 9) }))
    expect(error.code).toBe("device-limit")
    expect(error.message).toContain("`q` takes 10800 bytes, and the device allows at most 8192")
    expect(error.message).toContain("the batch cannot run in pieces: a row depends on its place along axis b")
    const wide = await compile("loss f[b](x: [d]) = sum[d](x)").webgpu(device, { workgroupSize: 16 })
    const single = await errorOf(wide({ x: rows(3, 3000) }))
    expect(single.code).toBe("device-limit")
    expect(single.message).toContain("a single row along axis b does not fit")
  })
})

describeGpu(() => {
  test("a number in a late piece that is not finite is named by its place in the batch", async () => {
    const small = limited(await gpuDevice(), { maxStorageBufferBindingSize: 8192 })
    const loss = compile("loss f[b](x, y: [d]; w: real = 1) = w * sqrt(x) + sum[d](y)")
    const gpu = await loss.webgpu(small, { grad: ["x", "w"], finite: true, workgroupSize: 16 })
    const x = new Float32Array(4000).fill(4)
    const inputs = { x, y: rows(4000, 3) }
    close([(await gpu(inputs)).grad.w[0]!], [2])
    const dx = new Float32Array(4000).fill(7)
    const error = await errorOf(gpu({ ...inputs, x: x.with(3333, 0) }, { grad: { x: dx } }))
    expect(error.code).toBe("not-finite")
    expect(error.diagnostics[0]!.details).toMatchObject({ argument: "x", index: 3333 })
    expect(new Set(dx)).toEqual(new Set([7]))
  })
})
