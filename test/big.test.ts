// The numbers that kernels are measured against agree with those of decimal.js to 50 digits.
import { Decimal } from "decimal.js"
import { describe, expect, test } from "vitest"
import { type Big, BigMath, compare, fromNumber, toNumber } from "../bench/accuracy/big.ts"
import { bigNumbers, choosing, type Termed, termed } from "../bench/accuracy/operators.ts"
import { random } from "./emit.data.ts"

const Digits = Decimal.clone({ precision: 75, minE: -9e15, maxE: 9e15 })
const math = new BigMath(192)

const decimal = (x: Big): Decimal =>
  typeof x === "number" ? new Digits(x) : new Digits(x.m.toString()).times(new Digits(2).pow(x.e))

/** Functions of one number, and from where to where decimal.js is asked. */
const functions: Readonly<
  Record<string, { big: (x: Big) => Big; exact: (x: Decimal) => Decimal; from: number; to: number }>
> = {
  exp: { big: (x) => math.exp(x), exact: (x) => x.exp(), from: -800, to: 800 },
  log: { big: (x) => math.log(x), exact: (x) => x.ln(), from: 1e-300, to: 1e4 },
  expm1: { big: (x) => math.expm1(x), exact: (x) => x.exp().minus(1), from: -40, to: 40 },
  log1p: { big: (x) => math.log1p(x), exact: (x) => x.plus(1).ln(), from: -1 + 1e-9, to: 1e4 },
  sqrt: { big: (x) => math.sqrt(x), exact: (x) => x.sqrt(), from: 0, to: 1e4 },
  tanh: { big: (x) => math.tanh(x), exact: (x) => x.tanh(), from: -30, to: 30 },
  sin: { big: (x) => math.sin(x), exact: (x) => x.sin(), from: -100, to: 100 },
  cos: { big: (x) => math.cos(x), exact: (x) => x.cos(), from: -100, to: 100 },
  atan: { big: (x) => math.atan(x), exact: (x) => x.atan(), from: -50, to: 50 },
  acos: { big: (x) => math.acos(x), exact: (x) => x.acos(), from: -1, to: 1 },
  "power 2.5": { big: (x) => math.pow(x, fromNumber(2.5)), exact: (x) => x.pow(2.5), from: 0, to: 1e3 },
  "power -3": { big: (x) => math.pow(x, fromNumber(-3)), exact: (x) => x.pow(-3), from: -50, to: 50 },
}

describe.each(Object.entries(functions))("%s", (_, { big, exact, from, to }) => {
  test("agrees to 50 digits", () => {
    const next = random(11)
    for (let i = 0; i < 40; i++) {
      // Even ones near 0, or near the lower end: 12 digits that decimal.js loses there leave it enough.
      const scale = i % 2 === 0 ? 1 : 10 ** (-12 * next())
      const x =
        from <= 0 && to > 0 ? (from + (to - from) * next()) * scale : from + (to - from) * next() * scale
      const found = big(fromNumber(x))
      const wanted = exact(decimal(fromNumber(x)))
      const error = wanted.isZero() ? decimal(found).abs() : decimal(found).minus(wanted).div(wanted).abs()
      expect(error.lessThan(1e-50), `at ${x}: ${error.toString()}`).toBe(true)
    }
  })
})

test("numbers go there and back", () => {
  for (const x of [
    0,
    1,
    -1.5,
    0.1,
    5e-324,
    -3e-320,
    2.2250738585072014e-308,
    Number.MAX_VALUE,
    Infinity,
    -Infinity,
    NaN,
  ])
    expect(toNumber(fromNumber(x))).toBe(x)
})

test("what is lost at one precision is seen at another", () => {
  // 1 - (1 - 2^-548), which rounding to 0 would call exact.
  const left = (bits: number): Big => {
    const m = new BigMath(bits)
    const one = fromNumber(1)
    return m.sub(one, m.sub(one, { m: 1n, e: -548 }))
  }
  expect(compare(left(100), left(200))).not.toBe(0)
  expect(compare(left(700), { m: 1n, e: -548 })).toBe(0)
})

test("what is no number is sorted last", () => {
  const keys = [NaN, 2, Infinity, NaN, -Infinity, 2].map((x) => (Number.isFinite(x) ? fromNumber(x) : x))
  expect(bigNumbers(128).sort(keys)).toEqual([4, 1, 5, 2, 0, 3])
})

describe("what rounding leaves", () => {
  const [one, small] = [fromNumber(1), fromNumber(2 ** -60)]
  const of = (value: Big): Termed => ({ value, term: value })
  const at = (least: number) =>
    choosing(
      termed(bigNumbers(128), fromNumber(least)),
      (x) => x.value,
      (x) => x.term,
    )

  test("is that of both factors where neither has a digit", () => {
    const { apply } = at(0).numbers
    const nothing = apply("sub", [of(one), of(one)])
    expect(toNumber(apply("mul", [nothing, nothing]).term)).toBe(4 * 2 ** -53)
    expect(toNumber(apply("mul", [nothing, of(one)]).term)).toBe(2)
  })

  test("stays in a logarithm of what cancelled, and not in one of a number near 1", () => {
    const { apply } = at(0).numbers
    const near = apply("add", [of(one), of(small)])
    expect(toNumber(apply("log", [near]).term)).toBeLessThan(2 ** -59)
    const left = apply("sub", [near, of(one)])
    expect(toNumber(apply("log", [left]).term)).toBeGreaterThan(2 ** 60)
  })

  test("is more than a number that a kink is at", () => {
    const { numbers, choices } = at(0)
    numbers.apply("abs", [of(small)])
    expect(choices().shared).toBe(0)
    numbers.apply("abs", [numbers.apply("sub", [numbers.apply("add", [of(one), of(small)]), of(one)])])
    expect(choices().shared).toBeGreaterThan(53)
  })

  test("is that of the smallest normal number below it", () => {
    const exponential = (least: number): number =>
      toNumber(at(least).numbers.apply("exp", [of(fromNumber(-745.2))]).term)
    expect(exponential(2 ** -1022)).toBe(2 ** -1022)
    expect(exponential(0)).toBeLessThan(2 ** -1022)
  })
})
