// Binary floating-point numbers of any precision, exponents without end: what kernels are measured against.
//
// A number is m * 2^e; `NaN` and the infinities are the doubles of that name. Every function is right to a few units in the
// last of `bits`, relative to its own value, also where that value is tiny (log near 1, expm1 near 0). The last bit of
// what was rounded is 1, always: 1 + 1e-300 is not 1, and what is left of it less 1 is another number at each precision.

/** A finite number m * 2^e. */
export interface Finite {
  readonly m: bigint
  readonly e: number
}

/** A number; the only doubles are NaN, Infinity and -Infinity. */
export type Big = Finite | number

const zero: Finite = { m: 0n, e: 0 }
const isFinite = (x: Big): x is Finite => typeof x !== "number"
const absolute = (m: bigint): bigint => (m < 0n ? -m : m)

const large = 1n << 1000n

/** The number of bits of a whole number, or one more. */
function lengthOf(m: bigint): number {
  let length = 0
  let rest = absolute(m)
  for (; rest >= large; rest >>= 900n) length += 900
  // Rounding to a double may reach the next power of 2; one bit more does no harm.
  return length + (rest === 0n ? 0 : Math.floor(Math.log2(Number(rest))) + 1)
}

const shifted = (m: bigint, by: number): bigint => (by >= 0 ? m << BigInt(by) : m >> BigInt(-by))

const double = new DataView(new ArrayBuffer(8))

/** The exact value of a double. */
export function fromNumber(x: number): Big {
  if (!Number.isFinite(x)) return x
  double.setFloat64(0, x)
  const bits = double.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 2047n)
  const m = (bits & ((1n << 52n) - 1n)) | (exponent > 0 ? 1n << 52n : 0n)
  return { m: x < 0 ? -m : m, e: Math.max(exponent, 1) - 1075 }
}

/** The sign of a number. */
export const signOf = (x: Big): number => (isFinite(x) ? (x.m > 0n ? 1 : x.m < 0n ? -1 : 0) : Math.sign(x))

/** Where the first bit of a finite number other than 0 is: 2^(top - 1) <= |x| < 2^top, or one more. */
export const topOf = ({ m, e }: Finite): number => lengthOf(m) + e

/** The nearest double, up to rounding in the last place. */
export function toNumber(x: Big): number {
  if (!isFinite(x)) return x
  const extra = Math.max(lengthOf(x.m) - 64, 0)
  const e = x.e + extra
  const half = Math.max(-1000, Math.min(1000, Math.trunc(e / 2)))
  const rest = Math.max(-1000, Math.min(1000, e - half))
  return Number(shifted(x.m, -extra)) * 2 ** half * 2 ** rest
}

export const negate = (x: Big): Big => (isFinite(x) ? { m: -x.m, e: x.e } : -x)

/** Below 0, 0 or above 0 as x is less than, equal to or greater than y; NaN if one of them is. */
export function compare(x: Big, y: Big): number {
  if (!isFinite(x) || !isFinite(y)) {
    const [a, b] = [x, y].map((one) => (isFinite(one) ? 0 : one)) as [number, number]
    return a === b ? 0 : a - b
  }
  const [a, b] = [signOf(x), signOf(y)]
  if (a !== b || a === 0) return a - b
  const [p, q] = [topOf(x), topOf(y)]
  if (Math.abs(p - q) > 2) return a * (p - q)
  const e = Math.min(x.e, y.e)
  const difference = shifted(x.m, x.e - e) - shifted(y.m, y.e - e)
  return difference > 0n ? 1 : difference < 0n ? -1 : 0
}

/** Arithmetic and elementary functions of one precision. */
export class BigMath {
  readonly bits: number
  private readonly kept = new Map<string, bigint>()

  constructor(bits: number) {
    this.bits = bits
  }

  private round(m: bigint, e: number): Finite {
    if (m === 0n) return zero
    const extra = lengthOf(m) - this.bits
    if (extra <= 0) return { m, e }
    const short = m >> BigInt(extra)
    return { m: short << BigInt(extra) === m ? short : short | 1n, e: e + extra }
  }

