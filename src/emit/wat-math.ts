// Elementary functions -> instructions of WebAssembly, one text for numbers and vectors. NaN goes through.
//
// No tables: a table of f64 costs a load per lane. Over f64 the algorithms are those of Sun's fdlibm without its branches,
// within 2 ULP, or where ten digits suffice shorter ones with minimax polynomials of our own, within 1e-11; over f32 those of
// Moshier's Cephes and of fdlibm's f32 form, with polynomials of our own for exp and log1p, within 3 ULP of f32. Results that
// are not normal numbers are right too.
import type { Interval, OpName } from "../ops.ts"
import type { Machine } from "./machine.ts"

const LN2 = {
  f64: { high: 6.93147180369123816e-1, low: 1.9082149292705877e-10 },
  f32: { high: 0.693359375, low: -2.1219444005469057e-4 },
}
const LOG_LN2 = { f64: LN2.f64, f32: { high: 6.9313812256e-1, low: 9.0580006145e-6 } }
/** expm1(r) by r - 2 (...): Remez coefficients of fdlibm's exp. */
const EXP_F64 = [
  1.66666666666666019e-1, -2.77777777770155934e-3, 6.61375632143793436e-5, -1.65339022054652515e-6,
  4.1381367970572385e-8,
]
/** (expm1(r) - r) / r^2: minimax polynomials for exp, off by 2^-28 and 1.2e-12 of it. */
const EXP_F32 = [0.49999994, 0.16666523, 0.04166829, 0.008368533, 0.0013818312]
const EXP_FAST = [
  0.5000000000427001, 0.16666666784507533, 0.041666664404629405, 0.008333281788687526, 0.0013889197105996834,
  0.0001990895184186481, 0.000024708338913720928,
]
const LOG_F64 = [
  6.66666666666673513e-1, 3.99999999994094191e-1, 2.85714287436623915e-1, 2.2222198432149784e-1,
  1.81835721616180501e-1, 1.53138376992093733e-1, 1.47981986051165859e-1,
]
const LOG_F32 = [6.6666662693e-1, 4.0000972152e-1, 2.8498786688e-1, 2.4279078841e-1]
/** (atanh(s) / s - 1) / s^2 of s^2 up to 1/9: minimax, off by 2^-27 and 2.8e-12 of atanh. */
const ATANH_F32 = [0.3333321, 0.20010728, 0.14001316, 0.14004417]
const ATANH_FAST = [
  0.33333333179563795, 0.20000026500148135, 0.1428419804998102, 0.11150749944156775, 0.08573926974651423,
  0.10896191185001193,
]
/** The same of s^2 up to 0.0295, as for logarithms of numbers between half and all of sqrt 2: off by 4.9e-12. */
const LOG_FAST = [0.3333333282065307, 0.20000168108057362, 0.14268619262907983, 0.11791782583258013]

/**
 * Where results leave the range of the numbers: below `low`, exp is 0; above `high`, infinite; from `normal` on it is a normal
 * number, up to `lifted` even if it is scaled up.
 */
const LIMITS = {
  f64: { low: -746, high: 710, whole: 40, normal: -708, lifted: 664 },
  f32: { low: -104, high: 89, whole: 20, normal: -87, lifted: 44 },
}

/** What exponentials of small numbers are scaled up by while they are made, so that they are normal numbers. */
const LIFT = 64

/** The bits of the number that rounds others by being added. */
const MAGIC_BITS = { f64: 0x4338000000000000n, f32: 0x4b400000n }

/** A number that nothing is known of. */
export const UNKNOWN: Interval = [-Infinity, Infinity]

const precision = (m: Machine): "f64" | "f32" => (m.isShort ? "f32" : "f64")

/** Whether the shorter algorithms do. */
const isBrief = (m: Machine): boolean => m.isShort || m.isFast

/** c0 + x (c1 + x (c2 + ...)). */
function polynomial(m: Machine, x: string, coefficients: readonly number[]): string {
  return coefficients.map((c) => m.num(c)).reduceRight((sum, c) => m.add(m.mul(sum, x), c))
}

/** The same in pairs, with the square: shorter chains of instructions that wait for each other. */
function inPairs(m: Machine, x: string, square: string, coefficients: readonly number[]): string {
  const pairs = coefficients.flatMap((c, i) => {
    if (i % 2 === 1) return []
    const next = coefficients[i + 1]
    return [next === undefined ? m.num(c) : m.add(m.num(c), m.mul(m.num(next), x))]
  })
  return pairs.reduceRight((sum, pair) => m.add(pair, m.mul(sum, square)))
}

interface Exponential {
  /** exp of the rest, minus 1. */
  readonly rest: string
  /** Powers of 2 whose product is exp of what was taken off. */
  readonly powers: readonly string[]
}

