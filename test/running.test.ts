// Reductions up to each index of an axis: found in every spelling, one loop each, and the numbers of the plain reduction.
import { describe, expect, test } from "vitest"
import { compileSource, lower } from "../src/compile.ts"
import { compile } from "../src/index.ts"
import { definitions } from "../src/graph.ts"
import type { Stmt } from "../src/loops.ts"
import { outputsOf } from "../src/outputs.ts"
import { readSettings } from "../src/run/settings.ts"
import { runningOf } from "../src/running.ts"
import { gradcheck } from "../src/testing.ts"
import { forEachStatement } from "../src/walk.ts"

const loss = (body: string): string =>
  `loss f[b](x: [k], w: [k], y: [k] index c, m: [k] bool, z: [k, c]) = sum[k](w * (${body}))`

/** What a reduction runs over, or that it is not recognised. */
function recognised(body: string): string {
  const [checked] = compileSource(loss(body))
  const found = definitions([checked!.value]).flatMap((def) => {
    const run = runningOf(def)
    if (!run) return []
    const to = run.strict ? "before" : "up to"
    const from = run.strict ? "after" : "from"
    return [`${def.op} ${run.descending ? from : to}, ${run.conditions.length} further conditions`]
  })
  return found.join("; ") || "none"
}

describe("are recognised", () => {
  const cases: readonly (readonly [body: string, found: string])[] = [
    ["sum[j in k if j <= k](x[k = j])", "sum up to, 0 further conditions"],
    ["sum[j in k if j < k](x[k = j])", "sum before, 0 further conditions"],
    ["sum[j in k if j >= k](x[k = j])", "sum from, 0 further conditions"],
    ["sum[j in k if j > k](x[k = j])", "sum after, 0 further conditions"],
    ["sum[j in k if k >= j](x[k = j])", "sum up to, 0 further conditions"],
    ["sum[j in k if not (j > k)](x[k = j])", "sum up to, 0 further conditions"],
    ["sum[j in k if j < k + 1](x[k = j])", "sum up to, 0 further conditions"],
    ["sum[j in k if j <= k - 1](x[k = j])", "sum before, 0 further conditions"],
    ["sum[j in k if k - j < 1](x[k = j])", "sum from, 0 further conditions"],
    ["sum[j in k if j <= k and m[k = j]](x[k = j])", "sum up to, 1 further conditions"],
    ["sum[j in k if j <= k](x * x[k = j])", "sum up to, 0 further conditions"],
    ["cumsum[k](x)", "sum up to, 0 further conditions"],
    ["count[j in k if j <= k](m[k = j])", "sum up to, 1 further conditions"],
    ["(if all[j in k if j < k](m[k = j]) then x else 0)", "sum before, 1 further conditions"],
    [
      "mean[j in k if j <= k and m[k = j]](x[k = j])",
      "sum up to, 1 further conditions; sum up to, 1 further conditions",
    ],
    ["max[j in k if j <= k](x[k = j])", "max up to, 0 further conditions"],
    ["logsumexp[j in k if j >= k](x[k = j])", "logsumexp from, 0 further conditions"],
    ["sum[j in k, c if j <= k](z[k = j])", "sum up to, 0 further conditions"],
    // What depends on both ends is no running reduction, and neither is a window.
    ["sum[j in k if j <= k](relu(x - x[k = j]))", "none"],
    ["sum[j in k if j <= k and x[k = j] > x](x[k = j])", "none"],
    ["sum[j in k if j <= k + 1](x[k = j])", "none"],
    ["sum[j in k if j <= 2 * k](x[k = j])", "none"],
    ["sum[j in k if j != k](x[k = j])", "none"],
  ]
  for (const [body, found] of cases) test(body, () => expect(recognised(body)).toBe(found))
})

/** How many loops over one axis stand in one another. */
function depth(text: string, axis: string): number {
  const [checked] = compileSource(text)
  const choice = { ...readSettings(checked!, { grad: "all" }).choice, given: new Set<string>() }
  const { body } = lower(outputsOf(checked!, choice), { dtype: "f64" })
  const of = (list: readonly Stmt[]): number =>
    Math.max(
      0,
      ...list.map((s) => {
        if (s.kind === "if") return Math.max(of(s.then), of(s.else))
        return s.kind === "for" ? (s.axis.startsWith(axis) ? 1 : 0) + of(s.body) : 0
      }),
    )
  let loops = 0
  forEachStatement(body, (s) => {
    if (s.kind === "for" && s.axis.startsWith(axis)) loops++
  })
  expect(loops).toBeGreaterThan(0)
  return of(body)
}

