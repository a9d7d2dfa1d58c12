// The workloads of the speed comparison: data for lossc, for the loops by hand, and for other libraries.
import { compile, type Loss } from "lossc"
import * as library from "lossc/stdlib"
import { classed, noise, overlapping, spelled } from "./data.ts"
import { crossEntropy, softmaxFocal } from "./hand/classes.ts"
import { ctc, ctcRoom } from "./hand/ctc.ts"
import { average, bce, mse, mseInOrder } from "./hand/elements.ts"
import { infoNce, infoNceRoom } from "./hand/infoNce.ts"
import { dice, giou } from "./hand/regions.ts"
import { triplet } from "./hand/triplet.ts"

/** A loss on a batch: what lossc is asked for, and the same by hand. */
export interface Row {
  readonly title: string
  readonly loss: Loss
  readonly grad: readonly string[]
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array>>
  readonly shapes: Readonly<Record<string, readonly number[]>>
  /** Static options that are not the defaults. */
  readonly statics?: Readonly<Record<string, string>>
  /** The sizes that the title names, in this order. */
  readonly sizes: readonly number[]
  /** What a time is divided by to be comparable among sizes: the elements of the largest argument, or the scores. */
  readonly elements: number
  /** Writes the gradients of the mean into `out` and returns the mean. */
  byHand(out: Readonly<Record<string, Float32Array>>): number
}

/** A workload: a batch of four sizes, the last of which is the one that is compared. */
export interface Work {
  readonly name: string
  readonly sizes: readonly [number, number, number, number]
  readonly at: (size: number) => Row
}

function mseRow(title: string, byHand: typeof mse, n: number): Row {
  const pred = noise(n, 1, 3)
  const target = noise(n, 2, 3)
  return {
    title: `${title}, ${n} elements`,
    loss: library.mse,
    grad: ["pred"],
    inputs: { pred, target },
    shapes: { pred: [n], target: [n] },
    sizes: [n],
    elements: n,
    byHand: (out) => byHand(pred, target, out["pred"]!),
  }
}

function bceRow(n: number): Row {
  const logits = noise(n, 3, 6)
  const target = noise(n, 4, 1).map((x) => (x > 0 ? 1 : 0))
  return {
    title: `BCE with logits, ${n} elements`,
    loss: library.binaryCrossEntropyWithLogits,
    grad: ["logits"],
    inputs: { logits, target },
    shapes: { logits: [n], target: [n] },
    sizes: [n],
    elements: n,
    byHand: (out) => bce(logits, target, out["logits"]!),
  }
}

/** A loss of rows of logits with integer labels. */
function classesRow(what: string, loss: Loss, byHand: typeof crossEntropy, rows: number): Row {
  const classes = 1000
  const logits = noise(rows * classes, 5, 6)
  const target = classed(rows, classes)
  const kept = new Float64Array(classes)
  return {
    title: `${what}, ${rows} x ${classes}`,
    loss,
    grad: ["logits"],
    inputs: { logits, target },
    shapes: { logits: [rows, classes], target: [rows] },
    sizes: [rows, classes],
    elements: rows * classes,
    byHand: (out) => byHand(logits, target, kept, out["logits"]!),
  }
}

function tripletRow(rows: number): Row {
  const width = 128
  const a = noise(rows * width, 6, 1)
  const p = noise(rows * width, 7, 1)
  const n = noise(rows * width, 8, 1)
  return {
    title: `triplet, 3 gradients, ${rows} x ${width}`,
    loss: library.triplet,
    grad: ["a", "p", "n"],
    inputs: { a, p, n },
    shapes: { a: [rows, width], p: [rows, width], n: [rows, width] },
    sizes: [rows, width],
    elements: rows * width,
    byHand: (out) => triplet(a, p, n, out["a"]!, out["p"]!, out["n"]!, width),
  }
}

function infoNceRow(rows: number): Row {
  const width = 128
  const q = noise(rows * width, 9, 1)
  const k = noise(rows * width, 10, 1)
  const room = infoNceRoom(rows, width)
  return {
    title: `InfoNCE, 2 gradients, ${rows} x ${width}`,
    loss: library.infoNce,
    grad: ["q", "k"],
    inputs: { q, k },
    shapes: { q: [rows, width], k: [rows, width] },
    sizes: [rows, width],
    elements: rows * rows,
    byHand: (out) => infoNce(q, k, out["q"]!, out["k"]!, room),
  }
}