/** Splits x, from a range, into a multiple of ln 2 and a rest of at most half of it. */
function split(m: Machine, x: string, [from, to]: Interval): Exponential {
  const { low, high } = LIMITS[precision(m)]
  const above0 = from >= low ? x : m.max(x, m.num(low))
  const w = m.let(to <= high ? above0 : m.min(above0, m.num(high)))
  const bias = isBrief(m) ? biasFor(m, [from, to]) : 0
  const magic = m.num(m.magic + bias)
  const rounded = m.let(m.add(m.mul(w, m.num(Math.LOG2E)), magic))
  const k = m.let(m.sub(rounded, magic))
  if (m.isFast) {
    const r = m.let(m.sub(w, m.mul(k, m.num(Math.LN2))))
    return { rest: restBrief(m, r, EXP_FAST), powers: briefPowers(m, rounded, bias) }
  }
  const ln2 = LN2[precision(m)]
  const above = m.let(m.sub(w, m.mul(k, m.num(ln2.high))))
  const below = m.mul(k, m.num(ln2.low))
  return m.isShort
    ? { rest: restBrief(m, m.let(m.sub(above, below)), EXP_F32), powers: briefPowers(m, rounded, bias) }
    : { rest: m.let(restLong(m, above, m.let(below))), powers: longPowers(m, k) }
}

/** What is added to an exponent for its power: the bias of one normal number, of one that is lifted, or of two. */
function biasFor(m: Machine, [from, to]: Interval): number {
  const { bias } = m.format
  const { normal, lifted } = LIMITS[precision(m)]
  if (to > lifted) return 2 * bias
  return from < normal ? bias + LIFT : bias
}

/** 2^k, from k and its bias in the last bits. It may be out of range while exp is not: then as a product. */
function briefPowers(m: Machine, rounded: string, bias: number): readonly string[] {
  const { bits, bias: one } = m.format
  const power = (k: string): string => m.let(m.fromBits(m.shift("shl", k, bits)))
  const all = m.bits(rounded)
  if (bias === one) return [power(all)]
  if (bias === one + LIFT) return [power(all), m.num(2 ** -LIFT)]
  const half = m.letBits(m.shift("shr_u", all, 1))
  return [power(half), power(m.ints("sub", all, half))]
}

/** 2^k as a product of two powers. */
function longPowers(m: Machine, k: string): readonly string[] {
  const half = m.let(m.add(m.mul(k, m.num(0.5)), m.num(m.magic)))
  const other = m.add(m.sub(k, m.sub(half, m.num(m.magic))), m.num(m.magic))
  return [m.let(m.power(m.bits(half))), m.let(m.power(m.bits(other)))]
}

function restBrief(m: Machine, r: string, coefficients: readonly number[]): string {
  const square = m.let(m.mul(r, r))
  return m.let(m.add(m.mul(inPairs(m, r, square, coefficients), square), r))
}

function restLong(m: Machine, above: string, below: string): string {
  const r = m.let(m.sub(above, below))
  const t = m.let(m.mul(r, r))
  const c = m.let(m.sub(r, m.mul(t, polynomial(m, t, EXP_F64))))
  return m.sub(above, m.sub(below, m.div(m.mul(r, c), m.sub(m.num(2), c))))
}

function exp(m: Machine, x: string, range = UNKNOWN): string {
  const { rest, powers } = split(m, x, range)
  return powers.reduce((y, power) => m.mul(y, power), m.add(rest, m.num(1)))
}

/** 2^k rest + (2^k - 1), which loses nothing; from where 1 does not count, exp. */
function expm1(m: Machine, x: string, range = UNKNOWN): string {
  const { rest, powers } = split(m, x, range)
  const power = m.let(powers.reduce((y, one) => m.mul(y, one)))
  const near = m.add(m.mul(rest, power), m.sub(power, m.num(1)))
  if (range[1] <= LIMITS[precision(m)].whole) return near
  const far = powers.reduce((y, one) => m.mul(y, one), m.add(rest, m.num(1)))
  return m.select(m.lt(x, m.num(LIMITS[precision(m)].whole)), m.let(near), m.let(far))
}

