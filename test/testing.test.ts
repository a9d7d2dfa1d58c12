// The tools to test losses with: they accept what is right, catch what is wrong, and say how to see it again.
import fc from "fast-check"
import { afterEach, describe, expect, test, vi } from "vitest"
import { compile, type Loss } from "../src/index.ts"
import type { ops } from "../src/ops.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs, gradcheck } from "../src/testing.ts"

// test/library.test.ts does this for the whole library.
describe.each([
  ["huber", library.huber],
  ["crossEntropy", library.crossEntropy],
  ["multiMargin", library.multiMargin],
  ["tripletCosine", library.tripletCosine],
  ["infoNce", library.infoNce],
] as readonly (readonly [string, Loss])[])("gradcheck of %s", (_, loss) => {
  test.each(["mean", "sum", "none"] as const)("by differences, with reduction %s", (reduction) => {
    const result = gradcheck(loss, { runs: 3, seed: 5, reduction })
    expect(result.ok, result.message).toBe(true)
    expect(result.checked).toBeGreaterThan(0)
  })

  test.each(["js", "interpret"] as const)("by the complex step, on %s", (target) => {
    const result = gradcheck(loss, { runs: 4, seed: 9, method: "complex", target })
    expect(result.ok, result.message).toBe(true)
  })
})

describe("gradcheck", () => {
  test("reports what was checked, and is the same for one seed", () => {
    const loss = compile("loss f[b](x: [d], y: [d]) = dot(x, y)^2")
    const result = gradcheck(loss, { runs: 2, seed: 3 })
    expect(result).toEqual(gradcheck(loss, { runs: 2, seed: 3 }))
    expect(result.message).toMatch(/^\d+ gradients agree with finite differences \(seed 3, 2 runs\)$/)
  })

  test("accepts any slope between both sides of a kink", () => {
    for (const formula of ["relu(x)", "abs(x)", "max(x, 0)", "clampMin(x, 0)", "clamp(x, 0, 1)"]) {
      const result = gradcheck(compile(`loss f[b](x) = ${formula}`), { inputs: { x: [0, 1, -1] } })
      expect(result.ok, result.message).toBe(true)
    }
  })

  test("sees through stop and surrogate", () => {
    for (const formula of ["x * stop(x)", "surrogate(sign(x), x^2)", "surrogate(x, 3 * x) + stop(exp(x))"])
      for (const method of ["differences", "complex"] as const) {
        const result = gradcheck(compile(`loss f[b](x) = ${formula}`), { method })
        expect(result.ok, result.message).toBe(true)
      }
  })

  test("checks sums, rows, targets, choices and given inputs", () => {
    const loss = compile(
      'loss f[b](x; kind: "a" | "b" = "a", s: real = 2) = s * (if kind == "a" then x^2 else x^3)',
    )
    for (const reduction of ["mean", "sum", "none"] as const)
      for (const target of ["js", "interpret"] as const)
        expect(gradcheck(loss, { reduction, target, grad: ["x"] }).ok).toBe(true)
    expect(gradcheck(loss, { inputs: { x: [1, 2] }, static: { kind: "b" } }).checked).toBe(3)
  })

  test("leaves infinite options alone", () => {
    const { ok, checked } = gradcheck(compile("loss l[...](x; high: real = inf) = min(x^2, high)"), {
      inputs: { x: new Float64Array([1, 2]) },
    })
    expect({ ok, checked }).toEqual({ ok: true, checked: 2 })
  })

  test("says why nothing could be checked", () => {
    const result = gradcheck(compile("loss f[b](x: real > 0) = log(-x)"))
    expect(result.ok).toBe(false)
    expect(result.message).toContain("the loss is NaN")
  })
})

describe("a wrong derivative in the operator table", () => {
  afterEach(() => {
    vi.doUnmock("../src/ops.ts")
    vi.resetModules()
  })

  test.each([
    ["tanh", "1 + out * out"],
    ["exp", "out + 1e-4"],
    ["relu", "if x > 0 then 1.00001 else 0"],
    ["log1p", "1 / (1 - x)"],
  ])("of %s is caught", async (op, wrong) => {
    vi.resetModules()
    vi.doMock("../src/ops.ts", async (original) => {
      const real = await original<{ readonly ops: typeof ops }>()
      const entry = (real.ops as Readonly<Record<string, object>>)[op]
      return { ...real, ops: { ...real.ops, [op]: { ...entry, partials: { x: wrong } } } }
    })
    const surface = await import("../src/index.ts")
    const testing = await import("../src/testing.ts")
    const loss = surface.compile(`loss f[b](x: [d]) = sum[d](${op}(0.3 * x))`)
    for (const method of ["differences", "complex"] as const) {
      const result = testing.gradcheck(loss, { method, runs: 2 })
      expect(result.ok).toBe(false)
      const [first] = result.failures
      expect(first).toMatchObject({ argument: "x", seed: expect.any(Number) as number })
      expect(first!.index).toHaveLength(2)
      expect(result.message).toContain("gradcheck(loss, { seed: ")
      expect(result.message).toContain("nearest kink")
      // The replay line alone shows the same failure.
      const again = testing.gradcheck(loss, { method, seed: first!.seed, runs: 1 })
      expect(again.failures[0]).toMatchObject({ index: first!.index, analytic: first!.analytic })
    }
  })
})

