// How each reference file maps to the library. Names in snake_case become camelCase unless an entry says otherwise.
import type { Case, Tensor } from "./harness.ts"

export interface Adapter {
  /** The library loss; a function chooses by the case. */
  readonly loss: string | ((one: Case) => string)
  /** The text of a loss that is not in the library. */
  readonly source?: (one: Case) => string | undefined
  /** The reduction of a file that has no such parameter; else a mean. */
  readonly reduction?: "none"
  /** Why a case has another answer here, or none; it is listed and not run. */
  readonly leave?: (one: Case) => string | undefined
  /** The same case as the library asks for it, where no entry below says enough. */
  readonly prepare?: (one: Case) => Case
  /** Names of inputs and parameters in the file → in the library. */
  readonly names?: Readonly<Record<string, string>>
  /** Options whose default in the file is not the library's. */
  readonly defaults?: Readonly<Record<string, unknown>>
  /** Library options that are fixed when a kernel is made. */
  readonly static?: readonly string[]
  /** Parameters that choose the loss and are no option of it. */
  readonly ignore?: readonly string[]
  /** Parameters whose values are written differently in the library. */
  readonly values?: Readonly<Record<string, (value: unknown) => unknown>>
  /** The mean of nothing in the file; NaN if absent. */
  readonly emptyMean?: "zero"
  /** Inputs that are options with one value. */
  readonly scalars?: readonly string[]
  /** Inputs whose shape is written differently in the library (same elements). */
  readonly reshape?: Readonly<Record<string, (one: Case) => readonly number[]>>
  /** Integer inputs that are conditions in the library. */
  readonly bools?: readonly string[]
  /** With reduction none: which rows of the library the file has, if it leaves some out. */
  readonly rows?: (one: Case) => { readonly of: number; readonly kept: readonly number[] } | undefined
  /** Inputs that torch broadcasts → the shape to expand them to. */
  readonly expand?: Readonly<Record<string, (one: Case) => readonly number[]>>
}

const like =
  (name: string) =>
  (one: Case): readonly number[] =>
    one.inputs[name]!.shape

const lastAxis =
  (name: string) =>
  (one: Case): readonly number[] =>
    one.inputs[name]!.shape.slice(-1)

const prediction = { input: "pred" }
/** The file drops the rows of the first class where the library keeps them as 0. */
const withoutBackground = (one: Case): { of: number; kept: number[] } | undefined => {
  if (one.params?.["include_background"] !== false) return undefined
  const [samples = 1, classes = 1] = one.inputs["input"]!.shape
  const rows = Array.from({ length: samples * classes }, (_, row) => row)
  return { of: rows.length, kept: rows.filter((row) => row % classes > 0) }
}

const pair = { a: "x", b: "y" }
const isSoft = (one: Case): boolean => one.inputs["target"]!.dtype === "float64"

const each = (formula: string): string => `loss f[...](x) = ${formula}`
const both = (formula: string): string => `loss f[...](x, y) = ${formula}`
const row = (formula: string): string => `loss f[b](x: [k]) = ${formula}`
const entry = (formula: string): string => `loss f[b, k](x: [b, k]) = ${formula}`
const rows = (formula: string): string => `loss f[b](x: [k], y: [k]) = ${formula}`

