// The operators over numbers of any precision, straight from their definitions: nothing here is stabilised, since digits are
// never short. Selections are decided by the exact values.
import type { OpName } from "../../src/ops.ts"
import type { FoldName, Numbers } from "../../src/run/interpret.ts"
import { BigGamma } from "./gamma.ts"
import { type Big, BigMath, compare, fromNumber, negate, signOf, toNumber, topOf } from "./big.ts"

const zero = fromNumber(0)
const one = fromNumber(1)
const boolean = (value: boolean): Big => (value ? one : zero)
const isTrue = (x: Big): boolean => signOf(x) !== 0
const isNaN = (x: Big): boolean => Number.isNaN(x)

/** The larger (or smaller) of two; NaN if one is. */
const extreme =
  (direction: 1 | -1) =>
  (x: Big, y: Big): Big =>
    isNaN(x) || isNaN(y) ? NaN : compare(x, y) * direction >= 0 ? x : y

const largest = extreme(1)
const smallest = extreme(-1)

/** Numbers of a precision for the interpreter. */
export function bigNumbers(bits: number): Numbers<Big> {
  const math = new BigMath(bits)
  const gamma = new BigGamma(math)
  const { add, sub, mul, div, exp, log } = bound(math)
  const sigmoid = (x: Big): Big => div(one, add(one, exp(negate(x))))
  const whole = (x: Big, round: (value: number) => number): Big => {
    const near = round(toNumber(x))
    // A number just beside an int is nearer to it than doubles can tell.
    const side = compare(fromNumber(near), x)
    return fromNumber(
      round === Math.floor && side > 0 ? near - 1 : round === Math.ceil && side < 0 ? near + 1 : near,
    )
  }
  const floor = (x: Big): Big => whole(x, Math.floor)
  const logsumexp = (values: readonly Big[]): Big => {
    const most = values.reduce(largest)
    if (typeof most === "number") return most
    return add(most, log(values.map((x) => exp(sub(x, most))).reduce(add)))
  }
  // prettier-ignore
  const operators: Readonly<Record<OpName, (...args: Big[]) => Big>> = {
    add, sub, mul, div, neg: negate,
    ratio: (x, y) => (signOf(y) === 0 ? zero : div(x, y)),
    pow: (x, y) => math.pow(x, y),
    idiv: (x, y) => floor(div(x, y)),
    mod: (x, y) => sub(x, mul(y, floor(div(x, y)))),

    exp, expm1: (x) => math.expm1(x), log, log1p: (x) => math.log1p(x),
    log1mexp: (x) => log(negate(math.expm1(x))),
    sqrt: (x) => math.sqrt(x), root: (x) => math.sqrt(x),
    sigmoid,
    softplus: (x) => math.log1p(exp(x)) === Infinity ? x : math.log1p(exp(x)),
    logaddexp: (x, y) => logsumexp([x, y]),
    xlogy: (x, y) => (signOf(x) === 0 && !isNaN(y) ? zero : mul(x, log(y))),
    tanh: (x) => math.tanh(x), sin: (x) => math.sin(x), cos: (x) => math.cos(x),
    atan: (x) => math.atan(x), acos: (x) => math.acos(x),
    atan2: (y, x) => math.atan2(y, x),

    gaussian: (x) => gamma.gaussian(x), erf: (x) => gamma.erf(x), erfc: (x) => gamma.erfc(x), erfcx: (x) => gamma.erfcx(x),
    logErfc: (x) => gamma.logErfc(x),
    log1pmx: (x) => sub(math.log1p(x), x),
    expm1mx: (x) => sub(math.expm1(x), x),
    pow1pm1: (x, y) => sub(math.pow(add(one, x), y), one),
    lgamma: (x) => gamma.lgamma(x), lgamma1p: (x) => gamma.lgamma(add(one, x)), digamma: (x) => gamma.digamma(x), trigamma: (x) => gamma.trigamma(x),
    zeta: (s, x) => gamma.zeta(toNumber(s), x),
    logGammaRatio: (x, y) => sub(sub(gamma.lgamma(add(x, y)), gamma.lgamma(x)), mul(y, log(x))),
    logGammaRatioSlope: (x, y) => sub(sub(gamma.digamma(add(x, y)), gamma.digamma(x)), div(y, x)),


    abs: (x) => math.abs(x),
    sign: (x) => fromNumber(signOf(x)),
    relu: (x) => largest(x, zero),
    clampMin: largest, clampMax: smallest,
    clamp: (x, low, high) => smallest(largest(x, low), high),
    max: largest, min: smallest,
    floor, ceil: (x) => whole(x, Math.ceil),

    eq: (x, y) => boolean(compare(x, y) === 0),
    ne: (x, y) => boolean(compare(x, y) !== 0),
    lt: (x, y) => boolean(compare(x, y) < 0),
    le: (x, y) => boolean(compare(x, y) <= 0),
    and: (x, y) => boolean(isTrue(x) && isTrue(y)),
    or: (x, y) => boolean(isTrue(x) || isTrue(y)),
    not: (x) => boolean(!isTrue(x)),
    select: (c, x, y) => (isTrue(c) ? x : y),
    guard: (c, x) => (isTrue(c) ? x : zero),
    indicator: (c) => c,
    stop: (x) => x,
    surrogate: (value) => value,
  }
  return {
    of: fromNumber,
    real: toNumber,
    apply: (op, args) => operators[op](...args),
    fold: {
      sum: (values) => values.reduce(add),
      prod: (values) => values.reduce(mul),
      max: (values) => values.reduce(largest),
      min: (values) => values.reduce(smallest),
      logsumexp,
    },
    sort: (values) => {
      const isNone = (i: number): number => +Number.isNaN(values[i]!)
      return values
        .map((_, i) => i)
        .sort((i, j) => isNone(i) - isNone(j) || compare(values[i]!, values[j]!) || i - j)
    },
  }
}

