// The error function, the gamma function and their kin in any precision, from their series.
import {
  type Big,
  BigMath,
  type Finite,
  compare,
  fromNumber,
  negate,
  signOf,
  toNumber,
  topOf,
} from "./big.ts"

const zero = fromNumber(0)
const one = fromNumber(1)
const two = fromNumber(2)
const isFinite = (x: Big): x is Finite => typeof x !== "number"

/** Numerators and denominators of the Bernoulli numbers B2, B4, …, as far as they were needed. */
const bernoulli: { readonly above: bigint; readonly below: bigint }[] = []

/** B(2 k), from the tangent numbers (Brent and Harvey, Fast computation of Bernoulli, tangent and secant numbers, 2011). */
function bernoulliNumber(k: number): { readonly above: bigint; readonly below: bigint } {
  if (bernoulli.length < k) {
    const count = Math.max(32, 2 * k)
    const tangents = [0n, 1n]
    for (let i = 2; i <= count; i++) tangents[i] = BigInt(i - 1) * tangents[i - 1]!
    for (let i = 2; i <= count; i++)
      for (let j = i; j <= count; j++)
        tangents[j] = BigInt(j - i) * tangents[j - 1]! + BigInt(j - i + 2) * tangents[j]!
    bernoulli.length = 0
    for (let i = 1; i <= count; i++) {
      const four = 1n << BigInt(2 * i)
      bernoulli.push({ above: (i % 2 ? 1n : -1n) * 2n * BigInt(i) * tangents[i]!, below: four * (four - 1n) })
    }
  }
  return bernoulli[k - 1]!
}

/** Functions of one precision. */
export class BigGamma {
  private readonly math: BigMath

  constructor(math: BigMath) {
    this.math = math
  }

  private bernoulli(k: number): Big {
    const { above, below } = bernoulliNumber(k)
    return this.math.div({ m: above, e: 0 }, { m: below, e: 0 })
  }

  gaussian(x: Big): Big {
    return this.math.exp(negate(this.math.mul(x, x)))
  }

  erf(x: Big): Big {
    if (!isFinite(x)) return fromNumber(Math.sign(x))
    if (x.m === 0n) return zero
    const near = Math.abs(toNumber(x))
    if (near * near > 4 * this.math.bits) {
      const rest = this.erfc(this.math.abs(x))
      return signOf(x) > 0 ? this.math.sub(one, rest) : this.math.sub(rest, one)
    }
    return this.series(this.math, x)
  }

  /** 2 / sqrt(pi) exp(-x^2) times the sum of 2^n x^(2 n + 1) / (1 3 5 … (2 n + 1)): no term is negative. */
  private series(math: BigMath, x: Finite): Big {
    const square = math.mul(two, math.mul(x, x))
    let term: Big = x
    let sum: Big = x
    for (let n = 3; topOf(term as Finite) > topOf(sum as Finite) - math.bits - 2; n += 2) {
      term = math.div(math.mul(term, square), fromNumber(n))
      sum = math.add(sum, term)
    }
    const scale = math.div(math.mul(two, math.exp(negate(math.mul(x, x)))), math.sqrt(math.pi))
    return math.mul(scale, sum)
  }

  erfc(x: Big): Big {
    if (!isFinite(x)) return fromNumber(x > 0 ? 0 : x < 0 ? 2 : NaN)
    const { math } = this
    const near = toNumber(x)
    if (near < 1) return math.sub(one, this.erf(x))
    if (near * near > 0.8 * math.bits + 8) return math.mul(this.gaussian(x), this.asymptotic(x))
    const more = new BigMath(math.bits + Math.ceil(1.45 * near * near) + 32)
    return math.add(more.sub(one, this.series(more, x)), zero)
  }

  /** exp(x^2) erfc(x) for large x. */
  private asymptotic(x: Finite): Big {
    const { math } = this
    const step = math.div(fromNumber(-0.5), math.mul(x, x))
    let term: Big = one
    let sum: Big = one
    for (let n = 1; topOf(term as Finite) > -math.bits - 2; n += 2) {
      term = math.mul(math.mul(term, step), fromNumber(n))
      if (signOf(term) === 0) break
      sum = math.add(sum, term)
    }
    return math.div(sum, math.mul(x, math.sqrt(math.pi)))
  }

  erfcx(x: Big): Big {
    if (isFinite(x) && toNumber(x) ** 2 > 0.8 * this.math.bits + 8 && signOf(x) > 0) return this.asymptotic(x)
    return this.math.mul(this.math.exp(this.math.mul(x, x)), this.erfc(x))
  }

