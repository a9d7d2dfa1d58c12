// The rewrite rules, one line a rule, read by the simplifier and by the tests that sample both sides.
//
// Class "exact": bit for bit, but for the sign of a zero. Class "accurate": the error is not larger and the domain not
// smaller. The optional condition is a lossc expression that interval analysis must prove before the rule fires. The order is
// the order of trial: most specific first. Identities hold everywhere and are applied whenever a node is made; stabilising
// rules recognise naive formulas before differentiation; finishing rules clean up gradients; expansions turn the shared
// primitives into operations that value and gradient have in common, and are the last to run.

/** How far a rewrite may be trusted. */
export type RuleClass = "exact" | "accurate"

/** A directed rewrite. */
export interface Rule {
  readonly name: string
  readonly class: RuleClass
  readonly from: string
  readonly to: string
  /** What intervals must prove. */
  readonly when?: string
  /** Holes that must be ints. */
  readonly ints?: readonly string[]
}

const rule = (
  ruleClass: RuleClass,
  name: string,
  text: string,
  when?: string,
  ints?: readonly string[],
): Rule => {
  const [from, to] = text.split(" => ") as [string, string]
  return {
    name,
    class: ruleClass,
    from,
    to,
    ...(when === undefined ? {} : { when }),
    ...(ints === undefined ? {} : { ints }),
  }
}
const exact = (name: string, text: string, when?: string, ints?: readonly string[]): Rule =>
  rule("exact", name, text, when, ints)
const accurate = (name: string, text: string, when?: string): Rule => rule("accurate", name, text, when)

/**
 * The logarithm of a part of 1 by what it lacks, where that is little: powers bring such logarithms into their derivatives.
 * `xlogy(1, part)` is the logarithm that rules leave alone.
 */
const nearOne = (name: string, part: string, lack: string): Rule =>
  accurate(name, `log(${part}) => if ${part} < 0.5 then xlogy(1, ${part}) else log1p(-(${lack}))`)