  /** A value that is not exact. */
  private inexact(m: bigint, e: number): Finite {
    const extra = lengthOf(m) - this.bits
    return extra >= 0
      ? { m: (m >> BigInt(extra)) | 1n, e: e + extra }
      : { m: (m << BigInt(-extra)) | 1n, e: e + extra }
  }

  add(x: Big, y: Big): Big {
    if (!isFinite(x)) return isFinite(y) ? x : x + y
    if (!isFinite(y)) return y
    if (x.m === 0n) return y
    if (y.m === 0n) return x
    const apart = topOf(x) - topOf(y)
    if (apart > this.bits + 8) return this.inexact(x.m, x.e)
    if (apart < -this.bits - 8) return this.inexact(y.m, y.e)
    const e = Math.min(x.e, y.e)
    return this.round(shifted(x.m, x.e - e) + shifted(y.m, y.e - e), e)
  }

  sub(x: Big, y: Big): Big {
    return this.add(x, negate(y))
  }

  mul(x: Big, y: Big): Big {
    if (!isFinite(x) || !isFinite(y)) return signOf(x) * signOf(y) * Infinity
    return this.round(x.m * y.m, x.e + y.e)
  }

  div(x: Big, y: Big): Big {
    if (!isFinite(y)) return isFinite(x) && !Number.isNaN(y) ? zero : NaN
    if (!isFinite(x)) return y.m === 0n ? x : x * signOf(y)
    if (y.m === 0n) return signOf(x) * Infinity
    const more = Math.max(0, this.bits + 2 + lengthOf(y.m) - lengthOf(x.m))
    const above = x.m << BigInt(more)
    const quotient = above / y.m
    return quotient * y.m === above
      ? this.round(quotient, x.e - y.e - more)
      : this.inexact(quotient, x.e - y.e - more)
  }

  sqrt(x: Big): Big {
    if (!isFinite(x)) return x < 0 ? NaN : x
    if (x.m <= 0n) return x.m < 0n ? NaN : zero
    const more = Math.max(0, 2 * this.bits - lengthOf(x.m))
    const even = more + Math.abs((x.e - more) % 2)
    const square = x.m << BigInt(even)
    const r = root(square)
    return r * r === square ? this.round(r, (x.e - even) / 2) : this.inexact(r, (x.e - even) / 2)
  }

  /** A whole number of units of 2^-width. */
  private fixed({ m, e }: Finite, width: number): bigint {
    return shifted(m, e + width)
  }

  private constant(name: string, width: number, make: (width: number) => bigint): bigint {
    // A few widths serve all calls, so that a constant is made seldom.
    const wide = 256 * Math.ceil((width + 8) / 256)
    const key = `${name} ${wide}`
    let value = this.kept.get(key)
    if (value === undefined) this.kept.set(key, (value = make(wide)))
    return value >> BigInt(wide - width)
  }

  private ln2(width: number): bigint {
    // 2 atanh(1/3)
    return this.constant("ln2", width, (w) => 2n * series(1n << BigInt(w), 3n, 1n))
  }

  private piFixed(width: number): bigint {
    // Machin: 16 atan(1/5) - 4 atan(1/239)
    return this.constant("pi", width, (w) => {
      const one = 1n << BigInt(w + 8)
      return (16n * series(one, 5n, -1n) - 4n * series(one, 239n, -1n)) >> 8n
    })
  }

  get pi(): Finite {
    const width = this.bits + 8
    return this.round(this.piFixed(width), -width)
  }

  /** exp(r) for r from -1 to 1, both in units of 2^-width. */
  private expFixed(r: bigint, width: number): bigint {
    const halvings = Math.ceil(Math.sqrt(width / 2))
    const wide = width + 2 * halvings + 8
    const one = 1n << BigInt(wide)
    const x = shifted(r, wide - width - halvings)
    let term = x
    let sum = x
    for (let k = 2n; term !== 0n && term !== -1n; k++) {
      term = ((term * x) >> BigInt(wide)) / k
      sum += term
    }
    // (1 + s)^2 - 1 = s (2 + s) keeps what is small.
    for (let k = 0; k < halvings; k++) sum = (sum * (2n * one + sum)) >> BigInt(wide)
    return (sum + one) >> BigInt(wide - width)
  }

