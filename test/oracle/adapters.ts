// How each reference file maps to the library. Names in snake_case become camelCase unless an entry says otherwise.
import type { Case } from "./harness.ts"

export interface Adapter {
  /** The library loss; a function chooses by the case. */
  readonly loss: string | ((one: Case) => string)
  /** The text of a loss that is not in the library. */
  readonly source?: string
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
  custom_mse: { loss: "custom", source: "(output - target)^2" },

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

  // Pairs of a batch
  info_nce_loss: {
    loss: "infoNce",
    names: { query: "q", key: "k", temperature: "tau", normalize: "normalized" },
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
  cox_ph_loss: { loss: "coxPh", bools: ["event"] },

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
  focal_tversky_loss: { loss: "focalTversky", static: ["activation"] },
}
