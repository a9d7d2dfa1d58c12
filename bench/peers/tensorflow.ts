// The rows in TensorFlow.js on its wasm backend, or on its cpu backend where that lacks a kernel; inputs are tensors before.
import type { Row } from "../rows.ts"
import { type Any, load } from "./install.ts"
import type { Calls } from "./sides.ts"

/** The losses as its users would write them, over tensors. It has no CTC. */
const losses = (tf: Any, row: Row): Readonly<Record<string, (...args: Any[]) => Any>> => {
  const distance = (x: Any, y: Any): Any => tf.sum(tf.square(tf.sub(x, y)), -1)
  const unit = (x: Any): Any => tf.div(x, tf.sqrt(tf.sum(tf.square(x), -1, true)))
  const taken = (logits: Any, oneHot: Any): Any => tf.sum(tf.mul(tf.logSoftmax(logits, -1), oneHot), -1)
  return {
    mse: (x, y) => tf.losses.meanSquaredError(y, x),
    binaryCrossEntropyWithLogits: (x, y) => tf.losses.sigmoidCrossEntropy(y, x),
    crossEntropy: (x, y) => tf.losses.softmaxCrossEntropy(y, x),
    triplet: (a, p, n) => tf.mean(tf.relu(tf.add(tf.sub(distance(a, p), distance(a, n)), 1))),
    infoNce: (q, k) => {
      const scores = tf.div(tf.matMul(unit(q), unit(k), false, true), 0.07)
      return tf.losses.softmaxCrossEntropy(tf.eye(row.sizes[0]), scores)
    },
    softmaxFocal: (x, y) => {
      const lp = taken(x, y)
      return tf.neg(tf.mean(tf.mul(tf.square(tf.sub(1, tf.exp(lp))), lp)))
    },
    dice: (x, t) => {
      const p = tf.sigmoid(x)
      const above = tf.add(tf.mul(tf.sum(tf.mul(p, t), [-2, -1]), 2), 1e-5)
      return tf.mean(tf.sub(1, tf.div(above, tf.add(tf.sum(tf.add(p, t), [-2, -1]), 1e-5))))
    },
    giou: (a, b) => {
      const [ax1, ay1, ax2, ay2] = tf.split(a, 4, -1)
      const [bx1, by1, bx2, by2] = tf.split(b, 4, -1)
      const w = tf.sub(tf.minimum(ax2, bx2), tf.maximum(ax1, bx1))
      const h = tf.sub(tf.minimum(ay2, by2), tf.maximum(ay1, by1))
      const common = tf.mul(tf.relu(w), tf.relu(h))
      const areas = tf.add(
        tf.mul(tf.sub(ax2, ax1), tf.sub(ay2, ay1)),
        tf.mul(tf.sub(bx2, bx1), tf.sub(by2, by1)),
      )
      const both = tf.sub(areas, common)
      const hull = tf.mul(
        tf.sub(tf.maximum(ax2, bx2), tf.minimum(ax1, bx1)),
        tf.sub(tf.maximum(ay2, by2), tf.minimum(ay1, by1)),
      )
      const apart = tf.div(tf.sub(hull, both), tf.add(hull, 1e-7))
      return tf.mean(tf.add(tf.sub(1, tf.div(common, tf.add(both, 1e-7))), apart))
    },
    average: (x) => tf.mean(x),
  }
}

/** Calls that end with the loss and the gradients in arrays of their own. */
export async function tensorflow(first: Row, folder: string): Promise<(row: Row) => Calls> {
  // Its greeting on the console is not ours to print.
  const { warn } = console
  console.warn = () => {}
  const [tf, wasm] = await load("tensorflow", folder)
  wasm.setThreadsCount(1)
  await tf.setBackend("wasm")
  console.warn = warn
  if (!losses(tf, first)[first.loss.name]) throw new Error(`tf.js cannot express ${first.loss.name}`)
  const make = (row: Row): Calls => {
    const tensors = Object.values(row.inputs).map((data, k) => {
      const shape = Object.values(row.shapes)[k]!
      return data instanceof Float32Array
        ? tf.tensor(data, [...shape], "float32")
        : tf.cast(tf.oneHot(tf.tensor(data, [...shape], "int32"), row.sizes[1]), "float32")
    })
    const loss = losses(tf, row)[row.loss.name]!
    const by = row.grad.length
    const differentiated = tf.valueAndGrads((...args: Any[]) => loss(...args, ...tensors.slice(by)))
    let grad: Float32Array[] = []
    return {
      run: () => {
        tf.engine().startScope()
        const { value, grads } =
          by > 0 ? differentiated(tensors.slice(0, by)) : { value: loss(...tensors), grads: [] }
        grad = grads.map((x: Any) => x.dataSync())
        const result = value.dataSync()[0]
        tf.engine().endScope()
        return result
      },
      grad: () => grad,
      note: tf.getBackend() === "cpu" ? "cpu" : "",
    }
  }
  try {
    make(first).run()
  } catch {
    await tf.setBackend("cpu")
  }
  return make
}
