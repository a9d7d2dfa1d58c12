// Special functions as sums of two doubles, to judge those of one double.
import { type Double, add, exp, expm1, from, log, log1p, logOf, multiply, quotient } from "./math.double.ts"

const one = from(1)
const half = from(0.5)
const pi: Double = [3.141592653589793, 1.2246467991473532e-16]
const rootPi: Double = [1.772453850905516, -7.666586499825799e-17]
const halfLogTwoPi: Double = [0.9189385332046728, -3.878294158067242e-17]

const negative = ([high, low]: Double): Double => [-high, -low]
const sub = (a: Double, b: Double): Double => add(a, negative(b))
const sum = (terms: Iterable<Double>): Double => [...terms].reduce(add, from(0))
const square = (x: Double): Double => multiply(x, x)
const expOf = ([high, low]: Double): Double => multiply(exp(high), add(one, from(low)))

/** Bernoulli numbers B_2, B_4, ... */
const bernoulli: readonly Double[] = (
  [
    [1, 6],
    [-1, 30],
    [1, 42],
    [-1, 30],
    [5, 66],
    [-691, 2730],
    [7, 6],
    [-3617, 510],
    [43867, 798],
    [-174611, 330],
    [854513, 138],
    [-236364091, 2730],
  ] as const
).map(([above, below]) => quotient(from(above), from(below)))

/** exp(-x^2) */
export const gaussian = (x: number): Double => expOf(negative(square(from(x))))

/** By a series of positive terms: exp(-x^2) 2 / sqrt(pi) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...). */
export function erf(x: number): Double {
  let term = from(x)
  let total = term
  for (let n = 1; Math.abs(term[0]) > 1e-33 * Math.abs(total[0]); n++) {
    term = quotient(multiply(term, multiply(from(2), square(from(x)))), from(2 * n + 1))
    total = add(total, term)
  }
  return quotient(multiply(multiply(from(2), gaussian(x)), total), rootPi)
}

/** exp(x^2) erfc(x) for x >= 2.5, by Laplace's continued fraction. */
function erfcxFar(x: number): Double {
  const s = multiply(from(2), square(from(x)))
  let fraction = one
  for (let n = 120; n > 0; n--) fraction = add(one, quotient(from(n), multiply(s, fraction)))
  return quotient(one, multiply(multiply(from(x), rootPi), fraction))
}

export const erfc = (x: number): Double =>
  x < -6 ? from(2) : x < 2.5 ? sub(one, erf(x)) : multiply(gaussian(x), erfcxFar(x))

export const erfcx = (x: number): Double =>
  x < 2.5 ? multiply(expOf(square(from(x))), erfc(x)) : erfcxFar(x)

export const logErfc = (x: number): Double =>
  x < 2.5 ? logOf(erfc(x)) : sub(logOf(erfcxFar(x)), square(from(x)))

/** log(1 + x) - x */
export function log1pmx(x: number): Double {
  if (Math.abs(x) > 0.01) return sub(log1p(x), from(x))
  let power = from(-x)
  return sum(
    Array.from({ length: 18 }, (_, n) => {
      power = multiply(power, from(-x))
      return quotient(negative(power), from(n + 2))
    }),
  )
}

/** exp(x) - 1 - x */
export function expm1mx(x: number): Double {
  if (Math.abs(x) > 0.5) return sub(expm1(x), from(x))
  let power = from(x)
  return sum(Array.from({ length: 24 }, (_, n) => (power = quotient(multiply(power, from(x)), from(n + 2)))))
}

/** x, x + 1, ... below 40, and the first from 40 on, where asymptotic series are exact enough. */
function steps(x: Double): { readonly below: Double[]; readonly last: Double } {
  const below: Double[] = []
  let last = x
  for (; last[0] < 40; last = add(last, one)) below.push(last)
  return { below, last }
}

function lgammaOf(x: Double): Double {
  const { below, last } = steps(x)
  const inverse = quotient(one, last)
  let power = inverse
  const series = bernoulli.map((b, i) => {
    const k = 2 * (i + 1)
    const term = multiply(quotient(b, from(k * (k - 1))), power)
    power = multiply(power, square(inverse))
    return term
  })
  const product = below.reduce(multiply, one)
  return sum([
    sub(multiply(sub(last, half), logOf(last)), last),
    halfLogTwoPi,
    ...series,
    negative(logOf(product)),
  ])
}

