// Where the mathematics of shaders is tested: ranges of arguments, and special values.
import { type Interval, type OpName, ops } from "../../src/ops.ts"

/** Where points are besides the domain of the table, a list of ranges by parameter each. */
export const wide: Partial<Record<OpName, readonly (readonly Interval[])[]>> = {
  div: [
    [
      [-1e6, 1e6],
      [0.1, 1e6],
    ],
  ],
  pow: [
    [
      [0, 1],
      [-10, 10],
    ],
    [
      [0.9, 1.1],
      [-800, 800],
    ],
    [
      [1, 1e30],
      [-1.2, 1.2],
    ],
  ],
  exp: [[[-104, 89]], [[-1, 1]], [[-1e-6, 1e-6]]],
  expm1: [[[-104, 89]], [[-1, 1]], [[-1e-6, 1e-6]]],
  log: [[[0, 1e-30]], [[0, 1e38]], [[0.98, 1.02]], [[0.5, 2]]],
  log1p: [[[-1, 1]], [[0, 1e30]], [[-1e-6, 1e-6]]],
  log1mexp: [[[-104, 0]], [[-1, 0]], [[-1e-6, 0]]],
  sqrt: [[[0, 1e38]], [[0, 1e-30]]],
  sigmoid: [[[-104, 104]], [[-1, 1]]],
  softplus: [[[-87, 1e4]], [[-1, 1]]],
  logaddexp: [
    [
      [-1e4, 1e4],
      [-1e4, 1e4],
    ],
  ],
  tanh: [[[-1, 1]], [[-1e-6, 1e-6]], [[-100, 100]]],
  sin: [[[-1000, 1000]], [[-1e-3, 1e-3]]],
  cos: [[[-1000, 1000]], [[-1e-3, 1e-3]]],
  atan: [[[-1000, 1000]], [[-1e-3, 1e-3]]],
  acos: [[[-1, 1]], [[0.999, 1]]],
  atan2: [
    [
      [-1e6, 1e6],
      [-1, 1],
    ],
    [
      [-1, 1],
      [-1e6, 1e6],
    ],
  ],
  gaussian: [[[-9.3, 9.3]]],
  erf: [[[-1, 1]], [[-1e-6, 1e-6]]],
  erfc: [[[-9.1, 9.1]], [[-1, 1]]],
  erfcx: [[[-9.2, 1e4]], [[-1, 1]]],
  logErfc: [[[-9, 1e4]], [[-1, 1]], [[-1e-6, 1e-6]]],
  log1pmx: [[[-1, 1]], [[0, 1e30]], [[-1e-6, 1e-6]]],
  expm1mx: [[[-104, 88]], [[-1, 1]], [[-1e-6, 1e-6]]],
  pow1pm1: [
    [
      [-1e-3, 1e-3],
      [-100, 100],
    ],
  ],
  lgamma: [[[0, 3]], [[0, 1e30]], [[2.999, 3.001]], [[0.999, 1.001]], [[1.999, 2.001]]],
  lgamma1p: [[[-1, 2]], [[0.999, 1.001]], [[0, 1e30]], [[-1e-3, 1e-3]]],
  digamma: [[[0, 2]], [[0, 1e30]], [[1.4, 1.5]]],
  trigamma: [[[0, 3]], [[0, 1e15]]],
  logGammaRatio: [
    [
      [5, 1e5],
      [0, 10],
    ],
    [
      [0.1, 5],
      [-0.09, 0.4],
    ],
  ],
  logGammaRatioSlope: [
    [
      [5, 1e5],
      [0, 10],
    ],
  ],
}

/** How large the terms are whose difference the result is, where it may be far smaller: errors are measured against them. */
export const cancelling: Partial<Record<OpName, (...row: number[]) => number>> = {
  logaddexp: (x, y) => Math.max(Math.abs(x!), Math.abs(y!)),
  logGammaRatio: (x, y) =>
    x! >= 5
      ? (Math.abs(y!) * Math.max(1, Math.abs(y!))) / x!
      : ops.lgamma.eval(x! + y!) + Math.abs(ops.lgamma.eval(x!)) + Math.abs(y! * Math.log(x!)) + 1,
  logGammaRatioSlope: (x, y) => (Math.abs(y!) * Math.max(1, Math.abs(y!))) / (x! * x!) + (x! < 5 ? 1 : 0),
}

