// The same losses by other JavaScript libraries, as their users would write them, at the same places. The libraries are no
// dependencies: where they are not installed their columns are left out.
import type { Loss } from "../../src/loss.ts"
import type { InputValue } from "../../src/run/given.ts"
import type { Input } from "../../src/types.ts"
import { toNumber } from "./big.ts"
import { errorOf, isKink, Subject } from "./measure.ts"
import { type Case, casesOf, profiles } from "./points.ts"

/** What has to be installed for the columns. */
export const packages = ["@jax-js/jax@0.1.25", "@tensorflow/tfjs@4.22.0"]

/** The mean of a loss, and its gradient by the first argument. */
type Answer = { readonly loss: number; readonly grad: ArrayLike<number> }
type Arrays = readonly { readonly data: ArrayLike<number>; readonly shape: readonly number[] }[]
type Implementation = (arrays: Arrays) => Promise<Answer>

/** A library by name, and its losses by the names they have here. */
export interface Library {
  readonly name: string
  readonly losses: Readonly<Record<string, Implementation>>
}

/** The largest errors of one library for one loss, in units of the last place of f32. */
export interface Compared {
  readonly value: number
  readonly gradient: number
}

// The types of packages that are not there.
// oxlint-disable-next-line typescript/no-explicit-any
type Any = any

const load = async (name: string): Promise<Any> => {
  try {
    return await import(name)
  } catch {
    return undefined
  }
}

/** Rows of zeros with a one at the label. */
const oneHot = (labels: ArrayLike<number>, classes: number): number[] =>
  Array.from(labels, (label) => Array.from({ length: classes }, (_, c) => +(c === label))).flat()

/** Logits and labels as rows of classes and their one-hot vectors. */
function classes({ data, shape }: Arrays[number], labels: Arrays[number]): Arrays {
  const rows = shape.slice(0, 2)
  return [
    { data, shape: rows },
    { data: oneHot(labels.data, rows[1]!), shape: rows },
  ]
}

async function jax(): Promise<Library | undefined> {
  const library = await load("@jax-js/jax")
  if (!library) return undefined
  const { init, nn, numpy: np, valueAndGrad } = library
  await init("wasm")
  const array = ({ data, shape }: Arrays[number]): Any =>
    np.array(Float32Array.from(data)).reshape([...shape])
  const mean =
    (row: (x: Any, y: Any) => Any, rows?: (shape: readonly number[]) => number): Implementation =>
    async ([x, y]) => {
      const [first, second] = [array(x!), array(y!)]
      const count = rows?.(x!.shape) ?? x!.data.length
      const [loss, grad] = valueAndGrad((z: Any) => row(z, second.ref).sum().div(count))(first)
      return { loss: (await loss.data())[0], grad: await grad.data() }
    }
  const cross = mean(
    (x, y) => nn.logSoftmax(x, -1).mul(y).neg(),
    ([n]) => n!,
  )
  return {
    name: "jax-js",
    losses: {
      mse: mean((x, y) => np.square(x.sub(y))),
      mae: mean((x, y) => np.abs(x.sub(y))),
      binaryCrossEntropyWithLogits: mean((x, y) =>
        y.ref
          .mul(nn.logSigmoid(x.ref))
          .add(np.array(1).sub(y).mul(nn.logSigmoid(x.neg())))
          .neg(),
      ),
      hinge: mean((x, y) => nn.relu(np.array(1).sub(x.mul(y)))),
      crossEntropy: ([x, y]) => cross(classes(x!, y!)),
    },
  }
}