// prettier-ignore
export const identities: readonly Rule[] = [
  exact("add-zero",         "x + 0 => x"),
  exact("add-guards",       "guard(c, x) + guard(c, y) => guard(c, x + y)"),
  exact("add-neg",          "x + -y => x - y"),
  exact("sub-zero",         "x - 0 => x"),
  exact("zero-sub",         "0 - x => -x"),
  exact("sub-guards",       "guard(c, x) - guard(c, y) => guard(c, x - y)"),
  exact("sub-neg",          "x - -y => x + y"),
  exact("neg-sub-pos",      "-x - y => -(x + y)"),
  exact("neg-neg",          "-(-x) => x"),
  exact("neg-sub",          "-(x - y) => y - x"),
  exact("neg-guard",        "-guard(c, x) => guard(c, -x)"),
  exact("mul-one",          "1 * x => x"),
  exact("mul-minus-one",    "-1 * x => -x"),
  exact("mul-guard",        "guard(c, x) * y => guard(c, x * y)"),
  exact("mul-neg",          "x * -y => -(x * y)"),
  accurate("mul-one-over",  "x * (1 / y) => x / y"),
  exact("add-same",         "x + x => 2 * x"),
  exact("mul-int-zero",     "0 * x => 0", undefined, ["x"]),
  exact("div-one",          "x / 1 => x"),
  exact("div-minus-one",    "x / -1 => -x"),
  exact("div-guard",        "guard(c, x) / y => guard(c, x / y)"),
  exact("div-neg",          "-x / y => -(x / y)"),
  exact("div-by-neg",       "x / -y => -(x / y)"),
  exact("ratio-one",        "ratio(x, 1) => x"),
  exact("ratio-guard",      "ratio(guard(c, x), y) => guard(c, ratio(x, y))"),
  exact("pow-zero",         "x ^ 0 => 1"),
  exact("pow-one",          "x ^ 1 => x"),
  exact("pow-two",          "x ^ 2 => x * x"),
  accurate("pow-three",     "x ^ 3 => x * x * x"),
  accurate("pow-four",      "x ^ 4 => (x * x) * (x * x)"),
  accurate("pow-five",      "x ^ 5 => (x * x) * (x * x) * x"),
  accurate("pow-six",       "x ^ 6 => (x * x) * (x * x) * (x * x)"),
  accurate("pow-seven",     "x ^ 7 => (x * x) * (x * x) * (x * x) * x"),
  accurate("pow-eight",     "x ^ 8 => ((x * x) * (x * x)) * ((x * x) * (x * x))"),
  exact("pow-minus-one",    "x ^ -1 => 1 / x"),
  exact("idiv-one",         "idiv(x, 1) => x", undefined, ["x"]),
  exact("guard-true",       "guard(true, x) => x"),
  exact("guard-false",      "guard(false, x) => 0"),
  exact("guard-zero",       "guard(c, 0) => 0"),
  exact("guard-guard",      "guard(c, guard(d, x)) => guard(c and d, x)"),
  exact("select-true",      "if true then x else y => x"),
  exact("select-false",     "if false then x else y => y"),
  exact("select-same",      "if c then x else x => x"),
  exact("select-not",       "if not c then x else y => if c then y else x"),
  exact("indicator-true",   "if c then 1 else 0 => indicator(c)"),
  exact("and-true",         "true and c => c"),
  exact("and-false",        "false and c => false"),
  exact("and-same",         "c and c => c"),
  exact("and-one-of",       "(c or d) and c => c"),
  exact("and-other-of",     "(c or d) and d => d"),
  exact("or-false",         "false or c => c"),
  exact("or-true",          "true or c => true"),
  exact("or-same",          "c or c => c"),
  exact("and-true-right",   "c and true => c"),
  exact("and-false-right",  "c and false => false"),
  exact("or-false-right",   "c or false => c"),
  exact("or-true-right",    "c or true => true"),
  exact("not-not",          "not (not c) => c"),
  exact("not-eq",           "not (x == y) => x != y"),
  exact("not-ne",           "not (x != y) => x == y"),
  exact("not-lt-int",       "not (x < y) => y <= x", undefined, ["x", "y"]),
  exact("not-le-int",       "not (x <= y) => y < x", undefined, ["x", "y"]),
  exact("ne-product",       "x * y != 0 => x != 0 and y != 0", undefined, ["x", "y"]),
  exact("eq-same",          "x == x => true", undefined, ["x"]),
  exact("ne-same",          "x != x => false", undefined, ["x"]),
  exact("le-same",          "x <= x => true", undefined, ["x"]),
  exact("lt-same",          "x < x => false"),
  exact("sub-same-int",     "x - x => 0", undefined, ["x"]),
  exact("add-sub-int",      "(x - y) + y => x", undefined, ["x", "y"]),
  exact("sub-add-int",      "(x + y) - y => x", undefined, ["x", "y"]),
  exact("abs-neg",          "abs(-x) => abs(x)"),
  exact("abs-abs",          "abs(abs(x)) => abs(x)"),
  exact("relu-relu",        "relu(relu(x)) => relu(x)"),
  exact("surrogate-same",   "surrogate(x, x) => x"),
  exact("ne-log-add-exp",   "logaddexp(x, y) != -inf => x != -inf or y != -inf"),
  accurate("exp-chain",     "exp(x - y) * exp(y - z) => exp(x - z)"),
  accurate("exp-chain-mul", "exp(x - y) * (w * exp(y - z)) => w * exp(x - z)"),
]

