// One shader for every size: rows of odd lengths, no rows at all, and more rows than a dispatch has workgroups.
import { beforeAll, describe, expect, test } from "vitest"
import { type Loss } from "../../src/index.ts"
import * as library from "../../src/stdlib.ts"
import { random } from "../../src/testing/random.ts"
import { describeGpu, gpuDevice } from "./device.ts"

type Kernel = Awaited<ReturnType<Loss["webgpu"]>>
type Arrays = Readonly<Record<string, { data: Float32Array | Int32Array; shape: readonly number[] }>>

/** Lengths around those of vectors, workgroups and blocks, one of whole vectors for each thread, and a vocabulary. */
const lengths = [1, 2, 3, 63, 64, 65, 257, 1024, 1003, 50257]
/** Above 65,535 workgroups, and above 2^22 threads. */
const batches = [0, 1, 2, 65537, 4194305]

/** Noise from -3 to 3. */
function noise(shape: readonly number[], seed: number): Arrays[string] {
  const draw = random(seed)
  const data = Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => draw.real(-3, 3))
  return { data, shape }
}
const labels = (rows: number, classes: number): Arrays[string] => ({
  data: Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes),
  shape: [rows],
})

interface Case {
  readonly loss: Loss
  readonly grad: readonly string[]
  readonly at: (rows: number, columns: number) => Arrays
  readonly sizes: readonly (readonly [rows: number, columns: number])[]
  /** What cancels in the loss of a row and its gradients. Default 1. */
  readonly scale?: (columns: number) => number
}

const cases: Readonly<Record<string, Case>> = {
  mse: {
    loss: library.mse,
    grad: ["pred", "target"],
    at: (rows, columns) => ({ pred: noise([rows, columns], 1), target: noise([rows, columns], 2) }),
    sizes: [...lengths.map((n) => [3, n] as const), ...batches.map((n) => [n, 3] as const)],
  },
  crossEntropy: {
    loss: library.crossEntropy,
    grad: ["logits"],
    at: (rows, columns) => ({ logits: noise([rows, columns], 1), target: labels(rows, columns) }),
    sizes: [
      ...lengths.map((n) => [3, n] as const),
      ...batches.map((n) => [n, 3] as const),
      // No rows of whole vectors.
      [0, 1024],
    ],
  },
  triplet: {
    loss: library.triplet,
    grad: ["a", "p", "n"],
    at: (rows, columns) => ({
      a: noise([rows, columns], 1),
      p: noise([rows, columns], 2),
      n: noise([rows, columns], 3),
    }),
    sizes: [...lengths.map((n) => [3, n] as const), ...batches.map((n) => [n, 1] as const)],
    // A squared distance.
    scale: (columns) => 6 * columns,
  },
  infoNce: {
    loss: library.infoNce,
    // A score.
    scale: () => 1 / 0.07,
    grad: ["q", "k"],
    at: (rows, columns) => ({ q: noise([rows, columns], 1), k: noise([rows, columns], 2) }),
    sizes: [
      ...lengths.slice(0, 9).map((n) => [3, n] as const),
      ...[1, 2, 63, 64, 65, 257].map((n) => [n, 5] as const),
    ],
  },
}

/** Arrays agree within 16 ULP of the largest number, and of `scale`, what cancelled where all are near 0. */
function agree(found: ArrayLike<number>, wanted: ArrayLike<number>, scale: number, what: string): void {
  expect(found.length, what).toBe(wanted.length)
  let largest = scale
  let apart = 0
  for (let i = 0; i < wanted.length; i++) {
    largest = Math.max(largest, Math.abs(wanted[i]!))
    const distance = Math.abs(found[i]! - wanted[i]!)
    apart = distance <= apart ? apart : distance
  }
  expect(apart, what).toBeLessThanOrEqual(16 * 2 ** -24 * largest)
}

describeGpu(() => {
  describe.each(Object.entries(cases))("%s", (_, { loss, grad, at, sizes, scale = () => 1 }) => {
    let gpu: Kernel
    beforeAll(async () => {
      gpu = await loss.webgpu(await gpuDevice(), { grad } as object)
    }, 60_000)

    test.each(sizes)("%i rows of %i", { timeout: 120_000 }, async (rows, columns) => {
      const inputs = at(rows, columns)
      const wanted = loss.kernel({ target: "js", dtype: "f32", grad } as object)(inputs as never)
      const found = await gpu(inputs as never)
      expect(found.count).toBe(wanted.count)
      agree([found.loss as number], [wanted.loss as number], scale(columns), "loss")
      for (const name of grad)
        agree(found.grad[name as never], wanted.grad[name as never], scale(1) / Math.max(rows, 1), name)
    })
  })
})