/** Running reductions whose value and gradient take one pass. */
const passes: readonly string[] = [
  "sum[j in k if j <= k](x[k = j])^2",
  "sum[j in k if j > k and m[k = j]](sin(x[k = j]))^2",
  "mean[j in k if j <= k](x[k = j]^2)",
  "logsumexp[j in k if j <= k](x[k = j])",
  "logsumexp[j in k if j >= k](3 * x[k = j])",
  "softplus(logsumexp[j in k if j < k](x[k = j] * w[k = j]))",
  "softplus(logsumexp[j in k if j > k and m[k = j]](x[k = j]))",
  "softplus(logsumexp[j in k, c if j <= k and c > 0](x[k = j] * z[k = j]))",
  "max[j in k if j <= k](x[k = j])^2",
  "min[j in k if j >= k](x[k = j] * w[k = j])",
  "tanh(max[j in k if j < k](x[k = j]))",
  "tanh(min[j in k if j > k and m[k = j]](sin(x[k = j])))",
  "max[j in k, c if j <= k and c > 0](x[k = j] * z[k = j])",
  "prod[j in k if j <= k](x[k = j])^2",
  "prod[j in k if j > k](cos(x[k = j]))",
  "prod[j in k if j < k and m[k = j]](x[k = j] * w[k = j])",
  "prod[j in k, c if j >= k and c > 0](x[k = j] + z[k = j])",
]

/** The same with a condition that says no more and is not recognised. */
const plainly = (body: string): string => body.replace(/j [<>]=? k/, "($& or x[k = j] > 1e9)")

describe("take one pass, and have the numbers of the plain reduction", () => {
  for (const running of passes)
    test(running, () => {
      const plain = plainly(running)
      expect(depth(loss(running), "k")).toBe(1)
      expect(depth(loss(plain), "k")).toBe(2)
      const [b, k, c] = [2, 37, 3]
      const real = (n: number, seed: number) =>
        Float64Array.from({ length: n }, (_, i) => Math.sin(i * 9.7 + seed) * 2)
      const args = {
        x: { data: real(b * k, 1), shape: [b, k] },
        w: { data: real(b * k, 2), shape: [b, k] },
        z: { data: real(b * k * c, 3), shape: [b, k, c] },
        y: { data: Int32Array.from({ length: b * k }, (_, i) => i % c), shape: [b, k] },
        m: { data: Uint8Array.from({ length: b * k }, (_, i) => +(i % 3 > 0)), shape: [b, k] },
      }
      const along = { x: real(b * k, 4), w: real(b * k, 5) }
      for (const target of ["interpret", "js"] as const) {
        const [one, two] = [running, plain].map((body) => {
          const kernel = compile(loss(body)).kernel({
            target,
            dtype: "f64",
            grad: ["x", "w"],
            hvp: ["x", "w"],
          } as never)
          return (
            kernel as (
              a: unknown,
              o: unknown,
            ) => { loss: number; grad: Record<string, Float64Array>; hvp: Record<string, Float64Array> }
          )(args, { direction: along })
        })
        const numbers = (from: typeof one): number[] => [
          from!.loss,
          ...["x", "w"].flatMap((name) => [...from!.grad[name]!, ...from!.hvp[name]!]),
        ]
        const [found, wanted] = [numbers(one), numbers(two)]
        const scale = Math.max(...wanted.map(Math.abs))
        found.forEach((value, i) =>
          expect(Math.abs(value - wanted[i]!), `${target} ${i}`).toBeLessThan(1e-12 * scale),
        )
      }
      const result = gradcheck(compile(loss(running)), { method: "complex", runs: 3, sizes: { k: 9 } })
      expect(result.message).toBe(result.ok ? result.message : "")
    })
})

/** A few whole numbers, so that values tie and products have several zeros, and infinities. */
const few = (n: number, seed: number, among: readonly number[]): Float64Array =>
  Float64Array.from(
    { length: n },
    (_, i) => among[Math.floor(Math.abs(Math.sin(i * 7.3 + seed)) * among.length)]!,
  )