// prettier-ignore
export const stabilising: readonly Rule[] = [
  accurate("log-exp",            "log(exp(x)) => x"),
  accurate("exp-log",            "exp(log(x)) => x", "x >= 0"),
  accurate("log-softmax",        "log(exp(x) / y) => x - log(y)"),
  accurate("log-sum-exp",        "log(sum(exp(x))) => logsumexp(x)"),
  accurate("log-sum-scaled-exp", "log(x * sum(exp(z))) => log(x) + logsumexp(z)", "x > 0"),
  accurate("log-ratio-sum-exp",  "log(ratio(sum(exp(z)), n)) => logsumexp(z) - log(n)"),
  accurate("log-mean-exp",       "log(sum(exp(z)) / n) => logsumexp(z) - log(n)", "n > 0"),
  accurate("softmax",            "exp(x) / sum(exp(z)) => exp(x - logsumexp(z))"),
  accurate("log-add-exp",        "log(exp(x) + exp(y)) => logaddexp(x, y)"),
  accurate("softplus-sum",       "log(1 + exp(x)) => softplus(x)"),
  accurate("softplus-log1p",     "log1p(exp(x)) => softplus(x)"),
  accurate("softplus-lse",       "log1p(sum(exp(x))) => softplus(logsumexp(x))"),
  accurate("log-sigmoid",        "log(sigmoid(x)) => -softplus(-x)"),
  accurate("log-one-minus-sig",  "log(1 - sigmoid(x)) => -softplus(x)"),
  accurate("log1p-neg-sigmoid",  "log1p(-sigmoid(x)) => -softplus(x)"),
  accurate("one-minus-sigmoid",  "1 - sigmoid(x) => sigmoid(-x)"),
  accurate("one-minus-blend",    "1 - (t * sigmoid(x) + (1 - t) * sigmoid(-x)) => t * sigmoid(-x) + (1 - t) * sigmoid(x)"),
  accurate("sigmoid-one-over",   "1 / (1 + exp(x)) => sigmoid(-x)"),
  accurate("sigmoid-exp",        "exp(x) / (1 + exp(x)) => sigmoid(x)"),
  accurate("log-one-minus-exp",  "log(1 - exp(x)) => log1mexp(x)"),
  accurate("log1p-neg-exp",      "log1p(-exp(x)) => log1mexp(x)"),
  accurate("log-neg-expm1",      "log(-expm1(x)) => log1mexp(x)"),
  accurate("log-one-plus",       "log(1 + x) => log1p(x)"),
  accurate("log-one-minus",      "log(1 - x) => log1p(-x)"),
  accurate("log-above-one-minus", "log(clampMin(1 - x, y)) => clampMin(log1p(-clampMax(x, 1)), log(y))", "y > 0"),
  accurate("exp-minus-one",      "exp(x) - 1 => expm1(x)"),
  accurate("one-minus-exp",      "1 - exp(x) => -expm1(x)"),
  accurate("exp-minus-one-minus", "expm1(x) - x => expm1mx(x)"),
  accurate("minus-exp-minus-one", "x - expm1(x) => -expm1mx(x)"),
  accurate("power-minus-one",    "(1 + x) ^ y - 1 => pow1pm1(x, y)", "x >= 0"),
  accurate("two-to-power-minus-one", "2 ^ x - 1 => pow1pm1(1, x)"),
  accurate("one-minus-power",    "1 - (1 + x) ^ y => -pow1pm1(x, y)", "x >= 0"),
  accurate("softplus-minus",     "softplus(x) - softplus(-x) => x"),
  accurate("softplus-of-minus",  "softplus(-x) - softplus(x) => -x"),
  accurate("one-minus-erf",      "1 - erf(x) => erfc(x)"),
  accurate("one-plus-erf",       "1 + erf(x) => erfc(-x)"),
  accurate("one-minus-erfc",     "1 - erfc(x) => erf(x)"),
  accurate("log-erfc",           "log(erfc(x)) => logErfc(x)"),
  accurate("scaled-erfc",        "exp(x * x) * erfc(x) => erfcx(x)"),
  accurate("lgamma-one-plus",    "lgamma(1 + x) => lgamma1p(x)"),
  accurate("log1p-minus",        "log1p(x) - x => log1pmx(x)"),
  accurate("minus-log1p",        "x - log1p(x) => -log1pmx(x)"),
  accurate("root-sum-squares",   "sqrt(sum(x * x)) => root(sum(x * x))"),
  accurate("exp-exp",            "exp(x) * exp(y) => exp(x + y)"),
  accurate("exp-over-exp",       "exp(x) / exp(y) => exp(x - y)"),
]

