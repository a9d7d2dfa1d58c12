// The operator table: everything the compiler knows about each scalar operator, one entry an operator.
//
// Derivatives are lossc expressions over the operator's parameters and `out` (its own value). A derivative that is 0 in one
// branch of an `if` is a structural zero: it is never multiplied by an infinite cotangent. Where a function has a kink the
// subgradient follows PyTorch's published order.
import { functionOf } from "./functions.ts"
import type { ScalarType } from "./types.ts"

/** A closed range of values; NaN is outside every range and may appear whenever an operand may be infinite. */
export type Interval = readonly [low: number, high: number]

/** One operator. */
export interface Operator {
  /** One sentence for the documentation. */
  readonly doc: string
  readonly params: readonly string[]
  /** The type of the result from those of the arguments. */
  readonly type: (types: readonly ScalarType[]) => ScalarType
  /** What each argument must be. Ints are accepted where reals are. */
  readonly takes: readonly ("number" | "int" | "bool" | "any")[]
  /** The value in f64: folds constants and judges every backend. */
  readonly eval: (...args: number[]) => number
  /** Derivative by each real parameter; a parameter left out has derivative 0. */
  readonly partials?: Readonly<Record<string, string>>
  /**
   * For an associative and commutative operator: its derivative by an operand x where the value has a name, as in the steps of
   * recurrences. The operands of operands count too, so that nothing between them and the value need be kept.
   */
  readonly kept?: string
  /** JavaScript over the parameters as `$x`; every operand is a name or a literal in parentheses. */
  readonly js: string
  /** True if the arguments may be exchanged bit for bit. */
  readonly commutative?: boolean
  /** The range of the result; absent means unknown. */
  readonly bounds?: (...args: Interval[]) => Interval
  /** Where generated tests sample each parameter; default -8 .. 8. */
  readonly domain?: Readonly<Record<string, Interval>>
  /** Expressions whose zeros are kinks or jumps; generated tests keep away from them. */
  readonly kinks?: readonly string[]
  /** The same function of real numbers by simpler operators: how formulas show it. Rounding and special values may differ. */
  readonly means?: string
  /** How formulas in LaTeX write a call: parameters as `$x`, round brackets and bars grow with what they hold. Default: its name. */
  readonly latex?: string
  /** Rough cost in multiplications: decides what is worth sharing and hoisting. Default 1. */
  readonly cost?: number
  /** Computed by the function of this name in special.ts. */
  readonly isDefined?: true
  /** Not callable from the language by this name (written with a symbol, or only made by the compiler). */
  readonly internal?: true
}

const real = (): ScalarType => "real"
const bool = (): ScalarType => "bool"
const int = (): ScalarType => "int"
/** int if every argument is, else real. */
const numeric = (types: readonly ScalarType[]): ScalarType =>
  types.every((t) => t === "int") ? "int" : "real"
/** The joined type of the last two of three arguments, or of the last. */
const branches = (types: readonly ScalarType[]): ScalarType => {
  const [a, b] = types.slice(1)
  if (b === undefined || a === b) return a!
  return "real"
}

const monotone =
  (f: (x: number) => number) =>
  (x: Interval): Interval => [f(x[0]), f(x[1])]
const hull = (...values: number[]): Interval => [Math.min(...values), Math.max(...values)]
/** Products of interval ends, with 0 * infinity taken as 0 (the limit of finite values). */
const times = (x: number, y: number): number => (x === 0 || y === 0 ? 0 : x * y)
const truth: Interval = [0, 1]
const UNKNOWN: Interval = [-Infinity, Infinity]

function multiply(x: Interval, y: Interval): Interval {
  return hull(times(x[0], y[0]), times(x[0], y[1]), times(x[1], y[0]), times(x[1], y[1]))
}

function divide(x: Interval, y: Interval): Interval {
  if (y[0] <= 0 && y[1] >= 0) {
    if (y[0] === 0 && x[0] >= 0) return [0, Infinity]
    return UNKNOWN
  }
  return multiply(x, [1 / y[1], 1 / y[0]])
}