function digammaOf(x: Double): Double {
  const { below, last } = steps(x)
  const inverse = square(quotient(one, last))
  let power = inverse
  const series = bernoulli.map((b, i) => {
    const term = multiply(quotient(b, from(2 * (i + 1))), power)
    power = multiply(power, inverse)
    return term
  })
  const fractions = below.map((step) => quotient(one, step))
  return sub(sub(logOf(last), quotient(half, last)), add(sum(series), sum(fractions)))
}

/** Sum of (x + n)^-s over n >= 0, for a whole s >= 2 (Euler and Maclaurin). */
function zetaOf(s: number, x: Double): Double {
  const { below, last } = steps(x)
  const power = (y: Double): Double =>
    Array.from({ length: s }, () => y).reduce((a, b) => quotient(a, b), one)
  const whole = power(last)
  let term = quotient(multiply(whole, from(s)), last)
  const series = bernoulli.map((b, i) => {
    const k = 2 * (i + 1)
    const out = quotient(multiply(b, term), from(factorial(k)))
    term = quotient(multiply(term, from((s + k - 1) * (s + k))), square(last))
    return out
  })
  return sum([
    quotient(multiply(whole, last), from(s - 1)),
    quotient(whole, from(2)),
    ...series,
    ...below.map(power),
  ])
}
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))

/** sin(pi x) and cos(pi x) for |x| <= 1/2 by their series. */
function turn(x: Double): { readonly sin: Double; readonly cos: Double } {
  const angle = multiply(pi, x)
  let term = one
  const parts: Double[] = []
  for (let n = 0; n < 30; n++) {
    parts.push(term)
    term = quotient(multiply(term, angle), from(n + 1))
  }
  const alternating = (from: number): Double =>
    sum(parts.filter((_, n) => n % 2 === from).map((part, i) => (i % 2 === 0 ? part : negative(part))))
  return { sin: alternating(1), cos: alternating(0) }
}
const apart = (x: number): Double => from(x - Math.round(x))
const magnitude = (x: Double): Double => (x[0] < 0 ? negative(x) : x)

/** For x below 0 by reflection at 0, as everywhere below. */
export const lgamma = (x: number): Double =>
  x > 0
    ? lgammaOf(from(x))
    : sub(logOf(quotient(pi, magnitude(turn(apart(x)).sin))), lgammaOf(sub(one, from(x))))

/** lgamma(1 + x); near 0 by -gamma x + zeta(2) x^2 / 2 - zeta(3) x^3 / 3 + ... */
export function lgamma1p(x: number): Double {
  if (Math.abs(x) > 1e-6) return lgammaOf(add(one, from(x)))
  const euler: Double = [0.5772156649015329, -4.942915152430645e-18]
  const zeta2 = quotient(square(pi), from(6))
  const rest = from(x ** 3 * (-1.2020569031595942 / 3 + (x * 1.082323233711138) / 4))
  return sum([multiply(from(-x), euler), multiply(zeta2, quotient(square(from(x)), from(2))), rest])
}

export function digamma(x: number): Double {
  if (x > 0) return digammaOf(from(x))
  const { sin, cos } = turn(apart(x))
  return sub(digammaOf(sub(one, from(x))), quotient(multiply(pi, cos), sin))
}

export const trigamma = (x: number): Double =>
  x > 0 ? zetaOf(2, from(x)) : sub(square(quotient(pi, turn(apart(x)).sin)), zetaOf(2, sub(one, from(x))))

export const zeta = (s: number, x: number): Double => zetaOf(s, from(x))

/** lgamma(x + y) - lgamma(x) - y log(x) */
export const logGammaRatio = (x: number, y: number): Double =>
  sub(sub(lgammaOf(add(from(x), from(y))), lgammaOf(from(x))), multiply(from(y), log(x)))

export const logGammaRatioSlope = (x: number, y: number): Double =>
  sub(sub(digammaOf(add(from(x), from(y))), digammaOf(from(x))), quotient(from(y), from(x)))
