// The operators over complex numbers: what each becomes when a real function is continued into the complex plane.
//
// With f(x + ih) for a tiny h, the imaginary part divided by h is the derivative of f at x to the last bit, because nothing is
// subtracted. None of it uses the derivatives of the operator table, so it judges them. Comparisons, selections and the
// pieces of piecewise functions are decided by the real parts; at a kink the imaginary part follows the subgradient that
// lossc documents. Where a real function has no value (the logarithm of a negative number), neither has the complex one.
import { functionOf } from "./functions.ts"
import type { OpName } from "./ops.ts"
import type { Numbers } from "./run/interpret.ts"
import { sorted } from "./run/sorted.ts"

/** A complex number. */
export interface Complex {
  readonly re: number
  readonly im: number
}

const {
  abs,
  asinh,
  atan,
  atan2,
  ceil,
  cos,
  cosh,
  exp,
  expm1,
  floor,
  hypot,
  log,
  log1p,
  pow,
  sign,
  sin,
  sinh,
  sqrt,
  tanh,
} = Math

/** Makes a complex number. */
export const complex = (re: number, im = 0): Complex => ({ re, im })

/** The step whose square is nothing beside 1, and whose products with ordinary derivatives are exact. */
export const step = 1e-200

const zero = complex(0)
const nan = complex(NaN, NaN)
const boolean = (value: boolean): Complex => complex(+value)

/** A product in which an imaginary part that is 0 stays 0 whatever it meets: a constant has no derivative. */
const times = (factor: number, part: number): number => (part === 0 ? 0 : factor * part)

const add = (x: Complex, y: Complex): Complex => complex(x.re + y.re, x.im + y.im)
const sub = (x: Complex, y: Complex): Complex => complex(x.re - y.re, x.im - y.im)
const neg = (x: Complex): Complex => complex(-x.re, -x.im)
const mul = (x: Complex, y: Complex): Complex => {
  const last = x.im === 0 || y.im === 0 ? 0 : x.im * y.im
  return complex(last === 0 ? x.re * y.re : x.re * y.re - last, times(y.re, x.im) + times(x.re, y.im))
}

/** Smith's division, which neither overflows nor cancels. */
const div = (x: Complex, y: Complex): Complex => {
  if (y.im === 0) return complex(x.re / y.re, x.im === 0 ? 0 : x.im / y.re)
  if (abs(y.re) >= abs(y.im)) {
    const r = y.im / y.re
    const d = y.re + y.im * r
    return complex((x.re + times(r, x.im)) / d, (x.im - times(x.re, r)) / d)
  }
  const r = y.re / y.im
  const d = y.re * r + y.im
  return complex((x.re * r + x.im) / d, (x.im * r - x.re) / d)
}

const cexp = (x: Complex): Complex => {
  const e = exp(x.re)
  return x.im === 0 ? complex(e) : complex(e * cos(x.im), times(e, sin(x.im)))
}
const cexpm1 = (x: Complex): Complex => {
  const half = sin(x.im / 2)
  return complex(expm1(x.re) * cos(x.im) - 2 * half * half, times(exp(x.re), sin(x.im)))
}
const clog = (x: Complex): Complex => {
  if (x.re < 0) return nan
  if (x.im === 0) return complex(log(x.re))
  return complex(
    x.re > abs(x.im) ? log(x.re) + 0.5 * log1p(square(x.im / x.re)) : log(hypot(x.re, x.im)),
    atan2(x.im, x.re),
  )
}
const clog1p = (x: Complex): Complex => {
  if (x.re < -1) return nan
  const one = 1 + x.re
  if (x.im === 0) return complex(log1p(x.re))
  return complex(
    one > abs(x.im) ? log1p(x.re) + 0.5 * log1p(square(x.im / one)) : log(hypot(one, x.im)),
    atan2(x.im, one),
  )
}
const square = (x: number): number => x * x

/** The principal root; at 0 the derivative is infinite. */
const csqrt = (x: Complex): Complex => {
  if (x.re < 0) return nan
  const s = abs(x.im) <= x.re * 1e-9 || x.re === 0 ? sqrt(x.re) : sqrt((hypot(x.re, x.im) + x.re) / 2)
  return complex(s, x.im === 0 ? 0 : x.im / (2 * s))
}

