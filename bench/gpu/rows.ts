// The rows of `npm run bench:gpu`: losses of the library at sizes for a GPU, and at small ones for a software adapter.
import type { Loss } from "lossc"
import { binaryCrossEntropyWithLogits, crossEntropy, infoNce, mse, triplet } from "lossc/stdlib"

/** A loss at one size. */
export interface GpuRow {
  readonly title: string
  /** Its name for torch_rows.py. */
  readonly name: string
  readonly loss: Loss
  readonly grad: readonly string[]
  readonly sizes: Readonly<Record<string, number>>
  readonly inputs: readonly GpuRowInput[]
  /** Bytes that must move at least: each argument read once, each gradient written once. */
  readonly bytes: number
}

/** An argument: numbers of f32, or labels below a bound. */
export interface GpuRowInput {
  readonly name: string
  readonly length: number
  readonly labels?: number
}

/** The five rows; `isSoftware` makes them small. */
export function gpuRows(isSoftware: boolean): GpuRow[] {
  const elements = isSoftware ? 2 ** 18 : 2 ** 28
  const [rows, classes] = isSoftware ? [64, 1003] : [16_384, 50_257]
  const [batch, width] = isSoftware ? [128, 64] : [8192, 768]
  const elementwise = (
    name: string,
    loss: Loss,
    names: readonly [string, string],
    sizes: GpuRow["sizes"],
  ): GpuRow => ({
    title: `${loss.name}, ${elements.toLocaleString("en")} elements`,
    name,
    loss,
    grad: [names[0]],
    sizes,
    inputs: names.map((one) => ({ name: one, length: elements })),
    bytes: 12 * elements,
  })
  const embeddings = (name: string, loss: Loss, names: readonly string[]): GpuRow => ({
    title: `${loss.name}, ${batch} x ${width}`,
    name,
    loss,
    grad: names,
    sizes: { b: batch, d: width, ...(name === "infoNce" && { m: batch }) },
    inputs: names.map((one) => ({ name: one, length: batch * width })),
    bytes: 8 * names.length * batch * width,
  })
  return [
    elementwise("mse", mse, ["pred", "target"], { "...": elements }),
    elementwise("bce", binaryCrossEntropyWithLogits, ["logits", "target"], { "...": elements, c: 1 }),
    {
      title: `crossEntropy, ${rows} x ${classes}`,
      name: "cross-entropy",
      loss: crossEntropy,
      grad: ["logits"],
      sizes: { b: rows, c: classes, "...": 1 },
      inputs: [
        { name: "logits", length: rows * classes },
        { name: "target", length: rows, labels: classes },
      ],
      bytes: 8 * rows * classes,
    },
    embeddings("triplet", triplet, ["a", "p", "n"]),
    embeddings("infoNce", infoNce, ["q", "k"]),
  ]
}