describe("ties, zeros and infinities are those of the plain reduction", () => {
  const bodies: readonly string[] = [
    "tanh(max[j in k if j <= k](x[k = j]))",
    "tanh(max[j in k if j < k and m[k = j]](x[k = j]))",
    "tanh(min[j in k if j >= k](x[k = j]))",
    "tanh(max[j in k, c if j > k](x[k = j] + z[k = j]))",
    "prod[j in k if j <= k](x[k = j])",
    "prod[j in k if j > k and m[k = j]](x[k = j])",
    "prod[j in k, c if j < k](x[k = j] + z[k = j])",
  ]
  const among = {
    max: [-Infinity, -1, 0, 1, 2],
    min: [Infinity, -1, 0, 1, 2],
    prod: [1, -2, 0, 3, 0.5, -1, 2],
  }
  for (const running of bodies)
    test(running, () => {
      const op = (Object.keys(among) as (keyof typeof among)[]).find((name) => running.includes(`${name}[`))!
      const [b, k, c] = [40, 9, 3]
      const args = {
        x: { data: few(b * k, 1, among[op]), shape: [b, k] },
        w: { data: few(b * k, 2, [1, 2, -3, 0]), shape: [b, k] },
        z: { data: few(b * k * c, 3, [0, 0, 1]), shape: [b, k, c] },
        y: { data: new Int32Array(b * k), shape: [b, k] },
        m: { data: Uint8Array.from({ length: b * k }, (_, i) => +(i % 5 > 0)), shape: [b, k] },
      }
      for (const target of ["interpret", "js", "wasm"] as const) {
        const [found, wanted] = [running, plainly(running)].map((body) => {
          const kernel = compile(loss(body)).kernel({ target, dtype: "f64", grad: ["x"], reduction: "sum" })
          const { loss: value, grad } = (
            kernel as (a: unknown) => { loss: number; grad: Record<string, Float64Array> }
          )(args)
          return [value, ...grad["x"]!]
        })
        found!.forEach((value, i) => expect(value, `${target} ${i}`).toBeCloseTo(wanted![i]!, 10))
        expect(new Set(found).size).toBeGreaterThan(3)
      }
    })
})

test("rows that are left out pass nothing back, whatever is in them", () => {
  for (const [op, wanted] of [
    ["max", [0, 1, 0]],
    ["min", [1, 0, 0]],
    ["prod", [3, 2, 0]],
  ] as const) {
    const text = `loss f[k](x, w) = ${op}[j in k if j <= k](x[k = j]) where w != 0`
    for (const target of ["interpret", "js", "wasm"] as const) {
      const kernel = compile(text).kernel({ target, dtype: "f64", grad: ["x"], reduction: "sum" })
      const { grad } = kernel({ x: [2, 3, NaN, 4], w: [0, 1, 0, 0] })
      expect([...grad["x"]!], `${op} ${target}`).toEqual([...wanted, 0])
    }
  }
})

describe("a running logsumexp", () => {
  const run = (x: readonly number[], w: readonly number[]) => {
    const text = "loss f[k](x, w) = logsumexp[j in k if j <= k](x[k = j]) - x where w != 0"
    return (["interpret", "js", "wasm"] as const).map((target) => {
      const kernel = compile(text).kernel({ target, dtype: "f64", grad: ["x"], reduction: "sum" })
      const { loss: value, grad } = kernel({ x: [...x], w: [...w] })
      return { value, grad: [...grad["x"]!] }
    })
  }

  test("keeps the digits of tiny losses", () => {
    for (const { value } of run([0, 40], [0, 1])) expect(value).toBeCloseTo(4.248354255291589e-18, 33)
  })

  test("starts at -inf without a gradient there", () => {
    for (const { grad } of run([-Infinity, -Infinity, 1, 2], [0, 0, 0, 1])) {
      expect(grad.slice(0, 2)).toEqual([0, 0])
      expect(grad[2]).toBeCloseTo(1 / (1 + Math.E), 14)
    }
  })

  test("counts ties, infinite ones among them", () => {
    for (const { value } of run([3, 3, 3], [0, 0, 1])) expect(value).toBeCloseTo(Math.log(3), 14)
    for (const { value } of run([Infinity, 1], [0, 1])) expect(value).toBe(Infinity)
  })

  test("passes nothing back from rows that are left out, whatever is in them", () => {
    for (const { value, grad } of run([0, 0, NaN], [0, 1, 0])) {
      expect(value).toBeCloseTo(Math.LN2, 14)
      expect(grad).toEqual([0.5, -0.5, 0])
    }
  })

  test("does not overflow", () => {
    const x = [-1e4, 0, 1e4, 0, -1e4]
    for (const { value, grad } of run(x, [1, 1, 1, 1, 1])) {
      expect(value).toBeCloseTo(3e4, 8)
      expect(grad.every(Number.isFinite)).toBe(true)
    }
  })
})