function power(x: Interval, y: Interval): Interval {
  if (x[0] < 0) return y[0] === y[1] && y[0] % 2 === 0 ? [0, Infinity] : UNKNOWN
  const ends = [x[0], x[1]].flatMap((a) => [a ** y[0], a ** y[1]])
  return [Math.min(...ends, x[0] <= 1 && x[1] >= 1 ? 1 : Infinity), Math.max(...ends)]
}

const compareBounds =
  (always: (x: Interval, y: Interval) => boolean, never: (x: Interval, y: Interval) => boolean) =>
  (x: Interval, y: Interval): Interval =>
    // A NaN operand makes every comparison false, so only "never" can be concluded from ranges alone.
    never(x, y) ? [0, 0] : always(x, y) && Number.isFinite(x[0] + x[1] + y[0] + y[1]) ? [1, 1] : truth

export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x))
  return (x >= 0 ? 1 : e) / (1 + e)
}
export const softplus = (x: number): number =>
  (x > 0 ? x : x < 0 ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x)))
/** log(1 - exp x) for x < 0, switching at -ln 2 (Maechler, Accurately computing log(1 - exp(-|a|)), 2012). */
export const log1mexp = (x: number): number =>
  x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x))
export const logaddexp = (x: number, y: number): number =>
  x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))
const floorMod = (x: number, y: number): number => x - y * Math.floor(x / y)

/** The value of a function of special.ts, read when it is first asked for. */
const defined = (name: string): ((...args: number[]) => number) => {
  let f: ((...args: number[]) => number) | undefined
  return (...args) => (f ??= functionOf(name, doubles))(...args)
}
const doubles = {
  of: (value: number): number => value,
  real: (value: number): number => value,
  apply: (op: string, args: readonly number[]): number => ops[op as OpName].eval(...args),
}

const binary = ["number", "number"] as const
const unary = ["number"] as const