const csin = (x: Complex): Complex => complex(sin(x.re) * cosh(x.im), times(cos(x.re), sinh(x.im)))
const ccos = (x: Complex): Complex => complex(cos(x.re) * cosh(x.im), -times(sin(x.re), sinh(x.im)))

const ctanh = (x: Complex): Complex => {
  if (abs(x.re) > 300) return complex(tanh(x.re))
  const d = cosh(2 * x.re) + cos(2 * x.im)
  return complex(abs(x.im) < 1e-9 ? tanh(x.re) : sinh(2 * x.re) / d, sin(2 * x.im) / d)
}

const catan = ({ re: a, im: b }: Complex): Complex =>
  complex(
    abs(b) < 1e-9 ? atan(a) : 0.5 * atan2(2 * a, 1 - a * a - b * b),
    b === 0 ? 0 : 0.25 * log1p((4 * b) / (a * a + square(1 - b))),
  )

/** From the arc tangent of whichever quotient is at most 1. */
const catan2 = (y: Complex, x: Complex): Complex => {
  if (x.re === 0 && y.re === 0) return complex(atan2(y.re, x.re))
  const turned = abs(y.re) > abs(x.re)
  const { im } = turned ? neg(catan(div(x, y))) : catan(div(y, x))
  return complex(atan2(y.re, x.re), im)
}

/** Kahan's arc cosine, which keeps a tiny imaginary part. */
const cacos = (x: Complex): Complex => {
  if (abs(x.re) > 1) return nan
  if (x.im === 0) return complex(Math.acos(x.re))
  const below = csqrt(complex(1 - x.re, -x.im))
  const above = csqrt(complex(1 + x.re, x.im))
  return complex(2 * atan2(below.re, above.re), asinh(times(above.re, below.im) - times(below.re, above.im)))
}

const cpow = (x: Complex, y: Complex): Complex => {
  if (y.re === 0 && y.im === 0) return complex(1)
  if (x.re < 0) {
    if (y.im !== 0 || !Number.isInteger(y.re)) return nan
    const p = cpow(neg(x), y)
    return y.re % 2 === 0 ? p : neg(p)
  }
  if (x.re === 0) {
    // Whole positive powers of a tiny imaginary number vanish, the first excepted; below 1 the slope is infinite.
    const value = pow(0, y.re)
    if (x.im === 0 || y.re === 0 || y.re > 1) return complex(value)
    return complex(value, y.re === 1 ? x.im : y.re * x.im * Infinity)
  }
  // x^y = a^Re(y) * exp(i Im(y) log a + y log(1 + i b / a))
  const t = x.im / x.re
  const turn = mul(y, complex(0.5 * log1p(t * t), atan(t)))
  const e = cexp(complex(turn.re, turn.im + times(log(x.re), y.im)))
  const scale = pow(x.re, y.re)
  return complex(scale * e.re, times(scale, e.im))
}

const csigmoid = (x: Complex): Complex => {
  if (x.re >= 0) return div(complex(1), add(complex(1), cexp(neg(x))))
  const e = cexp(x)
  return div(e, add(complex(1), e))
}
const csoftplus = (x: Complex): Complex => (x.re > 0 ? add(x, clog1p(cexp(neg(x)))) : clog1p(cexp(x)))
const clog1mexp = (x: Complex): Complex => (x.re > -Math.LN2 ? clog(neg(cexpm1(x))) : clog1p(neg(cexp(x))))
const clogaddexp = (x: Complex, y: Complex): Complex => {
  if (x.re === y.re && !Number.isFinite(x.re)) return complex(x.re)
  const [most, least] = x.re >= y.re ? [x, y] : [y, x]
  // What weighs nothing has no derivative, however fast it moves.
  return least.re === -Infinity ? most : add(most, clog1p(cexp(sub(least, most))))
}

const clampMin = (x: Complex, low: Complex): Complex => (Number.isNaN(low.re) || x.re < low.re ? low : x)
const clampMax = (x: Complex, high: Complex): Complex => (Number.isNaN(high.re) || x.re > high.re ? high : x)