// prettier-ignore
export const finishing: readonly Rule[] = [
  accurate("log-exp",            "log(exp(x)) => x"),
  accurate("log-sigmoid",        "log(sigmoid(x)) => -softplus(-x)"),
  accurate("log-root",           "log(root(x)) => log(x) / 2"),
  accurate("power-of-root",      "root(x) ^ y => x ^ (y / 2)"),
  nearOne("log-blend",        "t * sigmoid(-x) + (1 - t) * sigmoid(x)", "t * sigmoid(x) + (1 - t) * sigmoid(-x)"),
  nearOne("log-sigmoid-less", "relu(sigmoid(x) - y)", "sigmoid(-x) + y"),
  nearOne("log-distance",     "abs(t - sigmoid(x))", "if t < sigmoid(x) then t + sigmoid(-x) else 1 - t + sigmoid(x)"),
  nearOne("log-part",         "x / (y + x)", "y / (y + x)"),
  accurate("log-one-minus-exp",  "log(1 - exp(x)) => log1mexp(x)"),
  accurate("log-neg-expm1",      "log(-expm1(x)) => log1mexp(x)"),
  accurate("log-one-plus",       "log(1 + x) => log1p(x)"),
  accurate("log-one-minus",      "log(1 - x) => log1p(-x)"),
  accurate("softplus-minus",     "softplus(x) - softplus(-x) => x"),
  accurate("softplus-of-minus",  "softplus(-x) - softplus(x) => -x"),
  accurate("exp-minus-one",      "exp(x) - 1 => expm1(x)"),
  accurate("one-minus-exp",      "1 - exp(x) => -expm1(x)"),
  accurate("next-power",         "x ^ (y - 1) * x => x ^ y"),
  accurate("next-power-of-minus", "x ^ y * x => x ^ (y + 1)", "y < 0"),
  accurate("over-root",          "x / sqrt(x) => sqrt(x)"),
  accurate("exp-chain-end",      "exp(x - y) * exp(y) => exp(x)"),
  accurate("exp-of-smaller",     "exp(y) * sigmoid(w + (x - y) - z) => exp(min(y, x + (w - z))) * sigmoid(abs(w + (x - y) - z))"),
]

// prettier-ignore
export const expansions: readonly Rule[] = [
  accurate("expand-softplus", "softplus(x) => relu(x) + log1p(exp(-abs(x)))"),
  accurate("expand-sigmoid-of-minus", "sigmoid(-x) => (if x >= 0 then exp(-abs(x)) else 1) / (1 + exp(-abs(x)))"),
  accurate("expand-sigmoid",  "sigmoid(x) => (if x >= 0 then 1 else exp(-abs(x))) / (1 + exp(-abs(x)))"),
  accurate("expand-part-of-three", "exp(x - logaddexp(logaddexp(x, y), z)) => (if x < y then exp(clampMax(min(x, y) - max(max(x, y), z), 0)) else if max(x, y) < z then exp(-abs(max(x, y) - z)) else 1) / (1 + (exp(-abs(max(x, y) - z)) + exp(clampMax(min(x, y) - max(max(x, y), z), 0))))"),
  accurate("expand-third-part", "exp(z - logaddexp(logaddexp(x, y), z)) => (if max(x, y) < z then 1 else exp(-abs(max(x, y) - z))) / (1 + (exp(-abs(max(x, y) - z)) + exp(clampMax(min(x, y) - max(max(x, y), z), 0))))"),
  accurate("expand-log-add-exp-of-three", "logaddexp(logaddexp(x, y), z) => if abs(max(max(x, y), z)) == inf then max(max(x, y), z) else max(max(x, y), z) + log1p(exp(-abs(max(x, y) - z)) + exp(clampMax(min(x, y) - max(max(x, y), z), 0)))"),
  exact("expand-log-add-exp", "logaddexp(x, y) => if x == y then x + 0.6931471805599453 else max(x, y) + log1p(exp(-abs(x - y)))"),
  accurate("expand-xlogy",    "xlogy(x, y) => if x == 0 and y == y then 0 else x * log(y)"),
]