// prettier-ignore
const table = {
  add: { doc: "Sum.", params: ["x", "y"], takes: binary, type: numeric, eval: (x, y) => x + y, commutative: true,
    partials: { x: "1", y: "1" }, js: "$x + $y", bounds: (x, y) => [x[0] + y[0], x[1] + y[1]], internal: true },
  sub: { doc: "Difference.", params: ["x", "y"], takes: binary, type: numeric, eval: (x, y) => x - y,
    partials: { x: "1", y: "-1" }, js: "$x - $y", bounds: (x, y) => [x[0] - y[1], x[1] - y[0]], internal: true },
  mul: { doc: "Product.", params: ["x", "y"], takes: binary, type: numeric, eval: (x, y) => x * y, commutative: true,
    partials: { x: "y", y: "x" }, js: "$x * $y", bounds: multiply, internal: true },
  div: { doc: "Real quotient.", params: ["x", "y"], takes: binary, type: real, eval: (x, y) => x / y,
    partials: { x: "1 / y", y: "-out / y" }, js: "$x / $y", bounds: divide, cost: 4,
    domain: { y: [0.1, 8] }, internal: true },
  ratio: { doc: "x / y, and 0 where y is 0: the mean of nothing is 0.", means: "x / y", params: ["x", "y"], takes: binary, type: real,
    eval: (x, y) => (y === 0 ? 0 : x / y), partials: { x: "if y == 0 then 0 else 1 / y", y: "if y == 0 then 0 else -out / y" },
    js: "$y === 0 ? 0 : $x / $y", domain: { y: [0.1, 8] }, kinks: ["y"], cost: 4 },
  neg: { doc: "Negation.", params: ["x"], takes: unary, type: numeric, eval: (x) => -x, partials: { x: "-1" }, js: "-$x",
    bounds: (x) => [-x[1], -x[0]], internal: true },
  pow: { doc: "x to the power y. Real exponents need x >= 0; x^0 is 1 with derivative 0.", params: ["x", "y"], takes: binary,
    type: real, eval: Math.pow,
    partials: { x: "if y == 0 then 0 else y * x ^ (y - 1)", y: "if x == 0 and y > 0 then 0 else out * log(x)" },
    js: "Math.pow($x, $y)", bounds: power, domain: { x: [0.1, 8], y: [-4, 4] }, cost: 40, internal: true },
  idiv: { doc: "Quotient of ints rounded towards minus infinity (`div(a, b)`).", params: ["x", "y"], takes: ["int", "int"], type: int,
    eval: (x, y) => Math.floor(x / y), js: "Math.floor($x / $y)", domain: { y: [1, 8] }, cost: 6, internal: true,
    bounds: (x, y) => { const q = divide(x, y); return [Math.floor(q[0]), Math.floor(q[1])] } },
  mod: { doc: "Remainder of ints with the sign of the divisor.", params: ["x", "y"], takes: ["int", "int"], type: int,
    eval: floorMod, js: "$x - $y * Math.floor($x / $y)", domain: { y: [1, 8] }, cost: 8,
    bounds: (_, y) => (y[0] > 0 ? [0, y[1] - 1] : UNKNOWN) },

  exp: { doc: "Exponential.", latex: "e^{$x}", params: ["x"], takes: unary, type: real, eval: Math.exp, partials: { x: "out" }, js: "Math.exp($x)",
    bounds: monotone(Math.exp), cost: 20 },
  expm1: { doc: "exp(x) - 1 without cancellation.", means: "exp(x) - 1", params: ["x"], takes: unary, type: real, eval: Math.expm1, partials: { x: "exp(x)" },
    js: "Math.expm1($x)", bounds: monotone(Math.expm1), cost: 25 },
  log: { doc: "Natural logarithm.", latex: "\\log($x)", params: ["x"], takes: unary, type: real, eval: Math.log, partials: { x: "1 / x" }, js: "Math.log($x)",
    bounds: (x) => [x[0] > 0 ? Math.log(x[0]) : -Infinity, x[1] > 0 ? Math.log(x[1]) : -Infinity], domain: { x: [0.1, 8] }, cost: 20 },
  log1p: { doc: "log(1 + x) without cancellation.", means: "log(1 + x)", params: ["x"], takes: unary, type: real, eval: Math.log1p, partials: { x: "1 / (1 + x)" },
    js: "Math.log1p($x)", bounds: (x) => [x[0] > -1 ? Math.log1p(x[0]) : -Infinity, x[1] > -1 ? Math.log1p(x[1]) : -Infinity],
    domain: { x: [-0.9, 8] }, cost: 25 },
  log1mexp: { doc: "log(1 - exp(x)) for x < 0 without cancellation (Maechler, 2012).", means: "log(1 - exp(x))", params: ["x"], takes: unary, type: real, eval: log1mexp,
    partials: { x: "-1 / abs(expm1(-x))" }, js: "($x > -0.6931471805599453 ? Math.log(-Math.expm1($x)) : Math.log1p(-Math.exp($x)))",
    domain: { x: [-8, -0.01] }, cost: 45 },
  sqrt: { doc: "Square root; its derivative at 0 is infinite.", latex: "\\sqrt{$x}", params: ["x"], takes: unary, type: real, eval: Math.sqrt,
    partials: { x: "0.5 / out" }, js: "Math.sqrt($x)", bounds: (x) => [Math.sqrt(Math.max(0, x[0])), Math.sqrt(Math.max(0, x[1]))],
    domain: { x: [0.1, 8] }, cost: 6 },
  root: { doc: "The root of a sum of squares: a square root whose derivative at 0 is 0.", means: "sqrt(x)", params: ["x"], takes: unary, type: real, eval: Math.sqrt,
    partials: { x: "if x > 0 then 0.5 / out else 0" }, js: "Math.sqrt($x)",
    bounds: (x) => [Math.sqrt(Math.max(0, x[0])), Math.sqrt(Math.max(0, x[1]))], domain: { x: [0.1, 8] }, cost: 6 },
  sigmoid: { doc: "Logistic function.", latex: "\\sigma($x)", params: ["x"], takes: unary, type: real, eval: sigmoid, partials: { x: "out * sigmoid(-x)" },
    js: "1 / (1 + Math.exp(-$x))", bounds: monotone(sigmoid), cost: 26 },
  softplus: { doc: "log(1 + exp(x)), exact everywhere (no linear threshold).", means: "log(1 + exp(x))", params: ["x"], takes: unary, type: real, eval: softplus,
    partials: { x: "sigmoid(x)" }, js: "Math.max($x, 0) + Math.log1p(Math.exp(-Math.abs($x)))", bounds: monotone(softplus), cost: 45 },
  logaddexp: { doc: "log(exp(x) + exp(y)).", means: "log(exp(x) + exp(y))", params: ["x", "y"], takes: binary, type: real, eval: logaddexp, commutative: true,
    partials: { x: "if x == -inf then 0 else sigmoid(x - y)", y: "if y == -inf then 0 else sigmoid(y - x)" },
    kept: "if x == -inf then 0 else exp(x - out)",
    js: "($x === $y ? $x + 0.6931471805599453 : Math.max($x, $y) + Math.log1p(Math.exp(-Math.abs($x - $y))))", cost: 50,
    bounds: (x, y) => [logaddexp(x[0], y[0]), logaddexp(x[1], y[1])] },
  xlogy: { doc: "x * log(y), and 0 where x is 0.", means: "x * log(y)", params: ["x", "y"], takes: binary, type: real,
    eval: (x, y) => (x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y)), partials: { x: "log(y)", y: "if x == 0 then 0 else x / y" },
    js: "($x === 0 && $y === $y ? 0 : $x * Math.log($y))", domain: { x: [0.1, 8], y: [0.1, 8] }, cost: 22 },
  tanh: { doc: "Hyperbolic tangent.", latex: "\\tanh($x)", params: ["x"], takes: unary, type: real, eval: Math.tanh, partials: { x: "4 * sigmoid(2 * x) * sigmoid(-2 * x)" },
    js: "Math.tanh($x)", bounds: monotone(Math.tanh), cost: 30 },
  sin: { doc: "Sine.", latex: "\\sin($x)", params: ["x"], takes: unary, type: real, eval: Math.sin, partials: { x: "cos(x)" }, js: "Math.sin($x)",
    bounds: () => [-1, 1], cost: 25 },
  cos: { doc: "Cosine of an angle.", latex: "\\cos($x)", params: ["x"], takes: unary, type: real, eval: Math.cos, partials: { x: "-sin(x)" }, js: "Math.cos($x)",
    bounds: () => [-1, 1], cost: 25 },
  atan: { doc: "Arc tangent.", latex: "\\arctan($x)", params: ["x"], takes: unary, type: real, eval: Math.atan, partials: { x: "1 / (1 + x * x)" }, js: "Math.atan($x)",
    bounds: monotone(Math.atan), cost: 25 },
  acos: { doc: "Arc cosine; its derivative at -1 and 1 is infinite.", latex: "\\arccos($x)", params: ["x"], takes: unary, type: real, eval: Math.acos,
    partials: { x: "-1 / sqrt((1 - x) * (1 + x))" }, js: "Math.acos($x)", bounds: () => [0, Math.PI], domain: { x: [-0.9, 0.9] }, cost: 25 },

  atan2: { doc: "The angle of the point (x, y), from -pi to pi; at the origin its derivatives are 0.", params: ["y", "x"], takes: binary, type: real, eval: Math.atan2,
    partials: {
      y: "if x == 0 and y == 0 then 0 else if abs(x) >= abs(y) then 1 / (x + y * (y / x)) else x / y / (y + x * (x / y))",
      x: "if x == 0 and y == 0 then 0 else if abs(x) >= abs(y) then -(y / x) / (x + y * (y / x)) else -1 / (y + x * (x / y))" },
    js: "Math.atan2($y, $x)", bounds: () => [-Math.PI, Math.PI], kinks: ["if x < 0 then y else 1"], cost: 40 },

  gaussian: { doc: "exp(-x^2), to the last digits for large x too.", means: "exp(-(x * x))", params: ["x"], takes: unary, type: real, eval: defined("gaussian"),
    partials: { x: "-2 * x * out" }, js: "gaussian($x)", bounds: () => [0, 1], cost: 35, isDefined: true },
  erf: { doc: "Error function.", params: ["x"], takes: unary, type: real, eval: defined("erf"), partials: { x: "1.1283791670955126 * gaussian(x)" },
    js: "erf($x)", bounds: () => [-1, 1], cost: 60, isDefined: true },
  erfc: { doc: "1 - erf(x) without cancellation.", means: "1 - erf(x)", params: ["x"], takes: unary, type: real, eval: defined("erfc"),
    partials: { x: "-1.1283791670955126 * gaussian(x)" }, js: "erfc($x)", bounds: () => [0, 2], cost: 60, isDefined: true },
  erfcx: { doc: "exp(x^2) * erfc(x), which neither overflows nor vanishes for large x.", means: "exp(x * x) * erfc(x)", params: ["x"], takes: unary, type: real, eval: defined("erfcx"),
    partials: { x: "2 * x * out - 1.1283791670955126" }, js: "erfcx($x)", bounds: () => [0, Infinity], domain: { x: [-4, 8] }, cost: 60, isDefined: true },
  logErfc: { doc: "log(erfc(x)), finite where erfc(x) is 0.", means: "log(erfc(x))", params: ["x"], takes: unary, type: real, eval: defined("logErfc"),
    partials: { x: "-1.1283791670955126 / erfcx(x)" }, js: "logErfc($x)", bounds: () => [-Infinity, Math.LN2], cost: 80, isDefined: true },
  log1pmx: { doc: "log(1 + x) - x without cancellation.", means: "log(1 + x) - x", params: ["x"], takes: unary, type: real, eval: defined("log1pmx"),
    partials: { x: "-x / (1 + x)" }, js: "log1pmx($x)", bounds: () => [-Infinity, 0], domain: { x: [-0.9, 8] }, cost: 40, isDefined: true },
  expm1mx: { doc: "exp(x) - 1 - x without cancellation.", means: "exp(x) - 1 - x", params: ["x"], takes: unary, type: real, eval: defined("expm1mx"),
    partials: { x: "expm1(x)" }, js: "expm1mx($x)", bounds: () => [0, Infinity], cost: 45, isDefined: true },
  pow1pm1: { doc: "(1 + x) to the power y, less 1, without cancellation.", means: "(1 + x) ^ y - 1", params: ["x", "y"], takes: binary, type: real, eval: defined("pow1pm1"),
    partials: { x: "y * (1 + x) ^ (y - 1)", y: "(1 + x) ^ y * log1p(x)" }, js: "pow1pm1($x, $y)", domain: { x: [-0.9, 8], y: [-4, 4] }, cost: 90, isDefined: true },
  lgamma: { doc: "Logarithm of the absolute value of the gamma function.", latex: "\\log\\Gamma($x)", params: ["x"], takes: unary, type: real, eval: defined("lgamma"),
    partials: { x: "digamma(x)" }, js: "lgamma($x)", bounds: (x) => [x[0] > 0 ? -0.1214862905358497 : -Infinity, Infinity], domain: { x: [0.1, 8] },
    cost: 60, isDefined: true },
  lgamma1p: { doc: "lgamma(1 + x) without cancellation for small x.", means: "lgamma(1 + x)", params: ["x"], takes: unary, type: real,
    eval: defined("lgamma1p"), partials: { x: "digamma(1 + x)" }, js: "lgamma1p($x)", bounds: (x) => [x[0] > -1 ? -0.1214862905358497 : -Infinity, Infinity],
    domain: { x: [-0.9, 8] }, cost: 60, isDefined: true },
  digamma: { doc: "Derivative of lgamma.", latex: "\\psi($x)", params: ["x"], takes: unary, type: real, eval: defined("digamma"), partials: { x: "trigamma(x)" },
    js: "digamma($x)", domain: { x: [0.1, 8] }, cost: 50, isDefined: true },
  trigamma: { doc: "Second derivative of lgamma.", latex: "\\psi_1($x)", params: ["x"], takes: unary, type: real, eval: defined("trigamma"), partials: { x: "-2 * zeta(3, x)" },
    js: "trigamma($x)", bounds: () => [0, Infinity], domain: { x: [0.1, 8] }, cost: 50, isDefined: true },
  zeta: { doc: "Sum of (x + n)^-s over n >= 0, for x >= 0 (Hurwitz); further derivatives of lgamma.", latex: "\\zeta($s, $x)", params: ["s", "x"], takes: ["int", "number"],
    type: real, eval: defined("zeta"), partials: { x: "-s * zeta(s + 1, x)" }, js: "zeta($s, $x)", bounds: () => [0, Infinity],
    domain: { s: [2, 6], x: [0.1, 8] }, cost: 400, isDefined: true, internal: true },
  logGammaRatio: { doc: "lgamma(x + y) - lgamma(x) - y * log(x) without cancellation for large x: 0 in the limit, and for y = 0 and 1.",
    means: "lgamma(x + y) - lgamma(x) - y * log(x)",
    params: ["x", "y"], takes: binary, type: real, eval: defined("logGammaRatio"),
    partials: { x: "logGammaRatioSlope(x, y)", y: "digamma(x + y) - log(x)" }, js: "logGammaRatio($x, $y)", domain: { x: [0.1, 20], y: [0.1, 8] }, cost: 90,
    isDefined: true },
  logGammaRatioSlope: { doc: "Derivative of logGammaRatio(x, y) by x, without cancellation for large x.", means: "digamma(x + y) - digamma(x) - y / x", params: ["x", "y"], takes: binary, type: real,
    eval: defined("logGammaRatioSlope"), partials: { x: "trigamma(x + y) - trigamma(x) + y / (x * x)", y: "trigamma(x + y) - 1 / x" },
    js: "logGammaRatioSlope($x, $y)", domain: { x: [0.1, 8], y: [1.5, 8] }, cost: 90, isDefined: true, internal: true },

  abs: { doc: "Absolute value; derivative 0 at 0.", latex: "\\lvert $x \\rvert", params: ["x"], takes: unary, type: numeric, eval: Math.abs, partials: { x: "sign(x)" },
    js: "Math.abs($x)", bounds: (x) => (x[0] >= 0 ? x : x[1] <= 0 ? [-x[1], -x[0]] : [0, Math.max(-x[0], x[1])]), kinks: ["x"] },
  sign: { doc: "-1, 0 or 1.", params: ["x"], takes: unary, type: numeric, eval: Math.sign, js: "Math.sign($x)", bounds: monotone(Math.sign), kinks: ["x"] },
  relu: { doc: "max(x, 0) with derivative 0 at 0.", means: "max(x, 0)", params: ["x"], takes: unary, type: numeric, eval: (x) => (x > 0 ? x : x <= 0 ? 0 : x),
    partials: { x: "if x > 0 then 1 else 0" }, js: "Math.max($x, 0)", bounds: monotone((x) => Math.max(x, 0)), kinks: ["x"] },
  clampMin: { doc: "The larger of x and a bound; derivative 1 at the bound.", means: "max(x, low)", params: ["x", "low"], takes: binary, type: numeric,
    eval: (x, low) => Math.max(x, low), partials: { x: "if x >= low then 1 else 0", low: "if x < low then 1 else 0" },
    js: "Math.max($x, $low)", bounds: (x, low) => [Math.max(x[0], low[0]), Math.max(x[1], low[1])], kinks: ["x - low"] },
  clampMax: { doc: "The smaller of x and a bound; derivative 1 at the bound.", means: "min(x, high)", params: ["x", "high"], takes: binary, type: numeric,
    eval: (x, high) => Math.min(x, high), partials: { x: "if x <= high then 1 else 0", high: "if x > high then 1 else 0" },
    js: "Math.min($x, $high)", bounds: (x, high) => [Math.min(x[0], high[0]), Math.min(x[1], high[1])], kinks: ["x - high"] },
  clamp: { doc: "x limited to low .. high; derivative 1 at both ends.", means: "min(max(x, low), high)", params: ["x", "low", "high"], takes: ["number", "number", "number"], type: numeric,
    eval: (x, low, high) => Math.min(Math.max(x, low), high),
    partials: { x: "if x >= low and x <= high then 1 else 0",
      low: "if x < low and low <= high then 1 else 0", high: "if x > high or low > high then 1 else 0" },
    js: "Math.min(Math.max($x, $low), $high)", kinks: ["x - low", "x - high"], domain: { low: [-4, -1], high: [1, 4] },
    bounds: (x, low, high) => [Math.min(Math.max(x[0], low[0]), high[0]), Math.min(Math.max(x[1], low[1]), high[1])] },
  max: { doc: "The larger value; on a tie the gradient is split evenly.", latex: "\\max($x, $y)", params: ["x", "y"], takes: binary, type: numeric, eval: Math.max, commutative: true,
    partials: { x: "if x >= y then (if x == y then 1/2 else 1) else 0", y: "if y >= x then (if x == y then 1/2 else 1) else 0" },
    js: "Math.max($x, $y)", bounds: (x, y) => [Math.max(x[0], y[0]), Math.max(x[1], y[1])], kinks: ["x - y"], internal: true },
  min: { doc: "The smaller value; on a tie the gradient is split evenly.", latex: "\\min($x, $y)", params: ["x", "y"], takes: binary, type: numeric, eval: Math.min, commutative: true,
    partials: { x: "if x <= y then (if x == y then 1/2 else 1) else 0", y: "if y <= x then (if x == y then 1/2 else 1) else 0" },
    js: "Math.min($x, $y)", bounds: (x, y) => [Math.min(x[0], y[0]), Math.min(x[1], y[1])], kinks: ["x - y"], internal: true },
  floor: { doc: "The largest int not above x.", latex: "\\lfloor $x \\rfloor", params: ["x"], takes: unary, type: int, eval: Math.floor, js: "Math.floor($x)", bounds: monotone(Math.floor), kinks: ["sin(3.141592653589793 * x)"] },
  ceil: { doc: "The smallest int not below x.", latex: "\\lceil $x \\rceil", params: ["x"], takes: unary, type: int, eval: Math.ceil, js: "Math.ceil($x)", bounds: monotone(Math.ceil), kinks: ["sin(3.141592653589793 * x)"] },

  eq: { doc: "Equal.", params: ["x", "y"], takes: ["any", "any"], type: bool, eval: (x, y) => +(x === y), commutative: true, js: "$x === $y", internal: true,
    bounds: (x, y) => (x[1] < y[0] || y[1] < x[0] ? [0, 0] : truth) },
  ne: { doc: "Not equal.", params: ["x", "y"], takes: ["any", "any"], type: bool, eval: (x, y) => +(x !== y), commutative: true, js: "$x !== $y", internal: true,
    bounds: (x, y) => (x[1] < y[0] || y[1] < x[0] ? [1, 1] : truth) },
  lt: { doc: "Less.", params: ["x", "y"], takes: binary, type: bool, eval: (x, y) => +(x < y), js: "$x < $y", internal: true,
    bounds: compareBounds((x, y) => x[1] < y[0], (x, y) => x[0] >= y[1]) },
  le: { doc: "Less or equal.", params: ["x", "y"], takes: binary, type: bool, eval: (x, y) => +(x <= y), js: "$x <= $y", internal: true,
    bounds: compareBounds((x, y) => x[1] <= y[0], (x, y) => x[0] > y[1]) },
  and: { doc: "Both; the left side guards the right.", params: ["x", "y"], takes: ["bool", "bool"], type: bool, eval: (x, y) => +(x !== 0 && y !== 0), js: "$x && $y", internal: true,
    bounds: (x, y) => [x[0] * y[0], Math.min(x[1], y[1])] },
  or: { doc: "Either; the left side guards the right.", params: ["x", "y"], takes: ["bool", "bool"], type: bool, eval: (x, y) => +(x !== 0 || y !== 0), js: "$x || $y", internal: true,
    bounds: (x, y) => [Math.max(x[0], y[0]), Math.min(1, x[1] + y[1])] },
  not: { doc: "Negation of a condition.", params: ["x"], takes: ["bool"], type: bool, eval: (x) => +(x === 0), js: "!$x", internal: true,
    bounds: (x) => [1 - x[1], 1 - x[0]] },
  select: { doc: "x where the condition holds, else y; the other branch does not exist, in value and in gradient.", params: ["c", "x", "y"],
    takes: ["bool", "any", "any"], type: branches, eval: (c, x, y) => (c !== 0 ? x : y), partials: { x: "if c then 1 else 0", y: "if c then 0 else 1" },
    js: "$c ? $x : $y", bounds: (c, x, y) => (c[0] === 1 ? x : c[1] === 0 ? y : [Math.min(x[0], y[0]), Math.max(x[1], y[1])]), internal: true },
  guard: { doc: "x where the condition holds, else a structural 0, whatever x may be.", params: ["c", "x"], takes: ["bool", "number"], type: branches,
    eval: (c, x) => (c !== 0 ? x : 0), partials: { x: "if c then 1 else 0" }, js: "$c ? $x : 0",
    bounds: (c, x) => (c[0] === 1 ? x : [Math.min(x[0], 0), Math.max(x[1], 0)]), internal: true },
  indicator: { doc: "1 where the condition holds, else 0.", params: ["c"], takes: ["bool"], type: int, eval: (c) => c, js: "$c ? 1 : 0", bounds: (c) => c },
  stop: { doc: "The value, with derivative 0.", params: ["x"], takes: unary, type: numeric, eval: (x) => x, js: "$x", bounds: (x) => x, cost: 0 },
  surrogate: { doc: "The value of the first argument with the derivative of the second (straight-through).", means: "value", params: ["value", "through"], takes: binary, type: real,
    eval: (value) => value, partials: { through: "1" }, js: "$value", bounds: (value) => value, cost: 0 },
} as const satisfies Record<string, Operator>

/** The name of an operator of the table. */
export type OpName = keyof typeof table

/** An operator and its place in the table. */
export type TableEntry = Operator & { readonly number: number }

/** An entry with all fields that entries may have, undefined if it has none: an engine reads fields fastest from one shape. */
function entryOf(operator: Operator, number: number): TableEntry {
  const { doc, params, type, takes, eval: value, partials, kept, js, commutative, bounds } = operator
  const { domain, kinks, means, latex, cost, isDefined, internal } = operator
  // prettier-ignore
  const entry = {
    number, type, commutative, cost, takes, params, partials, kept, bounds, js, isDefined, internal,
    doc, eval: value, domain, kinks, means, latex,
  }
  return entry as TableEntry
}

/** The operator table. */
export const ops = Object.fromEntries(
  Object.entries(table).map(([name, operator], number) => [name, entryOf(operator, number)]),
) as Readonly<Record<OpName, TableEntry>>

/** An operator that costs at least this many multiplications is computed once if it is needed twice. */
export const SHARED_COST = 6
