// The special functions, as they are emitted and as the table computes them, against double-double arithmetic.
import { describe, expect, test } from "vitest"
import { definedFunctions } from "../src/functions.ts"
import { type OpName, ops } from "../src/ops.ts"
import type { Double } from "./math.double.ts"
import { emitted, points, ulps } from "./math.measure.ts"
import * as exact from "./math.special.ts"

type Range = readonly [number, number]

// prettier-ignore
/** Each function of one number: where it is measured, and how many last places it may be off. */
const functions: readonly {
  readonly name: OpName & keyof typeof exact
  readonly ranges: readonly Range[]
  readonly limit: number
}[] = [
  { name: "gaussian", ranges: [[-1, 1], [-6, 6], [6, 27]], limit: 2 },
  { name: "erf", ranges: [[-1, 1], [-6, 6], [0.8, 0.9]], limit: 2 },
  { name: "erfc", ranges: [[-6, 0.25], [0.25, 0.84], [0.84, 1.4], [1.4, 2.25]], limit: 2.25 },
  { name: "erfc", ranges: [[2.25, 6], [6, 27]], limit: 2.75 },
  { name: "erfcx", ranges: [[-1, 1], [-6, 3], [-26, 0], [3, 1e3]], limit: 4 },
  { name: "logErfc", ranges: [[-1, 1], [-5, 3], [3, 1e3]], limit: 4 },
  { name: "log1pmx", ranges: [[-0.6, 1.1], [-0.01, 0.01], [0, 1e3]], limit: 4 },
  { name: "expm1mx", ranges: [[-1.1, 1.1], [-0.01, 0.01], [-40, 40]], limit: 4 },
  { name: "lgamma", ranges: [[0, 1], [1, 3], [3, 5], [5, 50], [0.99, 1.01], [1.99, 2.01], [0, 1e4]], limit: 4 },
  { name: "lgamma1p", ranges: [[-0.99, 0], [0, 1], [0.999, 1.001], [1, 20]], limit: 4.5 },
  { name: "digamma", ranges: [[0, 1], [1, 2], [2, 10], [1.4, 1.5], [0, 1e4]], limit: 4 },
  { name: "trigamma", ranges: [[0, 1], [1, 10], [0, 1e4]], limit: 4 },
]

describe.each(functions)("$name", ({ name, ranges, limit }) => {
  const reference = exact[name] as (x: number) => Double
  test(`is within ${limit} last places over ${ranges.map((r) => r.join(" .. ")).join(", ")}`, () => {
    const x = points(ranges, 15_000)
    const wanted = Array.from(x, reference)
    for (const how of ["full", "wasm"] as const) {
      const y = emitted(name, how)(x)
      let worst = 0
      let at = 0
      x.forEach((value, i) => {
        const error = ulps(y[i]!, wanted[i]!)
        if (!(error <= worst)) [worst, at] = [error, value]
      })
      expect(worst, `${name}(${at}), ${how}`).toBeLessThanOrEqual(limit)
    }
  })
})

test("left of 0 the gamma functions are off by little beside the larger of 1 and the value", () => {
  for (const name of ["lgamma", "digamma", "trigamma"] as const)
    for (let x = -0.0071; x > -60; x -= 0.0173) {
      const wanted = (exact[name] as (x: number) => Double)(x)[0]
      // A number is as near to a pole as the difference of two doubles says.
      const pole = Math.abs(x) / Math.abs(x - Math.round(x))
      expect(
        Math.abs(ops[name].eval(x) - wanted) / (Math.max(1, Math.abs(wanted)) * pole),
        `${name}(${x})`,
      ).toBeLessThan(1e-14)
    }
})

test("zeta is right to 1e-14", () => {
  for (const s of [2, 3, 4, 5, 7])
    for (const x of [1e-3, 0.3, 1, 2.5, 10, 77.7, 1e4]) {
      const wanted = exact.zeta(s, x)[0]
      expect(Math.abs(ops.zeta.eval(s, x) - wanted) / wanted, `zeta(${s}, ${x})`).toBeLessThan(1e-14)
    }
})

