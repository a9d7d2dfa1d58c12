// The rows in jax-js on its wasm backend, traced and compiled by `jit`, with inputs that are on its device before.
import type { Row } from "../rows.ts"
import { type Any, load } from "./install.ts"
import type { Calls } from "./sides.ts"

/** The losses as its users would write them, over arrays. It has no loops over arrays, which CTC would need. */
const losses = ({ nn, numpy: np }: Any, row: Row): Readonly<Record<string, (...args: Any[]) => Any>> => {
  const square = (x: Any): Any => x.ref.mul(x)
  const distance = (x: Any, y: Any): Any => square(x.sub(y)).sum(-1)
  const unit = (x: Any): Any => x.ref.div(np.sqrt(square(x).sum(-1, { keepdims: true })))
  const taken = (lp: Any, oneHot: Any): Any => lp.mul(oneHot).sum(-1)
  const edges = (x: Any): Any[] => np.split(x, 4, -1)
  return {
    mse: (x, y) => square(x.sub(y)).mean(),
    binaryCrossEntropyWithLogits: (x, y) =>
      y.ref
        .mul(nn.logSigmoid(x.ref))
        .add(np.array(1).sub(y).mul(nn.logSigmoid(x.neg())))
        .mean()
        .neg(),
    crossEntropy: (x, y) => taken(nn.logSoftmax(x, -1), y).mean().neg(),
    triplet: (a, p, n) => nn.relu(distance(a.ref, p).sub(distance(a, n)).add(1)).mean(),
    infoNce: (q, k) => {
      const scores = np.matmul(unit(q), np.matrixTranspose(unit(k))).div(0.07)
      return taken(nn.logSoftmax(scores, -1), np.eye(row.sizes[0])).mean().neg()
    },
    softmaxFocal: (x, y) => {
      const lp = taken(nn.logSoftmax(x, -1), y)
      return square(np.array(1).sub(np.exp(lp.ref)))
        .mul(lp)
        .mean()
        .neg()
    },
    dice: (x, t) => {
      const p = nn.sigmoid(x)
      const overlap = p.ref.mul(t.ref).sum([-2, -1])
      return np
        .array(1)
        .sub(
          overlap
            .mul(2)
            .add(1e-5)
            .div(p.add(t).sum([-2, -1]).add(1e-5)),
        )
        .mean()
    },
    giou: (a, b) => {
      const [ax1, ay1, ax2, ay2] = edges(a) as [Any, Any, Any, Any]
      const [bx1, by1, bx2, by2] = edges(b) as [Any, Any, Any, Any]
      const w = np.minimum(ax2.ref, bx2.ref).sub(np.maximum(ax1.ref, bx1.ref))
      const h = np.minimum(ay2.ref, by2.ref).sub(np.maximum(ay1.ref, by1.ref))
      const common = nn.relu(w).mul(nn.relu(h))
      const hull = np
        .maximum(ax2.ref, bx2.ref)
        .sub(np.minimum(ax1.ref, bx1.ref))
        .mul(np.maximum(ay2.ref, by2.ref).sub(np.minimum(ay1.ref, by1.ref)))
      const both = ax2
        .sub(ax1)
        .mul(ay2.sub(ay1))
        .add(bx2.sub(bx1).mul(by2.sub(by1)))
        .sub(common.ref)
      return np
        .array(1)
        .sub(common.div(both.ref.add(1e-7)))
        .add(hull.ref.sub(both).div(hull.add(1e-7)))
        .mean()
    },
    average: (x) => x.mean(),
  }
}

/** Calls that end with the loss and the gradients in arrays of their own. */
export async function jax(first: Row, folder: string): Promise<(row: Row) => Calls> {
  const [library] = await load("jax", folder)
  await library.init("wasm")
  library.defaultDevice("wasm")
  if (!losses(library, first)[first.loss.name]) throw new Error(`jax-js cannot express ${first.loss.name}`)
  const { numpy: np } = library
  return (row) => {
    const arrays = Object.values(row.inputs).map((data, k) => {
      const shape = Object.values(row.shapes)[k]!
      if (data instanceof Float32Array) return np.array(data).reshape([...shape])
      // Labels as rows with a one, as there is no derivative of a choice by index.
      return library.nn.oneHot(np.array(data, { dtype: np.int32 }), row.sizes[1]).astype(np.float32)
    })
    const loss = losses(library, row)[row.loss.name]!
    const argnums = row.grad.map((_, k) => k)
    const compiled = library.jit(row.grad.length > 0 ? library.valueAndGrad(loss, { argnums }) : loss)
    let grad: Float32Array[] = []
    return {
      run: () => {
        const result = compiled(...arrays.map((x: Any) => x.ref))
        const [value, gradients] = row.grad.length > 0 ? result : [result, []]
        grad = gradients.map((x: Any) => x.dataSync())
        return value.dataSync()[0]
      },
      grad: () => grad,
    }
  }
}