/** What choices an evaluation made. */
export interface Choices {
  /** Two evaluations with one fingerprint used one smooth formula. */
  readonly print: number
  /** How many bits two different numbers that were compared share, at most: with so many digits they can hardly be told apart. */
  readonly shared: number
}

/** The same numbers, noting the choices that are made. `term` is the size of what rounding leaves in a number. */
export function choosing<V>(
  numbers: Numbers<V>,
  valueOf: (x: V) => Big,
  termOf: (x: V) => Big,
): {
  readonly numbers: Numbers<V>
  readonly choices: () => Choices
} {
  let hash = 0
  let shared = 0
  const none = numbers.of(0)
  const note = (x: V, y: V): void => {
    const [a, b] = [valueOf(x), valueOf(y)]
    shared = Math.max(shared, sharedBits(a, b, largest(termOf(x), termOf(y))))
    hash = Math.imul(hash ^ (Math.sign(compare(a, b)) + 2), 0x01000193) ^ (hash >>> 15)
  }
  const apply = (op: OpName, args: readonly V[]): V => {
    const [x, y = none, z] = args as [V, V?, V?]
    if (deciding.has(op)) note(x, y)
    if (z !== undefined && deciding.has(op)) note(x, z)
    return numbers.apply(op, args)
  }
  const choose =
    (fold: (values: readonly V[]) => V) =>
    (values: readonly V[]): V => {
      const best = fold(values)
      for (const value of values) note(value, best)
      return best
    }
  const sort = (values: readonly V[]): readonly number[] => {
    const order = numbers.sort(values)
    for (let i = 1; i < order.length; i++) note(values[order[i - 1]!]!, values[order[i]!]!)
    return order
  }
  const { max, min } = numbers.fold
  return {
    numbers: { ...numbers, apply, sort, fold: { ...numbers.fold, max: choose(max), min: choose(min) } },
    choices: () => ({ print: hash, shared }),
  }
}

/** How many bits below the first one of a size the difference of two different numbers begins. */
function sharedBits(x: Big, y: Big, size: Big): number {
  if (typeof x === "number" || typeof y === "number" || typeof size === "number") return 0
  const [p, q, most] = [x, y, size].map((one) => (one.m === 0n ? -Infinity : topOf(one))) as [
    number,
    number,
    number,
  ]
  if (most === -Infinity) return 0
  if (p === -Infinity || q === -Infinity || Math.abs(p - q) > 1) return p === q ? 0 : most - Math.max(p, q)
  const e = Math.min(x.e, y.e)
  const difference = (x.m << BigInt(x.e - e)) - (y.m << BigInt(y.e - e))
  return difference === 0n ? 0 : most - topOf({ m: difference, e })
}

/** Operators that are not smooth where their first two operands are equal, or the only one is 0. */
const deciding: ReadonlySet<OpName> = new Set<OpName>([
  "eq",
  "ne",
  "lt",
  "le",
  "max",
  "min",
  "relu",
  "clampMin",
  "clampMax",
  "clamp",
  "abs",
  "sign",
  "ratio",
  "root",
])

type Binary = "add" | "sub" | "mul" | "div"
type Unary = "exp" | "log"

