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
  /** Inputs that are options with one value. */
  readonly scalars?: readonly string[]
  /** Inputs whose shape is written differently in the library (same elements). */
  readonly reshape?: Readonly<Record<string, (one: Case) => readonly number[]>>
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
}
