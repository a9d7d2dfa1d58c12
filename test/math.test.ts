// Elementary functions as they are emitted, against double-double arithmetic.
import { describe, expect, test } from "vitest"
import { type OpName, ops } from "../src/ops.ts"
import {
  type Double,
  add,
  exp,
  expm1,
  from,
  log,
  log1p,
  log1pOf,
  logOf,
  quotient,
  toNumber,
} from "./math.double.ts"
import { emitted, emittedShort, points, ulps } from "./math.measure.ts"
import { isRelaxed } from "../src/run/wasm.ts"
import { allowRelaxed } from "./relaxed.flag.ts"

allowRelaxed()

// prettier-ignore
const grid = [0, -0, 1e-320, 1e-45, 1e-8, 1 / 256, 0.5, 1, 2, 36.8, 88.7, 103.9, 708, 709.78, 709.8, 745.1, 745.2, 746, 1e4, 1e300, Infinity]
  .flatMap((x) => [x, -x])
  .concat([NaN, Math.LN2, -Math.LN2, 5e-324, Number.MAX_VALUE, 1 - 2 ** -53, 1 + 2 ** -52])

const one = from(1)
const negate = ([high, low]: Double): Double => [-high, -low]

/** Each function in double-double, where it is finite, and where random points lie. */
const functions: Partial<Record<OpName, { exact: (x: number) => Double; ranges: [number, number][] }>> = {
  exp: {
    exact: exp,
    ranges: [
      [-1, 1],
      [-40, 0],
      [-708, 709],
    ],
  },
  expm1: {
    exact: expm1,
    ranges: [
      [-1, 1],
      [-1e-3, 1e-3],
      [-50, 50],
      [-708, 709],
    ],
  },
  log: {
    exact: log,
    ranges: [
      [0, 2],
      [0.98, 1.02],
      [0, 1e4],
      [0, 1e300],
      [0, 1e-290],
    ],
  },
  log1p: {
    exact: log1p,
    ranges: [
      [-1, 0],
      [0, 1],
      [-1e-3, 1e-3],
      [0, 1e4],
      [0, 1e300],
    ],
  },
  log1mexp: {
    exact: (x) => (x > -1 ? logOf(negate(expm1(x))) : log1pOf(negate(exp(x)))),
    ranges: [
      [-1, 0],
      [-40, 0],
      [-1e-3, 0],
      [-745, -30],
    ],
  },
  tanh: {
    exact: (x) => quotient(expm1(2 * x), add(expm1(2 * x), from(2))),
    ranges: [
      [-1, 1],
      [-1e-3, 1e-3],
      [-30, 30],
    ],
  },
  sigmoid: {
    exact: (x) => (x >= 0 ? quotient(one, add(one, exp(-x))) : quotient(exp(x), add(one, exp(x)))),
    ranges: [
      [-1, 1],
      [-10, 0],
      [-745, 700],
    ],
  },
  softplus: {
    exact: (x) => add(from(Math.max(x, 0)), log1pOf(exp(-Math.abs(x)))),
    ranges: [
      [-1, 1],
      [-40, 40],
      [-745, 700],
    ],
  },
}

describe.each(Object.entries(functions))("%s", (name, { exact, ranges }) => {
  const op = name as OpName
  const reference = ops[op].eval as (x: number) => number

  test.each(["fast", "full", "wasm", "wasm fast"] as const)("%s is accurate at random points", (accuracy) => {
    const x = points(ranges, 100_000)
    const y = emitted(op, accuracy)(x)
    const isFast = accuracy === "fast" || accuracy === "wasm fast"
    let worst = 0
    let at = 0
    x.forEach((value, i) => {
      const wanted = exact(value)
      const error = isFast
        ? Math.abs(y[i]! - wanted[0] - wanted[1]) / Math.max(1e-10 * Math.abs(wanted[0]), 1e-323)
        : ulps(y[i]!, wanted)
      if (!(error <= worst)) [worst, at] = [error, value]
    })
    const limit = isFast ? 1 : accuracy === "wasm" && op === "log1mexp" ? 2.25 : 2
    expect(worst, `${op}(${at})`).toBeLessThanOrEqual(limit)
  })

  test.each(["fast", "full", "engine", "wasm", "wasm fast"] as const)(
    "%s has the limits of the function",
    (accuracy) => {
      const x = Float64Array.from(grid)
      const y = emitted(op, accuracy)(x)
      // The engine's exp is infinite where its reciprocal is still more than 0.
      const smallest = op === "sigmoid" && accuracy === "engine" ? 1e-308 : 2e-323
      x.forEach((value, i) => {
        const wanted = reference(value)
        const found = y[i]!
        const close = Math.abs(found - wanted) <= Math.abs(wanted) * 1e-10 + smallest
        expect(Object.is(found, wanted) || close, `${op}(${value}) is ${found}, not ${wanted}`).toBe(true)
      })
    },
  )
})