describe.each(["logGammaRatio", "logGammaRatioSlope"] as const)("%s", (name) => {
  test("keeps its digits for large x, where the difference it names loses all", () => {
    for (const x of [1e-3, 0.3, 0.99, 1, 2, 4.9, 5, 7.7, 100, 1e3, 1e5])
      for (const y of [1e-12, 1e-6, 0.049, 0.051, 0.3, 0.5, 1.5, 2, 3, 17, 250, 1e5]) {
        // There two doubles lose them as well.
        if (y < 0.04 && x > 10) continue
        const wanted = exact[name](x, y)[0]
        const found = ops[name].eval(x, y)
        expect(
          Math.abs(found - wanted) / Math.abs(wanted),
          `${name}(${x}, ${y}) is ${found}, not ${wanted}`,
        ).toBeLessThan(2e-15)
      }
  })
  test("is 0 in the limit", () => expect(ops[name].eval(Infinity, 3)).toBe(0))
})

// prettier-ignore
const limits: readonly (readonly [OpName, readonly (readonly [number, number])[]])[] = [
  ["gaussian", [[0, 1], [-Infinity, 0], [Infinity, 0], [30, 0]]],
  ["erf", [[0, 0], [-0, -0], [5e-324, 5e-324], [7, 1], [-7, -1], [Infinity, 1], [-Infinity, -1]]],
  ["erfc", [[0, 1], [-0, 1], [1e-300, 1], [7e9, 0], [-7, 2], [Infinity, 0], [-Infinity, 2]]],
  ["erfcx", [[0, 1], [Infinity, 0], [-Infinity, Infinity], [-30, Infinity], [1e300, 5.641895835477563e-301]]],
  ["logErfc", [[0, 0], [Infinity, -Infinity], [-Infinity, Math.LN2]]],
  ["expm1mx", [[0, 0], [-Infinity, Infinity], [Infinity, Infinity], [1e-200, 0]]],
  ["log1pmx", [[0, 0], [-1, -Infinity], [Infinity, -Infinity], [1e-200, 0]]],
  ["lgamma", [[1, 0], [2, 0], [0, Infinity], [-0, Infinity], [-3, Infinity], [1e-320, -Math.log(1e-320)], [-1e-300, -Math.log(1e-300)], [Infinity, Infinity], [-Infinity, Infinity], [1e306, Infinity]]],
  ["lgamma1p", [[0, 0], [1, 0], [-1, Infinity], [1e-300, -5.772156649015329e-301], [Infinity, Infinity]]],
  ["digamma", [[0, -Infinity], [-0, Infinity], [-3, NaN], [Infinity, Infinity], [1, -0.5772156649015329]]],
  ["trigamma", [[0, Infinity], [-0, Infinity], [-3, Infinity], [Infinity, 0], [1, 1.6449340668482264]]],
]
test.each(limits)("%s has the limits of the function", (op, pairs) => {
  const x = Float64Array.from([...pairs.map(([at]) => at), NaN])
  const wanted = [...pairs.map(([, value]) => value), NaN]
  for (const how of ["full", "wasm"] as const) {
    const found = emitted(op, how)(x)
    wanted.forEach((value, i) => {
      const close = Math.abs(found[i]! - value) <= 4.5e-16 * Math.abs(value)
      expect(Object.is(found[i], value) || close, `${op}(${x[i]}) is ${found[i]}, not ${value}, ${how}`).toBe(
        true,
      )
    })
  }
})

test("the table and JavaScript agree bit for bit", () => {
  for (const name of Object.keys(ops) as OpName[]) {
    const { isDefined, domain, params } = ops[name]
    if (!isDefined) continue
    expect(definedFunctions().has(name)).toBe(true)
    const columns = params.map((p) =>
      points([domain?.[p] ?? [-8, 8]], 500).map(name === "zeta" && p === "s" ? Math.round : (x) => x),
    )
    const found = emitted(name, "full")(...columns)
    found.forEach((y, i) =>
      expect(y, `${name} of ${columns.map((c) => c[i]).join()}`).toBe(
        ops[name].eval(...columns.map((c) => c[i]!)),
      ),
    )
  }
})
