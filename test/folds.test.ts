// Folds and scans: gradients by the complex step on both targets, values against plain loops, long axes, skipped steps.
import { describe, expect, test } from "vitest"
import { compileSource, lower } from "../src/compile.ts"
import { definitions } from "../src/graph.ts"
import { compile } from "../src/index.ts"
import { outputsOf } from "../src/outputs.ts"
import { interpretLoops } from "../src/run/loops.ts"
import { readSettings } from "../src/run/settings.ts"
import { gradcheck } from "../src/testing.ts"
import { casesOf } from "./parse.cases.ts"

describe("gradients", () => {
  for (const { name, input } of casesOf("folds"))
    for (const target of ["interpret", "js"] as const)
      for (const reduction of ["mean", "none"] as const)
        test(`${name}, ${target}, ${reduction}`, () => {
          const result = gradcheck(compile(input), {
            target,
            reduction,
            method: "complex",
            runs: 6,
            elements: 40,
          })
          expect(result.message).toBe(result.ok ? result.message : "")
          expect(result.checked).toBeGreaterThan(0)
        })
})

/** How many recurrences a kernel runs. */
function recurrences(text: string, grad: "all" | readonly string[]): number {
  const [checked] = compileSource(text)
  const choice = { ...readSettings(checked!, { grad }).choice, given: new Set<string>() }
  const { scalars, arrays } = outputsOf(checked!, choice)
  const all = definitions([...scalars, ...arrays].map(({ value }) => value))
  return new Set(all.flatMap(({ recurrence }) => recurrence ?? [])).size
}

describe("equal recurrences are one, whatever their states and indices are called", () => {
  const header = "loss f[b](x: [t], y: [t, s], w: [s, k], shared v: [s])"
  const cases: readonly (readonly [body: string, forward: number])[] = [
    ["(fold[t](a = 0) => sin(a) + x) * exp(fold[t](c = 0) => sin(c) + x)", 1],
    ["(fold[t](a = 0) => sin(a) + x) + sum[t](scan[t](c = 0) => x + sin(c))", 1],
    ["(fold[t](a = 0) => sin(a) + x) * (fold[i in t](c = 0) => sin(c) + x[t = i])", 1],
    ["(fold[t](a = 0) => sin(a) + x) where (fold[t](c = 0) => sin(c) + x) > 0", 1],
    ["(fold[t](a = 0) => sin(a) + x) per (fold[t](c = 0) => sin(c) + x)^2", 1],
    [
      "sum[s](fold[t](a: [s] = v) => a * logsumexp[s](a + y)) + (fold[t](c: [s] = v) => c * logsumexp[s](c + y))[s = 0]",
      1,
    ],
    [
      "sum[s](fold[t](a: [s] = v) => sin(a) + x * (a[s = s - 1] ?? 1)) * (fold[t](c: [s] = v) => sin(c) + x * (c[s = s - 1] ?? 1))[s = 0]",
      1,
    ],
    // A recurrence in the step of one goes with it.
    [
      "sum[s]((fold[t](a: [s] = 0) => scan[s](u = 1) => y + tanh(u * a)) * (fold[t](c: [s] = 0) => scan[s](z = 1) => y + tanh(z * c)))",
      2,
    ],
    [
      "let (a, n) = (fold[t](a = 1, n = 0) => (a * x, n + a)), (c, m) = (fold[t](c = 1, m = 0) => (c * x, m + c)) in a * n + c * m",
      1,
    ],
    // What differs in anything stays apart.
    ["(fold[t](a = 0) => sin(a) + x) * (fold[t](c = 1) => sin(c) + x)", 2],
    ["(fold[t](a = 0) => sin(a) + x) * (fold[t](c = 0) => cos(c) + x)", 2],
    ["(fold[t](a = 0) => sin(a) + x) * (fold[t if t > 0](c = 0) => sin(c) + x)", 2],
    [
      "let (a, n) = (fold[t](a = 0, n = 0) => (n + x, sin(a))), (c, m) = (fold[t](c = 0, m = 0) => (m + x, sin(m))) in a * n + c * m",
      2,
    ],
    [
      "sum[s](fold[t](a: [s] = v) => a * logsumexp[s](a + y)) + (fold[t](c: [s] = v) => c * logsumexp[s](2 * c + y))[s = 0]",
      2,
    ],
  ]
  for (const [body, forward] of cases)
    test(body, () => {
      const text = `${header} = ${body}`
      expect(recurrences(text, [])).toBe(forward)
      // Each is carried back once.
      expect(recurrences(text, "all")).toBe(2 * forward)
      const result = gradcheck(compile(text), { method: "complex", runs: 3 })
      expect(result.message).toBe(result.ok ? result.message : "")
    })
})

test("a fold is the loop it says", () => {
  const kernel = compile("loss f[b](x: [t]; rate = 0.5) = fold[t](a = 1) => a * rate + x").kernel({
    grad: ["x"],
  })
  const x = [3, -1, 4, 1, -5, 9]
  const expected = x.reduce((a, v) => a * 0.5 + v, 1)
  const { loss, grad } = kernel({ x: { data: new Float64Array(x), shape: [1, 6] } })
  expect(loss).toBe(expected)
  expect([...grad["x"]!]).toEqual([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])
})

