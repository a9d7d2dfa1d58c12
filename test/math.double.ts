// Numbers as sums of two doubles: elementary functions to about 30 digits, to judge those of one double.
// Algorithms for sums and products: Dekker, A floating-point technique for extending the available precision (1971).

/** The value is the exact sum of the two; the second is below half a unit in the last place of the first. */
export type Double = readonly [high: number, low: number]

export const from = (x: number): Double => [x, 0]
export const toNumber = ([high, low]: Double): number => high + low

function quickSum(a: number, b: number): Double {
  const s = a + b
  return [s, b - (s - a)]
}

function sum(a: number, b: number): Double {
  const s = a + b
  const t = s - a
  return [s, a - (s - t) + (b - t)]
}

function product(a: number, b: number): Double {
  const split = (x: number): Double => {
    const t = 134217729 * x
    const high = t - (t - x)
    return [high, x - high]
  }
  const p = a * b
  const [ah, al] = split(a)
  const [bh, bl] = split(b)
  return [p, al * bl - (p - ah * bh - al * bh - ah * bl)]
}

export function add(a: Double, b: Double): Double {
  const [s, e] = sum(a[0], b[0])
  const [t, f] = sum(a[1], b[1])
  const [u, g] = quickSum(s, e + t)
  return quickSum(u, g + f)
}

export function multiply(a: Double, b: Double): Double {
  const [p, e] = product(a[0], b[0])
  return quickSum(p, e + a[0] * b[1] + a[1] * b[0])
}

export function quotient(a: Double, b: Double): Double {
  const q = a[0] / b[0]
  const r = add(a, multiply(b, from(-q)))
  return quickSum(q, (r[0] + r[1]) / b[0])
}

/** ln 2 in three doubles of which the first two have few bits. */
const LN2: Double = [0.6931471805599453, 2.3190468138462996e-17]
const SQUARINGS = 9

/** expm1 by its series at x / 2^9 and (e^2x - 1) = (e^x - 1)(e^x + 1); |x| < 1. */
function expm1Near(x: Double): Double {
  const scale = 2 ** -SQUARINGS
  const r: Double = [x[0] * scale, x[1] * scale]
  let term = r
  let out = r
  for (let k = 2; k < 12; k++) {
    term = quotient(multiply(term, r), from(k))
    out = add(out, term)
  }
  for (let k = 0; k < SQUARINGS; k++) out = multiply(out, add(out, from(2)))
  return out
}

function reduced(x: number): { power: number; rest: Double } {
  const power = Math.abs(x) < 0.5 ? 0 : Math.round(x / Math.LN2)
  return { power, rest: add(from(x), multiply(LN2, from(-power))) }
}

const scaled = ([high, low]: Double, power: number): Double => {
  // In two steps, because 2^1024 is no double.
  const half = Math.trunc(power / 2)
  return [high * 2 ** half * 2 ** (power - half), low * 2 ** half * 2 ** (power - half)]
}

export function exp(x: number): Double {
  const { power, rest } = reduced(x)
  return scaled(add(expm1Near(rest), from(1)), power)
}

export function expm1(x: number): Double {
  const { power, rest } = reduced(x)
  const near = expm1Near(rest)
  return power === 0 ? near : add(scaled(add(near, from(1)), power), from(-1))
}

/** log(1 + x) by a step of Newton's method from the engine's value. */
export function log1p(x: number): Double {
  const y = Math.log1p(x)
  if (Math.abs(x) < 1e-20) return [x, -0.5 * x * x]
  if (y === 0 || !Number.isFinite(y) || Math.abs(y) > 600) return from(y)
  const e = expm1(y)
  return add(from(y), quotient(add(from(x), [-e[0], -e[1]]), add(e, from(1))))
}

export function log(x: number): Double {
  if (x > 0.5 && x < 2) return log1p(x - 1)
  const y = Math.log(x)
  if (!Number.isFinite(y) || Math.abs(y) > 600) return from(y)
  const e = exp(y)
  return add(from(y), quotient(add(from(x), [-e[0], -e[1]]), e))
}

export const logOf = ([high, low]: Double): Double => add(log(high), log1p(low / high))
export const log1pOf = ([high, low]: Double): Double => add(log1p(high), from(low / (1 + high)))