/** The largest (or smallest) by real part; those that tie share the imaginary part evenly. */
function extreme(values: readonly Complex[], direction: 1 | -1): Complex {
  let best = -Infinity
  let part = 0
  let ties = 0
  for (const { re, im } of values) {
    if (Number.isNaN(re)) return nan
    const key = direction * re
    if (ties === 0 || key > best) {
      best = key
      part = im
      ties = 1
    } else if (key === best) {
      part += im
      ties++
    }
  }
  return complex(direction * best, part / ties)
}

function logsumexp(values: readonly Complex[]): Complex {
  const most = extreme(values, 1).re
  if (!Number.isFinite(most)) return complex(most, 0)
  return add(complex(most), clog(values.map((x) => cexp(sub(x, complex(most)))).reduce(add)))
}

/** A function of special.ts: its text holds for complex numbers too. */
const defined = (name: string): ((...args: Complex[]) => Complex) =>
  functionOf(name, {
    of: complex,
    real: (value) => value.re,
    apply: (op, args) => operators[op as OpName](...args),
  })

// prettier-ignore
const operators: Readonly<Record<OpName, (...args: Complex[]) => Complex>> = {
  add, sub, mul, div, neg,
  ratio: (x, y) => (y.re === 0 ? zero : div(x, y)),
  pow: cpow,
  idiv: (x, y) => complex(floor(x.re / y.re)),
  mod: (x, y) => complex(x.re - y.re * floor(x.re / y.re)),

  exp: cexp, expm1: cexpm1, log: clog, log1p: clog1p, log1mexp: clog1mexp,
  sqrt: csqrt,
  root: (x) => (x.re === 0 ? zero : csqrt(x)),
  sigmoid: csigmoid, softplus: csoftplus, logaddexp: clogaddexp,
  xlogy: (x, y) => (x.re === 0 && !Number.isNaN(y.re) ? complex(0, x.im === 0 ? 0 : x.im * log(y.re)) : mul(x, clog(y))),
  tanh: ctanh, sin: csin, cos: ccos, atan: catan, atan2: catan2, acos: cacos,
  gaussian: defined("gaussian"),
  erf: defined("erf"),
  erfc: defined("erfc"),
  erfcx: defined("erfcx"),
  logErfc: defined("logErfc"),
  log1pmx: defined("log1pmx"),
  expm1mx: defined("expm1mx"),
  pow1pm1: defined("pow1pm1"),
  lgamma: defined("lgamma"),
  lgamma1p: defined("lgamma1p"),
  digamma: defined("digamma"),
  trigamma: defined("trigamma"),
  zeta: defined("zeta"),
  logGammaRatio: defined("logGammaRatio"),
  logGammaRatioSlope: defined("logGammaRatioSlope"),

  abs: (x) => (x.re > 0 ? x : x.re < 0 ? neg(x) : complex(abs(x.re))),
  sign: (x) => complex(sign(x.re)),
  relu: (x) => (x.re > 0 ? x : complex(x.re <= 0 ? 0 : x.re)),
  clampMin, clampMax,
  clamp: (x, low, high) => clampMax(clampMin(x, low), high),
  max: (...both) => extreme(both, 1),
  min: (...both) => extreme(both, -1),
  floor: (x) => complex(floor(x.re)),
  ceil: (x) => complex(ceil(x.re)),

  eq: (x, y) => boolean(x.re === y.re),
  ne: (x, y) => boolean(x.re !== y.re),
  lt: (x, y) => boolean(x.re < y.re),
  le: (x, y) => boolean(x.re <= y.re),
  and: (x, y) => boolean(x.re !== 0 && y.re !== 0),
  or: (x, y) => boolean(x.re !== 0 || y.re !== 0),
  not: (x) => boolean(x.re === 0),
  select: (c, x, y) => (c.re !== 0 ? x : y),
  guard: (c, x) => (c.re !== 0 ? x : zero),
  indicator: (c) => complex(c.re),
  stop: (x) => complex(x.re),
  surrogate: (value, through) => complex(value.re, through.im),
}

/** Complex numbers for the interpreter. */
export const complexes: Numbers<Complex> = {
  of: complex,
  real: (value) => value.re,
  apply: (op, args) => operators[op](...args),
  fold: {
    sum: (values) => values.reduce(add),
    prod: (values) => values.reduce(mul),
    max: (values) => extreme(values, 1),
    min: (values) => extreme(values, -1),
    logsumexp,
  },
  sort: (values) => sorted(values.map((value) => value.re)),
}