/** The building blocks, each as a loss of its own. */
const primitives: Readonly<Record<string, string>> = {
  exp: each("exp(x)"),
  log: each("log(x)"),
  log1p: each("log1p(x)"),
  expm1: each("expm1(x)"),
  sqrt: each("sqrt(x)"),
  rsqrt: each("1 / sqrt(x)"),
  square: each("x^2"),
  abs: each("abs(x)"),
  sign: each("sign(x)"),
  relu: each("relu(x)"),
  sigmoid: each("sigmoid(x)"),
  logsigmoid: each("logSigmoid(x)"),
  softplus: each("softplus(x)"),
  tanh: each("tanh(x)"),
  sin: each("sin(x)"),
  cos: each("cos(x)"),
  acos: each("acos(x)"),
  atan: each("atan(x)"),
  erf: each("erf(x)"),
  lgamma: each("lgamma(x)"),
  digamma: each("digamma(x)"),
  reciprocal: each("1 / x"),
  xlogx: each("xlogy(x, x)"),
  clamp: each("clamp(x, -1, 1)"),
  sum: row("sum[k](x)"),
  mean: row("mean[k](x)"),
  amax: row("max[k](x)"),
  amin: row("min[k](x)"),
  max_first: row("x[k = argmax[k](x)]"),
  prod: row("prod[k](x)"),
  logsumexp: row("logsumexp[k](x)"),
  norm2: row("norm(x)"),
  norm1: row("pnorm(x, 1)"),
  var_unbiased: row("variance(x, ddof = 1)"),
  var_biased: row("variance(x)"),
  softmax: entry("softmax[k](x)"),
  log_softmax: entry("logSoftmax[k](x)"),
  cumsum: entry("cumsum[k](x)"),
  logcumsumexp: entry("logsumexp[j in k if j <= k](x[k = j])"),
  normalize: entry("normalize[k](x)"),
  add: both("x + y"),
  sub: both("x - y"),
  mul: both("x * y"),
  div: both("x / y"),
  pow: both("x^y"),
  maximum: both("max(x, y)"),
  minimum: both("min(x, y)"),
  atan2: both("atan2(x, y)"),
  logaddexp: both("logaddexp(x, y)"),
  xlogy: both("xlogy(x, y)"),
  matmul_t: "loss f[n, m](x: [n, k], y: [m, k]) = dot[k](x, y)",
  cosine_similarity: rows("cosine(x, y)"),
}
const distance = ({ params }: Case): string =>
  rows(`pnorm(x - y + ${Number(params!["eps"])}, ${Number(params!["p"])})`)
const primitive = (one: Case): string | undefined =>
  one.params!["op"] === "pairwise_distance" ? distance(one) : primitives[String(one.params!["op"])]

/** Where the language has an answer of its own; see docs/subgradients.md. */
const ownAnswers: Readonly<Record<string, string>> = {
  "primitives-s26-xlogx-at-0": "the derivative is -inf, the limit, not NaN",
  "primitives-s69-logsumexp-all-neg-inf": "the gradient is 0, not NaN",
  "primitives-s71-mean-0-columns": "a mean of nothing inside a formula is 0, not NaN",
}

/** Targets of different lengths as rows of one length, and a mean that divides each loss by its length, as torch's does. */
function ctcCase(one: Case): Case {
  const { reduction = "mean" } = one.params ?? {}
  const params = { ...one.params, per_label: reduction === "mean" }
  const { targets, target_lengths } = one.inputs as Record<string, Tensor>
  if (targets!.shape.length === 2) return { ...one, params }
  const lengths = target_lengths!.data as number[]
  const longest = Math.max(...lengths)
  const data: number[] = []
  let at = 0
  for (const length of lengths) {
    const row = (targets!.data as number[]).slice(at, at + length)
    data.push(...row, ...Array.from({ length: longest - length }, () => -1))
    at += length
  }
  return { ...one, params, inputs: { ...one.inputs, targets: { ...targets!, shape: [lengths.length, longest], data } } }
}

/** What the library says to the cases that PyTorch refuses, by the code of its diagnostic. */
export const refusals: Readonly<Record<string, string>> = {
  "binary_cross_entropy-s28-out-of-range": "domain",
  "binary_cross_entropy-s29-shape-mismatch": "size-mismatch",
  "cross_entropy-s71-target-out-of-range": "label-range",
  "cross_entropy-s72-smoothing-above-1": "option-domain",
  "cross_entropy-s73-batch-mismatch": "size-mismatch",
  "gaussian_nll_loss-s31-negative-var": "domain",
  "huber_loss-s28-delta-not-positive": "option-domain",
  "multi_margin_loss-s28-p-3": "option-domain",
  "nll_loss-s33-target-negative": "label-range",
  "smooth_l1_loss-s30-beta-negative": "option-domain",
}