describe("arbitraryInputs", () => {
  const source = `loss f[b](x: [d], p: real in [0, 1], q: real > 0 and < 1, y: index? d, m: bool, n: int in [1, 3];
                            weight: [d] = 1, ignore: int = -100) =
    (if m then p * q else n) * weight[d = y] * x[d = y] where y != ignore`

  test("draws what the loss accepts", () => {
    const loss = compile(source)
    const kernel = loss.kernel({ check: true, dtype: "f64" })
    const seen = { left: 0, ignored: 0 }
    fc.assert(
      fc.property(arbitraryInputs(fc, loss), (inputs) => {
        expect(Number.isFinite(kernel(inputs as never).loss)).toBe(true)
        if (inputs["weight"] === undefined) seen.left++
        const { data } = inputs["y"] as unknown as { data: Int32Array }
        if (data.includes(-100)) seen.ignored++
      }),
      { numRuns: 300, seed: 1 },
    )
    expect(seen.left).toBeGreaterThan(20)
    expect(seen.ignored).toBeGreaterThan(20)
  })

  test("keeps away from kinks when asked to, and takes sizes", () => {
    const loss = compile("loss f[b](x: [d]) = max[d](relu(x))")
    fc.assert(
      fc.property(arbitraryInputs(fc, loss, { apart: 0.01, sizes: { b: 2, d: 3 } }), (inputs) => {
        const { data, shape } = inputs["x"] as unknown as { data: Float64Array; shape: readonly number[] }
        expect(shape).toEqual([2, 3])
        for (const value of data) expect(Math.abs(value)).toBeGreaterThanOrEqual(0.01)
        expect(gradcheck(loss, { inputs }).ok).toBe(true)
      }),
      { numRuns: 30, seed: 2 },
    )
  })

  test("shrinks to small arguments", () => {
    const loss = compile("loss f[b](x: [d]) = sum[d](x)")
    const result = fc.check(
      fc.property(arbitraryInputs(fc, loss), ({ x }) =>
        (x as unknown as { data: Float64Array }).data.every((v) => v < 1),
      ),
      { seed: 3 },
    )
    const { data, shape } = result.counterexample![0]["x"] as unknown as {
      data: Float64Array
      shape: number[]
    }
    expect([Array.from(data), shape]).toEqual([[1], [1, 1]])
  })

  test.each([
    [
      "a window that fits",
      "loss f[b](x: [h]; static k: int >= 1 = 5) = let axis y = 0 .. size(h) - k in sum[y](x[h = y + k - 1])",
    ],
    ["one batch inside another", "loss f[b](q, shared k: [m]) = q * k[m = b]"],
    [
      "every second place",
      "loss f[b](x: [h]) = let axis y = 2 .. div(size(h), 2) - 1 in sum[y](x[h = 2 * y])",
    ],
    ["a square", "loss f[b](x: [i, j], y: index i) = x[i = y, j = y] + sum[i](x[j = i])"],
    [
      "a domain that needs two classes",
      "loss f[b](x: [c], t: real >= 0 and < size(c) - 1) = x[c = floor(t) + 1]",
    ],
  ])("finds sizes for %s", (_, text) => {
    const loss = compile(text)
    const kernel = loss.kernel({ check: true, dtype: "f64" })
    const shapes = new Set<string>()
    fc.assert(
      fc.property(arbitraryInputs(fc, loss), (inputs) => {
        expect(Number.isFinite(kernel(inputs as never).loss)).toBe(true)
        shapes.add(JSON.stringify(Object.values(inputs).map((one) => (one as { shape?: unknown }).shape)))
      }),
      { numRuns: 60, seed: 1 },
    )
    expect(shapes.size).toBeGreaterThan(5)
    expect(gradcheck(loss, { runs: 3 }).message).toMatch(/gradients agree/)
  })

  test("leaves room for windows of eleven", () => {
    for (const { input } of fc.sample(arbitraryInputs(fc, library.ssim), { numRuns: 3, seed: 4 }))
      for (const size of (input as unknown as { shape: readonly number[] }).shape.slice(2))
        expect(size).toBeGreaterThanOrEqual(11)
  })

  test("says why nothing can be drawn", () => {
    const draw = (loss: Loss, sizes: Record<string, number>): unknown =>
      fc.sample(arbitraryInputs(fc, loss, { sizes }), 1)
    const why =
      "no sizes of `b`, `c` and `w` satisfy every condition; with b = 1, c = 1, h = 4, w = 1 the range" +
      " `0 .. size(h) - winSize` would have a negative size: needs winSize <= size(h) + 1"
    expect(() => draw(library.ssim, { h: 4 })).toThrow(`no inputs can be drawn: ${why}`)
    expect(gradcheck(library.ssim, { sizes: { h: 4 } })).toMatchObject({
      ok: false,
      message: `nothing could be checked: ${why}`,
    })
    expect(() => draw(compile("loss f[b](x: real > 0) = log(-x)"), {})).toThrow(
      "no inputs can be drawn: the loss is NaN",
    )
  })
})