  logErfc(x: Big): Big {
    if (isFinite(x) && signOf(x) > 0 && toNumber(x) > 1)
      return this.math.sub(this.math.log(this.erfcx(x)), this.math.mul(x, x))
    return this.math.log(this.erfc(x))
  }

  /** How far arguments are moved up before Stirling's series: its terms fall below the last bit there. */
  private start(x: Finite): number {
    return Math.max(0, Math.ceil(this.math.bits / 4 + 8 - toNumber(x)))
  }

  lgamma(x: Big): Big {
    if (!isFinite(x)) return Math.abs(x)
    const { math } = this
    const near = toNumber(x)
    if (signOf(x) <= 0) {
      if (compare(x, fromNumber(Math.floor(near))) === 0) return Infinity
      const sine = math.abs(math.sin(math.mul(math.pi, x)))
      return math.sub(math.log(math.div(math.pi, sine)), this.lgamma(math.sub(one, x)))
    }
    const steps = this.start(x)
    let product: Big = one
    for (let k = 0; k < steps; k++) product = math.mul(product, math.add(x, fromNumber(k)))
    const z = math.add(x, fromNumber(steps)) as Finite
    const half = fromNumber(0.5)
    let sum = math.sub(math.mul(math.sub(z, half), math.log(z)), z)
    sum = math.add(sum, math.mul(half, math.log(math.mul(two, math.pi))))
    const square = math.mul(z, z)
    let power: Big = z
    for (let k = 1; ; k++) {
      const term = math.div(this.bernoulli(k), math.mul(fromNumber(2 * k * (2 * k - 1)), power)) as Finite
      if (topOf(term) < topOf(sum as Finite) - math.bits) break
      sum = math.add(sum, term)
      power = math.mul(power, square)
    }
    return math.sub(sum, math.log(product))
  }

  digamma(x: Big): Big {
    if (!isFinite(x)) return x > 0 ? x : NaN
    const { math } = this
    if (signOf(x) <= 0) {
      if (compare(x, fromNumber(Math.floor(toNumber(x)))) === 0) return signOf(x) === 0 ? -Infinity : NaN
      const turn = math.mul(math.pi, x)
      const cotangent = math.div(math.cos(turn), math.sin(turn))
      return math.sub(this.digamma(math.sub(one, x)), math.mul(math.pi, cotangent))
    }
    const steps = this.start(x)
    const z = math.add(x, fromNumber(steps)) as Finite
    let sum = math.sub(math.log(z), math.div(fromNumber(0.5), z))
    const square = math.mul(z, z)
    let power = square
    for (let k = 1; ; k++) {
      const term = math.div(this.bernoulli(k), math.mul(fromNumber(2 * k), power)) as Finite
      if (topOf(term) < -math.bits) break
      sum = math.sub(sum, term)
      power = math.mul(power, square)
    }
    for (let k = 0; k < steps; k++) sum = math.sub(sum, math.div(one, math.add(x, fromNumber(k))))
    return sum
  }

  trigamma(x: Big): Big {
    const { math } = this
    if (!isFinite(x) || signOf(x) >= 0) return this.zeta(2, x)
    const sine = math.div(math.pi, math.sin(math.mul(math.pi, x)))
    return math.sub(math.mul(sine, sine), this.zeta(2, math.sub(one, x)))
  }

  /** The sum of (x + n)^-s over n >= 0 for x > 0, by Euler and Maclaurin. */
  zeta(s: number, x: Big): Big {
    if (!isFinite(x)) return x > 0 ? zero : NaN
    if (x.m === 0n) return Infinity
    const { math } = this
    const steps = this.start(x)
    let sum: Big = zero
    const power = fromNumber(-s)
    for (let k = 0; k < steps; k++) sum = math.add(sum, math.pow(math.add(x, fromNumber(k)), power))
    const z = math.add(x, fromNumber(steps))
    const last = math.pow(z, power)
    sum = math.add(sum, math.div(math.mul(z, last), fromNumber(s - 1)))
    sum = math.add(sum, math.mul(last, fromNumber(0.5)))
    const square = math.mul(z, z)
    // s (s + 1) … (s + 2 k - 2) / (2 k)! z^(1 - s - 2 k)
    let factor = math.div(math.mul(last, fromNumber(s / 2)), z)
    for (let k = 1; ; k++) {
      const term = math.mul(this.bernoulli(k), factor) as Finite
      if (topOf(term) < topOf(sum as Finite) - math.bits) break
      sum = math.add(sum, term)
      const next = (s + 2 * k - 1) * (s + 2 * k)
      factor = math.div(
        math.mul(factor, fromNumber(next)),
        math.mul(square, fromNumber((2 * k + 1) * (2 * k + 2))),
      )
    }
    return sum
  }
}