const short = Object.entries(functions).flatMap(([name, one]) =>
  [false, true].map((relaxed) => [name, relaxed ? " by relaxed instructions" : "", relaxed, one] as const),
)
describe.each(short)("%s over vectors of f32%s", (name, _, relaxed, { exact, ranges }) => {
  const op = name as OpName
  const largest = 3.4028234663852886e38

  test("is within 4 units in the last place of f32", ({ skip }) => {
    skip(relaxed && !isRelaxed(), "this engine has no relaxed instructions")
    const x = Float32Array.from(points(ranges, 100_000))
    const y = emittedShort(op, relaxed)(x)
    let worst = 0
    let at = 0
    x.forEach((value, i) => {
      const wanted = toNumber(exact(value))
      if (!(Math.abs(wanted) <= largest)) return
      const ulp = Math.max(2 ** (Math.floor(Math.log2(Math.abs(wanted))) - 23), 2 ** -149)
      const error = Math.abs(y[i]! - wanted) / ulp
      if (!(error <= worst)) [worst, at] = [error, value]
    })
    expect(worst, `${op}(${at})`).toBeLessThanOrEqual(4)
  })

  test("has the limits of the function", ({ skip }) => {
    skip(relaxed && !isRelaxed(), "this engine has no relaxed instructions")
    const x = Float32Array.from([...grid, 1e-42, -1e-42, 87.5, -87.5, 88.8, -103.5, 3e38, -3e38])
    const y = emittedShort(op, relaxed)(x)
    x.forEach((value, i) => {
      const wanted = Math.fround((ops[op].eval as (x: number) => number)(value))
      const close = Math.abs(y[i]! - wanted) <= Math.abs(wanted) * 5e-7 + 3e-45
      expect(Object.is(y[i], wanted) || close, `${op}(${value}) is ${y[i]}, not ${wanted}`).toBe(true)
    })
  })
})

test.each(["fast", "full", "engine", "wasm", "wasm fast"] as const)("relu is exact, %s", (accuracy) => {
  const x = Float64Array.from(grid)
  const y = emitted("relu", accuracy)(x)
  x.forEach((value, i) => {
    const wanted = ops.relu.eval(value)
    expect(Object.is(y[i], wanted) || Math.abs(y[i]! - wanted) <= 5e-324, `relu(${value}) is ${y[i]}`).toBe(
      true,
    )
  })
})

describe.each(["logaddexp", "xlogy"] as const)("%s", (op) => {
  test.each(["fast", "full", "engine", "wasm", "wasm fast"] as const)(
    "%s agrees with the table of operators",
    (accuracy) => {
      const pairs = grid.flatMap((x) => grid.map((y) => [x, y] as const))
      const [x, y] = [0, 1].map((k) => Float64Array.from(pairs, (pair) => pair[k]!)) as [
        Float64Array,
        Float64Array,
      ]
      const found = emitted(op, accuracy)(x, y)
      pairs.forEach(([x, y], i) => {
        const wanted = (ops[op].eval as (x: number, y: number) => number)(x, y)
        const close = Math.abs(found[i]! - wanted) <= Math.abs(wanted) * 1e-10 + 2e-323
        expect(Object.is(found[i], wanted) || close, `${op}(${x}, ${y}) is ${found[i]}, not ${wanted}`).toBe(
          true,
        )
      })
    },
  )
})
