// Which losses of the library run their rows jammed in groups, and that groups of any number of rows compute what is meant.
import { expect, test } from "vitest"
import { cut } from "../src/blocks/cut.ts"
import { derive, lower } from "../src/compile.ts"
import { type Loss, checkedOf } from "../src/index.ts"
import { readSettings } from "../src/run/settings.ts"
import * as library from "../src/stdlib.ts"
import { random } from "../src/testing/random.ts"
import { vectorise } from "../src/vector.ts"
import { ROWS } from "../src/vector/rows.ts"
import { forEachStatement } from "../src/walk.ts"
import { small } from "./library.settings.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** How many loops over rows run in groups, in the kernel of the mean with all gradients. */
function groupsOf(loss: Loss): number {
  const { choice } = readSettings(checkedOf(loss), { grad: "all", static: small[loss.name] ?? {} })
  const kernel = cut(lower(derive(checkedOf(loss), { ...choice, given: new Set() }), { dtype: "f32" }))
  const elements = new Map(
    [...kernel.inputs, ...kernel.outputs, ...kernel.scratch].map((b) => {
      const element = b.element === "int" ? "i32" : b.element === "bool" ? "u8" : b.element
      return [b, element] as const
    }),
  )
  let count = 0
  forEachStatement(vectorise(kernel, elements, false).kernel.body, (s) => {
    const isGroup = s.kind === "for" && s.step?.kind === "number" && s.step.value === ROWS
    if (isGroup && s.body.some((x) => x.kind === "for" && x.outlined)) count++
  })
  return count
}

test("these losses run rows in groups", { timeout: 120_000 }, () => {
  const found = losses.flatMap((loss): string[] => {
    const count = groupsOf(loss)
    return count > 0 ? [`${loss.name} ${count}`] : []
  })
  expect(found).toEqual([
    "adaptiveLogSoftmax1 1",
    "adaptiveLogSoftmax2 1",
    "barlowTwins 2",
    "circle 2",
    "clip 2",
    "contrastiveBatch 3",
    "cosFace 1",
    "decoupledContrastive 1",
    "deepCoral 4",
    "hardNegative 1",
    "infoNce 1",
    "kernelAlignment 2",
    "liftedStructure 3",
    "mmdRbf 4",
    "moco 1",
    "multiSimilarity 1",
    "nPairs 1",
    "normalizedSoftmax 1",
    "ntXent 2",
    "poseDistance 1",
    "proxyNca 1",
    "sigLip 1",
    "similarityPreserving 2",
    "softNearestNeighbour 2",
    "softTriple 1",
    "supCon 1",
    "tripletBatchHard 1",
    "tupletMargin 1",
    "vicReg 2",
  ])
})

interface Result {
  readonly loss: number
  readonly grad: Readonly<Record<string, ArrayLike<number>>>
}
const { circle, decoupledContrastive, moco, multiSimilarity, ntXent, softNearestNeighbour, supCon } = library

const WIDTH = 5
const matrix = (seed: number, rows: number): { data: Float64Array; shape: [number, number] } => {
  const next = random(seed)
  return { data: Float64Array.from({ length: rows * WIDTH }, () => next.real(-1, 1)), shape: [rows, WIDTH] }
}
/** Some rows are alone with their label. */
const labels = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, i) => (i * i) % 7)

const cases = [
  [supCon, (n: number) => ({ z: matrix(1, n), y: labels(n) })],
  [ntXent, (n: number) => ({ z1: matrix(1, n), z2: matrix(2, n) })],
  [multiSimilarity, (n: number) => ({ embeddings: matrix(1, n), labels: labels(n) })],
  [circle, (n: number) => ({ embeddings: matrix(1, n), labels: labels(n) })],
  [softNearestNeighbour, (n: number) => ({ embeddings: matrix(1, n), labels: labels(n) })],
  [decoupledContrastive, (n: number) => ({ z1: matrix(1, n), z2: matrix(2, n) })],
  [moco, (n: number) => ({ q: matrix(1, n), k: matrix(2, n), queue: matrix(3, n + 2) })],
] as unknown as readonly (readonly [Loss, (rows: number) => Record<string, unknown>])[]

test.each(cases)("$name means the same over any number of rows", { timeout: 120_000 }, (loss, inputs) => {
  const grad = Object.entries(inputs(1)).flatMap(([name, x]) => (x instanceof Int32Array ? [] : [name]))
  const [meaning, made] = (["interpret", "wasm"] as const).map((target) =>
    loss.kernel({ target, dtype: "f64", grad } as never),
  )
  for (const rows of [2, 3, 4, 5, 6, 7, 8, 11, 18]) {
    const [wanted, found] = [meaning!, made!].map((kernel) => kernel(inputs(rows) as never)) as unknown as [
      Result,
      Result,
    ]
    expect(Math.abs(found.loss - wanted.loss), `${rows} rows`).toBeLessThan(
      1e-12 * Math.max(1, Math.abs(wanted.loss)),
    )
    for (const name of grad) {
      const size = Math.max(1, ...Array.from(wanted.grad[name]!, Math.abs))
      Array.from(wanted.grad[name]!).forEach((v, i) =>
        expect(Math.abs(v - found.grad[name]![i]!), `${name}[${i}], ${rows} rows`).toBeLessThan(1e-11 * size),
      )
    }
  }
})
