// The gradient of a largest or smallest value goes to the index that has it, however the value is computed again there.
import { describe, expect, test } from "vitest"
import { compile } from "../src/index.ts"
import { random } from "../src/testing/random.ts"

const cases = [
  {
    why: "scores that are found in f64 and compared in lanes of f32",
    source: `loss it[b](x: [d], y: [d], u) =
      softplus(max[j in b](0.1 * (dot[d](x, y[b = j]) + (0.75 + dot[d](x, y)) * (3 * u[b = j]))))`,
  },
  {
    why: "the largest quotient up to each index",
    source: `loss it[b](x: [d], y: [d]) =
      sum[i in d](softplus(max[j in d if j <= i]((x^2 / (1 + y^2 + abs(x)))[d = j])))`,
  },
  {
    why: "a quotient that is read at the index before",
    source: `loss it[b](x: [d], y: [d]) =
      softplus(max[d]((x[d = d - 1] ?? 0.3)^2 / (1 + y^2 + abs(x[d = d - 1] ?? 0.3))))`,
  },
  {
    why: "a quotient that a condition keeps in range",
    source: `loss it[b](x: [d], y: [d]) = softplus(max[d if d > 0](x[d = d - 1]^2 / (1 + y^2 + abs(x[d = d - 1]))))`,
  },
  {
    why: "the largest quotient in front of each index",
    source: `loss it[b](x: [d], y: [d]) =
      sum[i in d](softplus(max[j in d if j < i]((x^2 / (1 + y^2 + abs(x)))[d = j])))`,
  },
  {
    why: "an option that lanes round",
    source: `loss it[b](g: [b, d]; q: real = 0.5234416484832763) = min[d](clampMin(log(1 + exp(clamp(g, -1, 1))), q))`,
  },
]

describe.each(cases)("$why", ({ source }) => {
  const loss = compile(source)
  const axes: Record<string, readonly string[]> = { x: ["b", "d"], y: ["b", "d"], g: ["b", "d"], u: ["b"] }
  const names = loss.inputs.filter(({ name }) => name in axes).map(({ name }) => name)
  const grad = loss.inputs.filter(({ type }) => type === "real").map(({ name }) => name)
  const rank = (name: string): number => loss.inputs.find((x) => x.name === name)!.axes.length
  test.each([
    { target: "js", dtype: "f64" },
    { target: "js", dtype: "f32" },
    { target: "wasm", dtype: "f64" },
    { target: "wasm", dtype: "f32" },
  ] as const)("$target over $dtype", ({ target, dtype }) => {
    const draw = random(1)
    const kernels = (["interpret", target] as const).map((one) =>
      loss.kernel({ target: one, dtype, grad, reduction: "mean" }),
    )
    for (let d = 1; d <= 12; d++) {
      const b = 1 + (d % 5)
      const inputs = Object.fromEntries(
        names.map((name) => {
          const shape = rank(name) === 2 ? [b, d] : [b]
          const length = shape.reduce((x, y) => x * y, 1)
          const made = Float32Array.from({ length }, () => draw.real(-2, 2))
          return [name, { data: dtype === "f32" ? made : Float64Array.from(made), shape }]
        }),
      )
      const [wanted, found] = kernels.map(
        (kernel) => kernel(inputs as never).grad as Record<string, ArrayLike<number>>,
      )
      for (const name of grad) {
        const [x, y] = [wanted![name]!, found![name]!].map((one) =>
          typeof one === "number" ? [one] : Array.from(one),
        )
        x!.forEach((value, i) =>
          expect(Math.abs(y![i]! - value), `${name}[${i}] of ${b} x ${d}`).toBeLessThan(1e-5),
        )
      }
    }
  })
})

test.each(["js", "wasm"] as const)(
  "%s finds the places of the least along either axis of the same distances",
  (target) => {
    const loss = compile(`loss it(x: [n, d], y: [m, d]) =
    let far = sqdist[d](x, y) in sum[n](argmin[m](far)) + sum[m](argmin[n](far)) + sum[n](min[m](far))`)
    const draw = random(1)
    for (const [n, m, d] of [
      [1, 1, 1],
      [3, 5, 2],
      [17, 9, 5],
    ] as const) {
      const rows = (count: number): Float64Array =>
        Float64Array.from({ length: count * d }, () => draw.real(-2, 2))
      const inputs = { x: { data: rows(n), shape: [n, d] }, y: { data: rows(m), shape: [m, d] } }
      const [wanted, found] = (["interpret", target] as const).map((one) =>
        loss.kernel({ target: one, dtype: "f64" })(inputs),
      )
      expect(found!.loss).toBeCloseTo(wanted!.loss as number, 9)
    }
  },
)