  exp(x: Big): Big {
    if (!isFinite(x)) return x > 0 ? Infinity : x < 0 ? zero : NaN
    if (x.m === 0n) return { m: 1n, e: 0 }
    const top = topOf(x)
    if (top > 40) return x.m > 0n ? Infinity : zero
    const width = this.bits + 16 + Math.max(0, top)
    const f = this.fixed(x, width)
    const ln2 = this.ln2(width)
    const k = (2n * f + ln2) / (2n * ln2) - (f < 0n ? 1n : 0n)
    return this.inexact(this.expFixed(f - k * ln2, width), Number(k) - width)
  }

  expm1(x: Big): Big {
    if (!isFinite(x)) return x < 0 ? fromNumber(-1) : x
    const top = x.m === 0n ? -Infinity : topOf(x)
    if (top > -1) return this.sub(this.exp(x), fromNumber(1))
    if (top < -this.bits) return x.m === 0n ? x : this.inexact(x.m, x.e)
    const width = this.bits + 16 - top
    return this.inexact(this.expFixed(this.fixed(x, width), width) - (1n << BigInt(width)), -width)
  }

  /** log(f) for f near 1, both in units of 2^-width: Halley's method, which triples the digits. */
  private logFixed(f: bigint, width: number): bigint {
    const one = 1n << BigInt(width)
    const near = toNumber({ m: f - one, e: -width })
    let y = this.fixed(fromNumber(Math.log1p(near)) as Finite, width)
    for (let right = 50; right < width; right *= 3) {
      const e = this.expFixed(y, width)
      y += (2n * (f - e) * one) / (f + e)
    }
    return y
  }

  log(x: Big): Big {
    if (!isFinite(x)) return x < 0 ? NaN : x
    if (x.m <= 0n) return x.m < 0n ? NaN : -Infinity
    const k = topOf(x)
    // From 1/2 to 1, or up to 3/2 where that is nearer to 1.
    const power = 3n << BigInt(lengthOf(x.m)) > x.m << 2n ? k - 1 : k
    const near = { m: x.m, e: x.e - power }
    if (power === 0) {
      const off = this.sub(near, fromNumber(1)) as Finite
      if (off.m === 0n) return zero
      const fine = this.bits + 32 + Math.max(0, -topOf(off))
      return this.inexact(this.logFixed(this.fixed(near, fine), fine), -fine)
    }
    const width = this.bits + 32
    const whole = BigInt(power) * this.ln2(width)
    return this.inexact(whole + this.logFixed(this.fixed(near, width), width), -width)
  }

  log1p(x: Big): Big {
    if (!isFinite(x)) return x < 0 ? NaN : x
    if (x.m === 0n) return x
    const top = topOf(x)
    if (top > -1) return this.log(this.exactSum(x))
    if (top < -this.bits) return this.inexact(x.m, x.e)
    const width = this.bits + 16 - top
    return this.inexact(this.logFixed(this.fixed(x, width) + (1n << BigInt(width)), width), -width)
  }

  /** 1 + x without rounding. */
  private exactSum(x: Finite): Big {
    if (topOf(x) > 4 * this.bits) return x
    return x.e >= 0 ? { m: shifted(x.m, x.e) + 1n, e: 0 } : { m: x.m + (1n << BigInt(-x.e)), e: x.e }
  }

  pow(x: Big, y: Big): Big {
    if (isFinite(y) && y.m === 0n) return fromNumber(1)
    if (!isFinite(x) || !isFinite(y)) return fromNumber(toNumber(x) ** toNumber(y))
    if (x.m === 0n) return y.m > 0n ? zero : Infinity
    const whole = toNumber(y)
    if (Number.isInteger(whole) && Math.abs(whole) <= 16 && compare(y, fromNumber(whole)) === 0) {
      let power: Big = x
      for (let k = 1; k < Math.abs(whole); k++) power = this.mul(power, x)
      return whole < 0 ? this.div(fromNumber(1), power) : power
    }
    if (x.m > 0n) {
      const more = new BigMath(this.bits + 64)
      const power = more.exp(more.mul(y, more.log(x)))
      return isFinite(power) ? this.round(power.m, power.e) : power
    }
    if (!Number.isInteger(whole)) return NaN
    const power = this.pow(negate(x), y)
    return whole % 2 === 0 ? power : negate(power)
  }