export const adapters: Readonly<Record<string, Adapter>> = {
  // Tier 0
  cross_entropy: {
    loss: (one) => (isSoft(one) ? "crossEntropyProbs" : "crossEntropy"),
    names: { input: "logits" },
  },
  nll_loss: { loss: "nll", names: { input: "logProbs" } },
  mse_loss: { loss: "mse", names: prediction },
  l1_loss: { loss: "mae", names: prediction },
  binary_cross_entropy: { loss: "binaryCrossEntropy", expand: { weight: like("input") } },
  triplet_squared: { loss: "triplet", names: { anchor: "a", positive: "p", negative: "n" } },
  custom_mse: { loss: "custom", source: () => "(output - target)^2" },

  // Tier 1
  binary_cross_entropy_with_logits: {
    loss: "binaryCrossEntropyWithLogits",
    names: { input: "logits" },
    expand: { weight: like("input"), pos_weight: lastAxis("input") },
  },
  smooth_l1_loss: { loss: "smoothL1", names: prediction },
  huber_loss: { loss: "huber", names: prediction },
  kl_div: { loss: (one) => (one.params?.["reduction"] === "batchmean" ? "klDivRows" : "klDiv") },
  poisson_nll_loss: { loss: "poissonNll" },
  gaussian_nll_loss: {
    loss: "gaussianNll",
    reshape: {
      var: (one) => {
        const shape = like("var")(one)
        return shape.length < like("input")(one).length ? [...shape, 1] : shape
      },
    },
    expand: { var: like("input") },
  },
  hinge_embedding_loss: { loss: "hingeEmbedding" },
  cosine_embedding_loss: { loss: "cosineEmbedding" },
  margin_ranking_loss: { loss: "marginRanking" },
  soft_margin_loss: { loss: "softMargin" },
  multilabel_soft_margin_loss: { loss: "multilabelSoftMargin" },
  multilabel_margin_loss: { loss: "multilabelMargin" },
  multi_margin_loss: { loss: "multiMargin" },
  triplet_margin_loss: { loss: "tripletMargin", static: ["p"] },
  triplet_margin_with_distance_loss: { loss: "tripletMarginWithDistance", static: ["distance"] },
  linear_cross_entropy: { loss: "linearCrossEntropy" },
  adaptive_log_softmax_with_loss: {
    loss: (one) => `adaptiveLogSoftmax${(one.params!["cutoffs"] as readonly number[]).length}`,
    names: {
      "head.weight": "head",
      "head.bias": "headBias",
      ...Object.fromEntries(
        [0, 1, 2, 3].flatMap((i) => [
          [`tail.${i}.0.weight`, `down${i + 1}`],
          [`tail.${i}.1.weight`, `up${i + 1}`],
        ]),
      ),
    },
    ignore: ["cutoffs", "n_classes", "div_value", "head_bias"],
  },
  ctc_loss: { loss: "ctc", prepare: ctcCase },
  ctc_loss_log_probs: { loss: "ctcLogProbs", prepare: ctcCase },

  // Pairs of a batch
  info_nce_loss: {
    loss: "infoNce",
    names: { query: "q", key: "k", temperature: "tau", normalize: "normalized" },
    static: ["normalized"],
    defaults: { tau: 0.1 },
  },
  nt_xent_loss: { loss: "ntXent" },
  supcon_loss: { loss: "supCon", names: { embeddings: "z", labels: "y", temperature: "tau" } },
  clip_loss: { loss: "clip", scalars: ["logit_scale", "logit_bias"] },
  siglip_loss: { loss: "sigLip", scalars: ["logit_scale", "logit_bias"] },

  // Regression
  quantile_loss: { loss: "quantile", names: prediction },
  log_cosh_loss: { loss: "logCosh", names: prediction },
  wing_loss: { loss: "wing", names: prediction },
  adaptive_wing_loss: { loss: "adaptiveWing", names: prediction },
  charbonnier_loss: { loss: "charbonnier", names: prediction },
  barron_loss: { loss: "barron", names: { input: "residual" } },
  tweedie_loss: { loss: "tweedie" },
  crps_gaussian_loss: { loss: "crpsGaussian" },
  evidential_regression_loss: { loss: "evidentialRegression" },
  negative_binomial_nll_loss: { loss: "negativeBinomialNll" },
  mixture_density_loss: { loss: "mixtureDensity" },

  // Classification
  sigmoid_focal_loss: { loss: "sigmoidFocal", names: { input: "logits" } },
  softmax_focal_loss: { loss: "softmaxFocal", names: { input: "logits" } },
  poly1_cross_entropy_loss: { loss: "poly1CrossEntropy", names: { input: "logits" } },
  z_loss_cross_entropy: { loss: "zLossCrossEntropy", names: { input: "logits" } },
  hinge_loss: { loss: "hinge" },
  categorical_hinge_loss: { loss: "categoricalHinge" },

  // Distributions
  jsd_loss: { loss: "jsd" },
  tvd_loss: { loss: "totalVariation" },
  distillation_kl_loss: { loss: "distillationKl" },
  vae_gaussian_kl_loss: { loss: "vaeGaussianKl", names: { logvar: "logVar" } },
  mmd_rbf_loss: { loss: "mmdRbf" },

  // Embeddings
  contrastive_loss: { loss: "contrastive", names: pair },
  normalized_softmax_loss: { loss: "normalizedSoftmax" },
  cosface_loss: { loss: "cosFace" },
  arcface_loss: { loss: "arcFace" },
  multi_similarity_loss: { loss: "multiSimilarity" },
  circle_loss: { loss: "circle", emptyMean: "zero" },
  proxy_anchor_loss: { loss: "proxyAnchor" },
  proxy_nca_loss: { loss: "proxyNca", names: { softmax_scale: "scale" } },
  cosent_loss: { loss: "cosent", names: pair },
  barlow_twins_loss: { loss: "barlowTwins" },
  vicreg_loss: { loss: "vicReg" },

  // Sequences and transport
  crf_nll_loss: { loss: "crfNll" },
  soft_dtw_loss: { loss: "softDtw" },
  sinkhorn_loss: { loss: "sinkhorn", static: ["nIter"] },

  // Preferences and rewards
  dpo_loss: { loss: "dpo", static: ["lossType"] },
  cpo_simpo_loss: { loss: "simPo" },
  orpo_loss: { loss: "orpo" },
  kto_loss: { loss: "kto", scalars: ["kl"] },
  ppo_clip_loss: { loss: "ppoClip" },
  grpo_loss: { loss: "grpo", static: ["lossType", "importance"], bools: ["mask"] },

  // Ranking and survival
  bpr_loss: { loss: "bpr" },
  ranknet_loss: { loss: "rankNet" },
  listnet_loss: { loss: "listNet" },
  listmle_loss: { loss: "listMle" },
  approx_ndcg_loss: { loss: "approxNdcg" },
  cox_ph_loss: { loss: "coxPh", bools: ["event"] },

  // Boxes and images
  giou_loss: { loss: "giou", emptyMean: "zero" },
  diou_loss: { loss: "diou", emptyMean: "zero" },
  ciou_loss: { loss: "ciou", emptyMean: "zero" },
  ssim_loss: { loss: "ssim", names: { kernel: "window" }, static: ["winSize", "window"] },

  // Segmentation
  dice_loss: {
    loss: (one) => (one.params?.["batch"] ? "diceBatch" : "dice"),
    ignore: ["batch"],
    static: ["activation"],
    rows: withoutBackground,
  },
  generalized_dice_loss: {
    loss: "generalizedDice",
    names: { w_type: "weighting" },
    static: ["activation", "weighting"],
  },
  tversky_loss: { loss: "tversky", static: ["activation"] },
  lovasz_hinge_loss: { loss: "lovaszHinge", bools: ["target"] },
  lovasz_softmax_loss: { loss: "lovaszSoftmax" },
  focal_tversky_loss: { loss: "focalTversky", static: ["activation"] },

  // The language itself
  primitives: {
    loss: "primitives",
    source: primitive,
    reduction: "none",
    ignore: ["op", "lo", "hi", "p", "eps"],
    expand: { y: (one) => (one.params!["op"] === "matmul_t" ? like("y") : like("x"))(one) },
    leave: (one) => ownAnswers[one.name],
  },
}