test("a fold over nothing is its initial value, with no gradient of any step", () => {
  const loss = compile("loss f[b](x: [t], y) = fold[t](a = y) => a * x")
  for (const target of ["interpret", "js"] as const) {
    const kernel = loss.kernel({ target, dtype: "f64", grad: "all", reduction: "sum" })
    const { loss: value, grad } = kernel({
      x: { data: new Float64Array(0), shape: [2, 0] },
      y: { data: new Float64Array([3, 4]), shape: [2] },
    })
    expect(value).toBe(7)
    expect([...grad["y"]!]).toEqual([1, 1])
    expect(grad["x"]).toHaveLength(0)
  }
})

test("a long axis needs no deep stack", () => {
  const loss = compile("loss f[b](x: [t]) = fold[t](a = 0) => a + x")
  const x = { data: new Float64Array(20_000).fill(0.5), shape: [1, 20_000] }
  for (const target of ["interpret", "js"] as const) {
    const { loss: value, grad } = loss.kernel({ target, dtype: "f64", grad: ["x"] })({ x })
    expect(value).toBe(10_000)
    expect(grad["x"]!.every((g) => g === 1)).toBe(true)
  }
})

test("labels of steps and rows that are left out are not read", () => {
  const loss = compile(`loss f[b](x: [t, c], y: [t] index? c, n: int in [0, size(t)]) =
    fold[t if t < n](a = 0) => a / 2 + x[c = y]
    where n > 0`)
  const x = { data: new Float64Array([1, 2, 3, 4, 5, 6, 7, 8]), shape: [2, 2, 2] }
  const y = { data: new Int32Array([-1, 7, 1, -5]), shape: [2, 2] }
  const n = { data: new Int32Array([0, 1]), shape: [2] }
  for (const target of ["interpret", "js"] as const) {
    const kernel = loss.kernel({ target, dtype: "f64", grad: ["x"] })
    const { loss: value, grad, count } = kernel({ x, y, n })
    expect(value).toBe(6)
    expect(count).toBe(1)
    expect([...grad["x"]!]).toEqual([0, 0, 0, 0, 0, 1, 0, 0])
    expect(() => kernel({ x, y, n: { data: new Int32Array([0, 2]), shape: [2] } })).toThrow(/-5/)
  }
})

test("at a fixed point the derivative of the last step is that of all", () => {
  const source = (how: string): string =>
    `loss f[b](x: real > 0) = fold[_ in 40; grad ${how}](a = 1) => (a + x / a) / 2`
  const x = { data: new Float64Array([2, 9]), shape: [2] }
  const slopes = ["unroll", "envelope"].map((how) => {
    const { grad } = compile(source(how)).kernel({ dtype: "f64", grad: ["x"], reduction: "sum" })({ x })
    return [...grad["x"]!]
  })
  // Newton's iteration forgets where it was, so that one step has the whole derivative up to the factor of the fixed point.
  expect(slopes[0]![0]).toBeCloseTo(1 / (2 * Math.SQRT2), 12)
  expect(slopes[1]![0]).toBeCloseTo(1 / (2 * Math.SQRT2), 12)
})

test.each(["interpret", "js"] as const)(
  "iterations before those that settled leave no rounding: %s",
  (target) => {
    const loss = compile(`loss f(x: [n], y: [m]; steps: int >= 1 = 20) =
    let cost = (x - y)^2,
        (u, v) = fold[_ in steps](u: [n] = 0, v: [m] = 0) =>
          let u = -logsumexp[m](v - cost) in (u, -logsumexp[n](u - cost)) in
    mean[n](u) + mean[m](v)`)
    const inputs = { x: Float64Array.of(0.3, 0.1, 0.1), y: Float64Array.of(0.1, -0.3, -0.3) }
    const derivatives = (steps: number): ArrayLike<number> =>
      loss.kernel({ target, dtype: "f64", static: { steps }, grad: ["x"] })(inputs).grad.x!
    const [few, many] = [derivatives(20), derivatives(2000)]
    for (let i = 0; i < 3; i++)
      expect(Math.abs(many[i]! - few[i]!)).toBeLessThanOrEqual(1e-15 * Math.abs(few[i]!))
  },
)

test("the last state is not read outside the loop in which there is one", () => {
  const [loss] = compileSource("loss f[b](x: [d], u) = sum[d](x * u)^2 where (fold[d](a = u) => a / 2) < u")
  const choice = {
    ...readSettings(loss!, { grad: ["x", "u"], reduction: "sum" }).choice,
    given: new Set<string>(),
  }
  const kernel = lower(outputsOf(loss!, choice), { dtype: "f64" })
  const rows = 2
  // With no index the array of the states has one entry a row, and a read behind it throws.
  const results = interpretLoops(kernel, {
    inputs: kernel.inputs.map(({ input }) => (input!.name === "u" ? [1, 2] : [])),
    outputs: kernel.outputs.map(({ name }) => new Float64Array(name === "u" ? rows : 0)),
    scalars: [],
    sizes: kernel.sizeNames.map((name) => (name === "b" ? rows : 0)),
  })
  expect(results[kernel.results.indexOf("loss")]).toBe(0)
})