async function tensorflow(): Promise<Library | undefined> {
  // Its greeting on the console is not ours to print.
  const { warn } = console
  console.warn = () => {}
  const tf = await load("@tensorflow/tfjs")
  console.warn = warn
  if (!tf) return undefined
  await tf.setBackend("cpu")
  const tensor = ({ data, shape }: Arrays[number]): Any => tf.tensor(Float32Array.from(data), [...shape])
  const mean =
    (loss: (x: Any, y: Any) => Any): Implementation =>
    async ([x, y]) => {
      const second = tensor(y!)
      const { value, grad } = tf.valueAndGrad((z: Any) => loss(z, second))(tensor(x!))
      return { loss: value.dataSync()[0], grad: grad.dataSync() }
    }
  const cross = mean((x, y) => tf.losses.softmaxCrossEntropy(y, x))
  return {
    name: "tf.js",
    losses: {
      mse: mean((x, y) => tf.losses.meanSquaredError(y, x)),
      mae: mean((x, y) => tf.losses.absoluteDifference(y, x)),
      huber: mean((x, y) => tf.losses.huberLoss(y, x)),
      binaryCrossEntropyWithLogits: mean((x, y) => tf.losses.sigmoidCrossEntropy(y, x)),
      // Its labels are 0 and 1.
      hinge: mean((x, y) => tf.losses.hingeLoss(y.add(1).div(2), x)),
      crossEntropy: ([x, y]) => cross(classes(x!, y!)),
    },
  }
}

/** The libraries that are installed. */
export async function libraries(): Promise<Library[]> {
  return [await jax(), await tensorflow()].filter((one) => one !== undefined)
}

/** Places at which every library can be asked: f32, the mean, required arguments only, labels 1 and -1 or classes. */
function comparable(loss: Loss, one: Case): Case {
  const inputs = arraysOf(loss, one).map(({ name, type, label, data }): [string, InputValue] => {
    const list =
      type === "real"
        ? Float64Array.from(data, Math.fround)
        : Int32Array.from(data, (x) => (label ? Math.max(0, x) : x > 0 ? 1 : -1))
    return [name, { data: list, shape: (one.inputs[name] as Arrays[number]).shape }]
  })
  return { ...one, single: true, reduction: "mean", statics: {}, inputs: Object.fromEntries(inputs) }
}

/** The required arguments in order. */
function arraysOf({ inputs }: Loss, one: Case): (Input & Arrays[number])[] {
  return inputs
    .filter((x) => x.default === undefined)
    .map((input) => ({ ...input, ...(one.inputs[input.name] as Arrays[number]) }))
}

/** Measures lossc's f32 kernels and those of other libraries, with the gradient by the first argument. */
export async function compare(
  loss: Loss,
  others: readonly Library[],
  turns: number,
): Promise<ReadonlyMap<string, Compared>> {
  const subject = new Subject(loss)
  const first = loss.inputs[0]!.name
  const worst = new Map<string, Compared>()
  // At ties the libraries choose different subgradients.
  const smooth = profiles.filter((one) => one !== "ties" && one !== "zero" && one !== "infinite")
  const accepts = (one: Case): boolean => subject.bind(comparable(loss, one)) !== undefined
  for (const drawn of casesOf(loss, accepts, turns, smooth)) {
    const one = comparable(loss, drawn)
    const arrays = arraysOf(loss, one)
    // Classes come last elsewhere, so further axes are left out.
    if (loss.name === "crossEntropy" && arrays[0]!.shape.slice(2).some((size) => size !== 1)) continue
    const exact = subject.exact(one)
    if (!exact) continue
    const own = subject.run(one, "f32")
    const answers: [string, Answer][] = [["lossc", { loss: own.get("loss")![0]!, grad: own.get(first)! }]]
    for (const { name, losses } of others) {
      const ask = losses[loss.name]
      if (ask) answers.push([name, await ask(arrays)])
    }
    for (const [library, found] of answers) {
      const error = (x: number, name: string, i: number): number => {
        const value = exact.values.get(name)![i]!
        // A derivative that is exactly 0 is a choice at a kink, or has no last place.
        if (name !== "loss" && toNumber(value) === 0) return 0
        return errorOf(x, value, exact.spread().get(name)![i]!, "f32")
      }
      const known = worst.get(library) ?? { value: 0, gradient: 0 }
      worst.set(library, {
        value: Math.max(known.value, error(Math.fround(found.loss), "loss", 0)),
        gradient: isKink(exact.shared)
          ? known.gradient
          : Math.max(known.gradient, ...Array.from(found.grad, (x, i) => error(x, first, i))),
      })
    }
  }
  return worst
}