/** Special values, as the table gives them. */
export const specialValues = `
exp(-inf) = 0
exp(-104) = 0
exp(-87) = 1.6458115e-38
exp(0) = 1
exp(88.72) = 3.3931806e38
exp(88.8) = inf
exp(inf) = inf
expm1(-inf) = -1
expm1(1e-30) = 1e-30
expm1(inf) = inf
log(0) = -inf
log(-0) = -inf
log(1) = 0
log(0.9375) = -0.06453852
log(3.4e38) = 88.72201
log(inf) = inf
log1p(-1) = -inf
log1p(0) = 0
log1p(-1e-30) = -1e-30
log1p(inf) = inf
log1mexp(0) = -inf
log1mexp(-1e-30) = -69.07755
log1mexp(-80) = -1.8048513e-35
log1mexp(-inf) = 0
sqrt(0) = 0
sqrt(inf) = inf
sigmoid(-1e4) = 0
sigmoid(-80) = 1.8048513e-35
sigmoid(0) = 0.5
sigmoid(1e4) = 1
sigmoid(-inf) = 0
sigmoid(inf) = 1
softplus(-inf) = 0
softplus(-80) = 1.8048513e-35
softplus(0) = 0.6931472
softplus(1e4) = 1e4
softplus(inf) = inf
logaddexp(-inf, -inf) = -inf
logaddexp(-inf, 3) = 3
logaddexp(inf, 3) = inf
logaddexp(inf, inf) = inf
logaddexp(inf, -inf) = inf
logaddexp(1e4, -1e4) = 1e4
xlogy(0, 0) = 0
xlogy(0, inf) = 0
xlogy(1, 0) = -inf
xlogy(-2, 0) = inf
ratio(1, 0) = 0
ratio(0, 0) = 0
div(1, 0) = inf
div(-1, 0) = -inf
div(1, inf) = 0
pow(0, 0) = 1
pow(0, 2) = 0
pow(0, -1) = inf
pow(2, 127) = 1.7014118e38
pow(2, 128) = inf
pow(2, -126) = 1.1754944e-38
pow(2, -200) = 0
pow(2, inf) = inf
pow(2, -inf) = 0
pow(0.5, inf) = 0
pow(0.5, -inf) = inf
pow(inf, 0) = 1
pow(inf, 0.5) = inf
pow(inf, -0.5) = 0
pow(-2, 3) = -8
pow(-2, -2) = 0.25
pow(-1, 1e10) = 1
pow(-inf, 3) = -inf
pow(-inf, 2) = inf
tanh(0) = 0
tanh(1e-30) = 1e-30
tanh(-100) = -1
tanh(inf) = 1
tanh(-inf) = -1
atan(inf) = 1.5707964
atan(-inf) = -1.5707964
atan(-1e-30) = -1e-30
acos(1) = 0
acos(-1) = 3.1415927
acos(0) = 1.5707964
atan2(0, 0) = 0
atan2(0, -1) = 3.1415927
atan2(-0, -1) = -3.1415927
atan2(1, 0) = 1.5707964
atan2(1, inf) = 0
atan2(1, -inf) = 3.1415927
atan2(inf, 1) = 1.5707964
atan2(-inf, inf) = -0.7853982
sin(0) = 0
sin(1e-30) = 1e-30
cos(0) = 1
cos(1e-30) = 1
gaussian(inf) = 0
gaussian(-inf) = 0
erf(-inf) = -1
erf(1e-30) = 1.1283792e-30
erf(inf) = 1
erfc(-inf) = 2
erfc(inf) = 0
erfc(0) = 1
erfcx(inf) = 0
erfcx(-10) = inf
erfcx(1e20) = 5.6418958e-21
logErfc(inf) = -inf
logErfc(-inf) = 0.6931472
logErfc(1e4) = -1.0000001e8
log1pmx(-1) = -inf
log1pmx(8.6736174e-19) = -3.7615819e-37
log1pmx(inf) = -inf
expm1mx(8.6736174e-19) = 3.7615819e-37
expm1mx(-inf) = inf
expm1mx(inf) = inf
pow1pm1(0, 3) = 0
pow1pm1(1e-30, 2) = 2e-30
pow1pm1(-1, 2) = -1
lgamma(0) = inf
lgamma(-1) = inf
lgamma(1) = 0
lgamma(2) = 0
lgamma(-0.5) = 1.2655121
lgamma(1e-30) = 69.07755
lgamma(inf) = inf
lgamma1p(-1) = inf
lgamma1p(0) = 0
lgamma1p(1e-30) = -5.7721567e-31
digamma(0) = -inf
digamma(-0.75) = -2.8941202
digamma(1e-30) = -1e30
digamma(inf) = inf
trigamma(0) = inf
trigamma(-0.5) = 8.934802
trigamma(inf) = 0
zeta(2, 0) = inf
logGammaRatio(inf, 3) = 0
logGammaRatio(3, 0) = 0
logGammaRatioSlope(inf, 3) = 0
abs(-inf) = inf
sign(-inf) = -1
sign(0) = 0
relu(-inf) = 0
relu(inf) = inf
clamp(inf, -1, 1) = 1
clampMin(-inf, 2) = 2
clampMax(inf, 2) = 2
max(-inf, 3) = 3
min(-inf, 3) = -inf
floor(-0.5) = -1
ceil(-0.5) = 0
eq(inf, inf) = 1
ne(0, -0) = 0
lt(-inf, inf) = 1
le(inf, inf) = 1
`
  .trim()
  .split("\n")
  .map((text) => {
    const [, op, args, value] = /^(\w+)\((.*)\) = (.*)$/.exec(text)!
    const number = (word: string): number => Number(word.replace("inf", "Infinity"))
    return {
      text,
      op: op as OpName,
      row: args!.split(", ").map((word) => Math.fround(number(word))),
      value: number(value!),
    }
  })