function diceRow(side: number): Row {
  const [images, classes] = [8, 4]
  const shape = [images, classes, side, side]
  const area = side * side
  const n = images * classes * area
  const input = noise(n, 11, 4)
  const target = noise(n, 12, 1).map((x) => (x > 0.3 ? 1 : 0))
  return {
    title: `dice of sigmoids, ${images} x ${classes} x ${side} x ${side}`,
    loss: library.dice,
    grad: ["input"],
    inputs: { input, target },
    shapes: { input: shape, target: shape },
    statics: { activation: "sigmoid" },
    sizes: [images * classes, area],
    elements: n,
    byHand: (out) => dice(input, target, area, out["input"]!),
  }
}

function giouRow(boxes: number): Row {
  const { boxes1, boxes2 } = overlapping(boxes)
  return {
    title: `GIoU, ${boxes} rows of 4`,
    loss: library.giou,
    grad: ["boxes1"],
    inputs: { boxes1, boxes2 },
    shapes: { boxes1: [boxes, 4], boxes2: [boxes, 4] },
    sizes: [boxes],
    elements: boxes * 4,
    byHand: (out) => giou(boxes1, boxes2, out["boxes1"]!),
  }
}

function ctcRow(batch: number): Row {
  const [frames, classes, labels] = [128, 64, 24]
  const logits = noise(frames * batch * classes, 15, 3)
  const { targets, inputLengths, targetLengths } = spelled(batch, frames, classes, labels)
  const room = ctcRoom(frames, batch, classes, labels)
  return {
    title: `CTC, ${frames} frames x ${batch} x ${classes} classes, ${labels} labels`,
    loss: library.ctc,
    grad: ["logits"],
    inputs: { logits, targets, inputLengths, targetLengths },
    shapes: {
      logits: [frames, batch, classes],
      targets: [batch, labels],
      inputLengths: [batch],
      targetLengths: [batch],
    },
    sizes: [frames, batch, classes, labels],
    elements: frames * batch * classes,
    byHand: (out) => ctc(logits, targets, inputLengths, targetLengths, room, out["logits"]!),
  }
}

const averageLoss = compile("loss average[...](x) = x")

function averageRow(n: number): Row {
  const x = noise(n, 16, 3).map((value) => value + 1)
  return {
    title: `mean of ${n} elements, no gradient`,
    loss: averageLoss,
    grad: [],
    inputs: { x },
    shapes: { x: [n] },
    sizes: [n],
    elements: n,
    byHand: () => average(x),
  }
}

const rowsOf1000 = [8, 64, 512, 4096] as const
const elements = [2 ** 13, 2 ** 16, 2 ** 19, 2 ** 22] as const

/** The rows of the table. Their data are made when asked for: together they are 400 MB. */
// prettier-ignore
export const works: readonly Work[] = [
  { name: "mse", sizes: elements, at: (n) => mseRow("MSE", mse, n) },
  { name: "bce", sizes: elements, at: bceRow },
  { name: "cross-entropy", sizes: rowsOf1000, at: (rows) => classesRow("cross-entropy", library.crossEntropy, crossEntropy, rows) },
  { name: "triplet", sizes: [32, 256, 2048, 16384], at: tripletRow },
  { name: "infoNce", sizes: [32, 128, 512, 2048], at: infoNceRow },
  { name: "focal", sizes: rowsOf1000, at: (rows) => classesRow("softmax focal", library.softmaxFocal, softmaxFocal, rows) },
  { name: "dice", sizes: [32, 64, 128, 256], at: diceRow },
  { name: "giou", sizes: [2 ** 11, 2 ** 14, 2 ** 17, 2 ** 20], at: giouRow },
  { name: "ctc", sizes: [1, 4, 16, 64], at: ctcRow },
  { name: "mean", sizes: [2 ** 12, 2 ** 16, 2 ** 20, 2 ** 24], at: averageRow },
]

/** More loops by hand for the same work, which `npm run bench` compares too. */
export const others: readonly Work[] = [
  {
    name: "mse-in-order",
    sizes: elements,
    at: (n) => mseRow("MSE, by hand with one accumulator", mseInOrder, n),
  },
]