  tanh(x: Big): Big {
    if (!isFinite(x)) return fromNumber(Math.tanh(x))
    const e = this.expm1(this.mul(fromNumber(-2), this.abs(x)))
    const t = this.div(negate(e), this.add(e, fromNumber(2)))
    return x.m < 0n ? negate(t) : t
  }

  abs(x: Big): Big {
    return signOf(x) < 0 ? negate(x) : x
  }

  /** Sine and cosine by the nearest quarter turn and the series. */
  private turn(x: Finite): { readonly sin: Big; readonly cos: Big } {
    const width = this.bits + 32 + Math.max(0, Math.abs(x.m === 0n ? 0 : topOf(x)))
    const f = this.fixed(x, width)
    const quarter = this.piFixed(width + 1) >> 2n
    const k = (2n * f + quarter) / (2n * quarter) - (f < 0n ? 1n : 0n)
    const r = f - k * quarter
    const parts = [r, 1n << BigInt(width)]
    for (const start of [0, 1] as const) {
      let term = parts[start]!
      let sum = term
      for (let n = start === 0 ? 2n : 1n; term !== 0n && term !== -1n; n += 2n) {
        term = -(((((term * r) >> BigInt(width)) * r) >> BigInt(width)) / (n * (n + 1n)))
        sum += term
      }
      parts[start] = sum
    }
    const [s, c] = (x.m === 0n ? [zero, fromNumber(1)] : parts.map((part) => this.inexact(part, -width))) as [
      Finite,
      Finite,
    ]
    const turns = Number(((k % 4n) + 4n) % 4n)
    const sin = [s, c, negate(s), negate(c)][turns]!
    const cos = [c, negate(s), negate(c), s][turns]!
    return { sin, cos }
  }

  sin(x: Big): Big {
    return isFinite(x) ? this.turn(x).sin : NaN
  }

  cos(x: Big): Big {
    return isFinite(x) ? this.turn(x).cos : NaN
  }

  /** atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), until the series is short. */
  atan(x: Big): Big {
    if (!isFinite(x)) return this.mul(this.pi, fromNumber(Math.sign(x) / 2))
    if (x.m === 0n) return x
    const one = fromNumber(1)
    let y: Big = x
    let doublings = 0
    for (; topOf(y as Finite) > -8; doublings++)
      y = this.div(y, this.add(one, this.sqrt(this.add(one, this.mul(y, y)))))
    const square = negate(this.mul(y, y))
    let power = y
    let sum = y
    for (let n = 3; topOf(power as Finite) > topOf(y as Finite) - this.bits; n += 2) {
      power = this.mul(power, square)
      if (signOf(power) === 0) break
      sum = this.add(sum, this.div(power, fromNumber(n)))
    }
    return this.mul(sum, fromNumber(2 ** doublings))
  }

  atan2(y: Big, x: Big): Big {
    if (!isFinite(x) || !isFinite(y)) return fromNumber(Math.atan2(toNumber(y), toNumber(x)))
    if (x.m === 0n) return this.mul(this.pi, fromNumber(signOf(y) / 2))
    const angle = this.atan(this.div(y, x))
    if (x.m > 0n) return angle
    return y.m < 0n ? this.sub(angle, this.pi) : this.add(angle, this.pi)
  }

  acos(x: Big): Big {
    const one = fromNumber(1)
    if (compare(this.abs(x), one) > 0) return NaN
    if (compare(x, negate(one)) === 0) return this.pi
    return this.mul(fromNumber(2), this.atan(this.sqrt(this.div(this.sub(one, x), this.add(one, x)))))
  }
}

/** Σ sign^k one / ((2k + 1) n^(2k + 1)): atanh(1/n), or atan(1/n) with sign -1. */
function series(one: bigint, n: bigint, sign: bigint): bigint {
  let power = one / n
  let sum = power
  for (let k = 3n; power !== 0n; k += 2n) {
    power = (sign * power) / (n * n)
    sum += power / k
  }
  return sum
}

/** The whole part of a square root, by Newton's method. */
function root(n: bigint): bigint {
  let x = 1n << BigInt(Math.ceil(lengthOf(n) / 2))
  for (;;) {
    const next = (x + n / x) >> 1n
    if (next >= x) return x
    x = next
  }
}