/** The logarithm by exponent and s = f / (2 + f) for a number 1 + f between half and all of sqrt 2. */
function log(m: Machine, x: string, range = UNKNOWN): string {
  const { bits } = m.format
  const [root, smallest, shifted] = m.isShort
    ? [0x3f3504f3n, 2 ** -126, 24]
    : [0x3fe6a09e667f3bcdn, 2 ** -1022, 54]
  const isNormal = range[0] >= smallest && range[1] < Infinity
  const isTiny = isNormal ? "" : m.code.let(m.isVector ? "v128" : "i32", m.lt(x, m.num(smallest)))
  const given = isNormal ? x : m.let(m.select(isTiny, m.let(m.mul(x, m.num(2 ** shifted))), x))
  const normal = m.letBits(m.bits(given))
  const over = m.letBits(m.ints("sub", normal, m.long(root)))
  const exponent = m.shift("shr_s", over, bits)
  // An int in the last bits of the magic number is a number after subtraction.
  const whole = m.sub(m.fromBits(m.ints("add", exponent, m.long(MAGIC_BITS[precision(m)]))), m.num(m.magic))
  const k = m.let(isNormal ? whole : m.sub(whole, m.guard(isTiny, m.num(shifted))))
  const width = m.isShort ? 32n : 64n
  const exponentBits = BigInt.asIntN(Number(width), ((1n << width) - 1n) ^ ((1n << BigInt(bits)) - 1n))
  const f = m.let(m.sub(m.fromBits(m.ints("sub", normal, m.mask(over, exponentBits))), m.num(1)))
  const s = m.let(m.div(f, m.add(m.num(2), f)))
  const finite = m.isFast ? fastLog(m, s, k) : exactLog(m, f, s, k)
  // The bits of NaN look like a number.
  if (isNormal) return m.add(finite, m.sub(x, x))
  // A root is NaN below 0 and for NaN, infinite for infinity; 0 has no logarithm.
  return m.unless(m.both(m.lt(m.num(0), x), m.lt(x, m.num(Infinity))), finite, () =>
    m.select(m.eq(x, m.num(0)), m.num(-Infinity), m.let(m.sqrt(x))),
  )
}

/** log(1 + f) + k ln 2, of s = f / (2 + f). */
function exactLog(m: Machine, f: string, s: string, k: string): string {
  const z = m.let(m.mul(s, s))
  const series = m.mul(z, polynomial(m, z, m.isShort ? LOG_F32 : LOG_F64))
  const square = m.let(m.mul(m.mul(f, m.num(0.5)), f))
  const ln2 = LOG_LN2[precision(m)]
  const small = m.add(m.mul(s, m.add(square, series)), m.mul(k, m.num(ln2.low)))
  return m.add(m.add(m.sub(small, square), f), m.mul(k, m.num(ln2.high)))
}

const fastLog = (m: Machine, s: string, k: string): string =>
  m.add(twiceAtanh(m, s, LOG_FAST), m.mul(k, m.num(Math.LN2)))

/** 2 atanh(s). */
function twiceAtanh(m: Machine, s: string, coefficients: readonly number[]): string {
  const z = m.let(m.mul(s, s))
  const twice = m.let(m.add(s, s))
  return m.add(twice, m.mul(twice, m.mul(z, inPairs(m, z, m.let(m.mul(z, z)), coefficients))))
}

/** log(1 + x), with what 1 + x loses by rounding. */
function log1p(m: Machine, x: string, range = UNKNOWN): string {
  if (isBrief(m) && range[0] >= 0 && range[1] <= 1) return log1pBrief(m, x)
  const u = m.let(m.add(x, m.num(1)))
  const lost = m.let(m.sub(x, m.sub(u, m.num(1))))
  const isNormal = range[0] >= 0 && range[1] < LIMITS.f32.high
  const rest = isNormal ? m.div(lost, u) : m.guard(m.lt(m.num(0), m.abs(lost)), m.let(m.div(lost, u)))
  return m.add(m.let(log(m, u, isNormal ? [1, LIMITS.f32.high + 1] : UNKNOWN)), m.let(rest))
}

/** log(1 + x) from 0 to 1 by the series of 2 atanh(s), s = x / (2 + x) up to 1/3. */
const log1pBrief = (m: Machine, x: string): string =>
  twiceAtanh(m, m.let(m.div(x, m.add(x, m.num(2)))), m.isShort ? ATANH_F32 : ATANH_FAST)

/** A quotient whose divisor was rounded: `lost` is what that took from it, `inverse` 1 over it. For fewer digits it does not matter. */
function corrected(m: Machine, quotient: string, inverse: string, lost: string): string {
  return isBrief(m) ? quotient : m.sub(quotient, m.mul(m.mul(quotient, inverse), lost))
}

function tanh(m: Machine, x: string): string {
  const most = LIMITS[precision(m)].whole
  const e = m.let(expm1(m, m.let(m.min(m.mul(m.abs(x), m.num(2)), m.num(most))), [0, most]))
  const below = m.let(m.add(e, m.num(2)))
  const q = m.let(m.div(e, below))
  const lost = m.guard(m.lt(e, m.num(6)), m.let(m.sub(e, m.sub(below, m.num(2)))))
  const inverse = m.sub(m.num(0.5), m.mul(m.num(0.5), q))
  const size = m.let(corrected(m, q, inverse, lost))
  return m.select(m.lt(x, m.num(0)), m.let(m.neg(size)), m.let(m.select(m.eq(x, m.num(0)), x, size)))
}