function bound(math: BigMath): Record<Binary, (x: Big, y: Big) => Big> & Record<Unary, (x: Big) => Big> {
  return {
    add: (x, y) => math.add(x, y),
    sub: (x, y) => math.sub(x, y),
    mul: (x, y) => math.mul(x, y),
    div: (x, y) => math.div(x, y),
    exp: (x) => math.exp(x),
    log: (x) => math.log(x),
  }
}

/** A number, and the sizes of the terms that it is a sum of, together: what rounding its terms leaves in it. */
export interface Termed {
  readonly value: Big
  readonly term: Big
}

/** What rounding a term leaves, in units of the term. */
const rounding = fromNumber(2 ** -53)

/**
 * Numbers that remember the size of their terms, through sums, products, selections and exponentials. Logarithms, powers and roots
 * start anew, unless terms cancelled in what a logarithm is taken of: a kernel has to know log(1 + x) and the like to the last digit. A number below `least`, which is 0 or the
 * smallest normal number, is rounded as that one is.
 */
export function termed(numbers: Numbers<Big>, least: Big): Numbers<Termed> {
  const { of, real, apply, fold } = numbers
  const size = (x: Big): Big => apply("abs", [x])
  const plus = (x: Big, y: Big): Big => apply("add", [x, y])
  const whole = (value: Big): Termed => ({ value, term: size(value) })
  const times = (x: Big, y: Big): Big =>
    signOf(x) === 0 || signOf(y) === 0 ? zero : apply("mul", [x, size(y)])
  const quotient = (x: Termed, y: Termed, value: Big): Big => {
    if (signOf(y.value) === 0) return size(value)
    const below = apply("div", [times(y.term, value), size(y.value)])
    return largest(apply("div", [x.term, size(y.value)]), below)
  }
  const termOf = (op: OpName, args: readonly Termed[], value: Big): Big => {
    const [x, y] = args as [Termed, Termed]
    const slope = slopes[op]
    if (slope) return largest(times(x.term, slope(x.value, value)), size(value))
    switch (op) {
      case "add":
      case "sub":
        return plus(x.term, y.term)
      case "neg":
      case "stop":
      case "surrogate":
      case "abs":
        return x.term
      case "mul": {
        // What rounding leaves in both counts where neither has a digit: the square of a difference that is 0.
        const both = times(rounding, times(x.term, y.term))
        return largest(both, largest(times(x.term, y.value), times(y.term, x.value)))
      }
      case "div":
      case "ratio":
        return quotient(x, y, value)
      case "log":
        // What cancelled in its argument it cannot know; a number near 1 whose terms are no larger it can.
        return signOf(x.value) > 0 && compare(x.term, plus(x.value, x.value)) > 0
          ? largest(apply("div", [x.term, x.value]), size(value))
          : size(value)
      case "relu":
        return signOf(value) === 0 ? zero : x.term
      case "clamp":
      case "clampMin":
      case "clampMax":
      case "max":
      case "min":
        return args.find((one) => compare(one.value, value) === 0)?.term ?? size(value)
      default:
        return size(value)
    }
  }
  const call =
    (op: OpName) =>
    (x: Big): Big =>
      apply(op, [x])
  /** The derivative of a function of one number, from the number and the value. */
  const slopes: Partial<Record<OpName, (x: Big, value: Big) => Big>> = {
    exp: (_, value) => value,
    expm1: call("exp"),
    sigmoid: (x, value) => apply("mul", [value, apply("sigmoid", [negate(x)])]),
    softplus: call("sigmoid"),
    tanh: (_, value) => apply("sub", [one, apply("mul", [value, value])]),
    sin: call("cos"),
    cos: call("sin"),
  }
  const folded =
    (name: FoldName, together?: (x: Big, y: Big) => Big) =>
    (values: readonly Termed[]): Termed => {
      const value = fold[name](values.map((one) => one.value))
      const term = together && values.length > 0 ? values.map((one) => one.term).reduce(together) : zero
      return { value, term: largest(term, size(value)) }
    }
  return {
    of: (value) => whole(of(value)),
    real: ({ value }) => real(value),
    apply: (op, args) => {
      const value = apply(
        op,
        args.map((one) => one.value),
      )
      const term = largest(termOf(op, args, value), signOf(value) === 0 ? zero : least)
      return { value, term: isNaN(term) ? Infinity : term }
    },
    fold: {
      sum: folded("sum", plus),
      prod: folded("prod"),
      max: folded("max"),
      min: folded("min"),
      logsumexp: folded("logsumexp", largest),
    },
    sort: (values) => numbers.sort(values.map((one) => one.value)),
  }
}