const BELOW: Interval = [-Infinity, 0]

function sigmoid(m: Machine, x: string): string {
  const e = m.let(exp(m, m.let(m.neg(m.abs(x))), BELOW))
  const below = m.let(m.add(e, m.num(1)))
  const isNegative = m.code.let(m.isVector ? "v128" : "i32", m.lt(x, m.num(0)))
  const q = m.let(m.div(m.select(isNegative, e, m.num(1)), below))
  const inverse = m.select(isNegative, m.let(m.sub(m.num(1), q)), q)
  return corrected(m, q, inverse, m.sub(e, m.sub(below, m.num(1))))
}

/** log1p(exp(-|x|)). */
const rest = (m: Machine, x: string): string =>
  m.let(log1p(m, m.let(exp(m, m.let(m.neg(m.abs(x))), BELOW)), [0, 1]))

function logaddexp(m: Machine, x: string, y: string): string {
  const far = m.let(m.add(m.max(x, y), rest(m, m.let(m.sub(x, y)))))
  return m.select(m.eq(x, y), m.let(m.add(x, m.num(Math.LN2))), far)
}

/** log(1 - exp x) for x < 0, switching at -ln 2 (Maechler, 2012). */
function log1mexp(m: Machine, x: string): string {
  const near = m.let(log(m, m.let(m.neg(m.let(expm1(m, x))))))
  const far = m.let(log1p(m, m.let(m.neg(m.let(exp(m, x))))))
  return m.select(m.lt(m.num(-Math.LN2), x), near, far)
}

function xlogy(m: Machine, x: string, y: string): string {
  const product = m.let(m.mul(x, m.let(log(m, y))))
  return m.select(m.both(m.eq(x, m.num(0)), m.eq(y, y)), m.num(0), product)
}

type Writer = (m: Machine, ...args: string[]) => string
type RangedWriter = (m: Machine, args: readonly string[], range: Interval) => string

/** The functions that are written here; their arguments are results of `let`, the first one from a range. */
export const elementary: Readonly<Partial<Record<OpName, RangedWriter>>> = {
  exp: (m, [x], range) => exp(m, x!, range),
  expm1: (m, [x], range) => expm1(m, x!, range),
  log: (m, [x], range) => log(m, x!, range),
  log1p: (m, [x], range) => log1p(m, x!, range),
  log1mexp: (m, [x]) => log1mexp(m, x!),
  tanh: (m, [x]) => tanh(m, x!),
  sigmoid: (m, [x]) => sigmoid(m, x!),
  softplus: (m, [x]) => m.add(m.let(m.max(x!, m.num(0))), rest(m, x!)),
  logaddexp: (m, [x, y]) => logaddexp(m, x!, y!),
  xlogy: (m, [x, y]) => xlogy(m, x!, y!),
}

/** The operators that are few instructions. */
export const direct: Readonly<Partial<Record<OpName, Writer>>> = {
  add: (m, x, y) => m.add(x, y),
  sub: (m, x, y) => m.sub(x, y),
  mul: (m, x, y) => m.mul(x, y),
  div: (m, x, y) => m.div(x, y),
  ratio: (m, x, y) => m.guard(m.ne(y, m.num(0)), m.div(x, y)),
  neg: (m, x) => m.neg(x),
  abs: (m, x) => m.abs(x),
  sqrt: (m, x) => m.sqrt(x),
  root: (m, x) => m.sqrt(x),
  floor: (m, x) => m.floor(x),
  ceil: (m, x) => m.ceil(x),
  relu: (m, x) => m.max(x, m.num(0)),
  clampMin: (m, x, low) => m.max(x, low),
  clampMax: (m, x, high) => m.min(x, high),
  clamp: (m, x, low, high) => m.min(m.max(x, low!), high!),
  max: (m, x, y) => m.max(x, y),
  min: (m, x, y) => m.min(x, y),
  idiv: (m, x, y) => m.floor(m.div(x, y)),
  mod: (m, x, y) => m.sub(x, m.let(m.mul(y, m.floor(m.div(x, y))))),
  sign: (m, x) => m.select(m.lt(m.num(0), x), m.num(1), m.let(m.select(m.lt(x, m.num(0)), m.num(-1), x))),
  stop: (_, x) => x,
  surrogate: (_, value) => value,
}

/** Comparisons of numbers. */
export const comparisons: Readonly<Partial<Record<OpName, Writer>>> = {
  eq: (m, x, y) => m.eq(x, y),
  ne: (m, x, y) => m.ne(x, y),
  lt: (m, x, y) => m.lt(x, y),
  le: (m, x, y) => m.le(x, y),
}
