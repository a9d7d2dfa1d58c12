// Rows jammed in groups, their products in registers and their sums in f32 for a while: the same results as loops one by one.
import { expect, test } from "vitest"
import { type Loss, compile } from "../src/index.ts"
import { cut } from "../src/blocks/cut.ts"
import { compileSource, derive } from "../src/compile.ts"
import { emitWat } from "../src/emit/wat.ts"
import { schedule } from "../src/schedule.ts"
import * as library from "../src/stdlib.ts"
import { random } from "../src/testing/random.ts"
import { loopsIn } from "../src/unroll/facts.ts"
import { vectorise } from "../src/vector.ts"
import { forEachStatement } from "../src/walk.ts"

const { clip, contrastiveBatch, infoNce, mmdRbf, multiSimilarity, nPairs, ntXent, sigLip, supCon } = library
const mixed = compile(
  "loss mixed[b](x: [d], shared w: [m, d]) = if mean[d](x) > 0 then logsumexp[m](dot[d](x, w)) else 0",
)

/** The largest score of each key is found by all rows. */
const both = compile(`loss both[b](x: [d], y: [d]) =
  let s[j in b] = dot[d](x, y[b = j]) in logsumexp[j](s) + logsumexp[j](s[b = j, j = b])`)

/** More rows than have sums in f32 before they are added to f64, and some that no group has. */
const ROWS = 135
const numbers = (seed: number, length: number): Float32Array => {
  const next = random(seed)
  return Float32Array.from({ length }, () => next.real(-1, 1))
}
const matrix = (seed: number, width: number): { data: Float32Array; shape: [number, number] } => ({
  data: numbers(seed, ROWS * width),
  shape: [ROWS, width],
})
const labels = Int32Array.from({ length: ROWS }, (_, i) => (i * i) % 7)
// One row alone in its class, which supCon leaves out.
labels[2] = 99

interface Result {
  readonly loss: number
  readonly grad: Readonly<Record<string, Float32Array>>
}
type Inputs = (width: number) => Readonly<Record<string, unknown>>
const cases = [
  [infoNce, (d: number) => ({ q: matrix(1, d), k: matrix(2, d) })],
  [ntXent, (d: number) => ({ z1: matrix(1, d), z2: matrix(2, d) })],
  [supCon, (d: number) => ({ z: matrix(1, d), y: labels })],
  [clip, (d: number) => ({ image: matrix(1, d), text: matrix(2, d), logitScale: 1 })],
  [sigLip, (d: number) => ({ image: matrix(1, d), text: matrix(2, d), logitScale: 1 })],
  [mmdRbf, (d: number) => ({ x: matrix(1, d), y: matrix(2, d) })],
  [multiSimilarity, (d: number) => ({ embeddings: matrix(1, d), labels })],
  [nPairs, (d: number) => ({ anchor: matrix(1, d), positive: matrix(2, d), labels })],
  [contrastiveBatch, (d: number) => ({ embeddings: matrix(1, d), labels })],
  [both, (d: number) => ({ x: matrix(1, d), y: matrix(2, d) })],
  [mixed, (d: number) => ({ x: matrix(1, d), w: { data: numbers(2, 70 * d), shape: [70, d] } })],
] as unknown as readonly (readonly [Loss, Inputs])[]

test.each(cases)("$name over many rows", (loss, inputs) => {
  const grad = Object.keys(inputs(1)).filter((name) => inputs(1)[name] !== labels)
  for (const dtype of ["f64", "f32"] as const) {
    const kernels = (["js", "wasm"] as const).map((target) => loss.kernel({ target, dtype, grad } as never))
    for (const width of [3, 21]) {
      const call = inputs(width) as never
      const [wanted, found] = kernels.map((kernel) => kernel(call)) as unknown as [Result, Result]
      const tolerance = dtype === "f64" ? 1e-12 : 2e-6
      expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(tolerance)
      for (const name of grad) {
        const [x, y] = [wanted.grad[name]!, found.grad[name]!]
        let [size, off] = [0, 0]
        x.forEach((v, i) => {
          size = Math.max(size, Math.abs(v))
          off = Math.max(off, Math.abs(v - y[i]!))
        })
        expect(off / size, `${dtype}, ${name}, width ${width}`).toBeLessThan(tolerance)
      }
    }
  }
})

/** A number for each pair, and a loop with it under a condition that is the same for all pairs of a row. */
const pulled = compile(`loss pulled[b](x: [d], shared w: [m, d], y: real) =
  let s = exp(-sqdist[d](x, w) / 8) in
  sum[m](if y > 0 then stop(s) * dot[d](x, w) else s) + sum[m](log1p(s))`)

const some: readonly { loss: Loss; name: string; inputs: Inputs }[] = [
  ...["q", "k"].map((name) => ({
    loss: infoNce as unknown as Loss,
    name,
    inputs: (d: number) => ({ q: matrix(1, d), k: matrix(2, d) }),
  })),
  ...["x", "w"].map((name) => ({
    loss: pulled as unknown as Loss,
    name,
    inputs: (d: number) => ({ x: matrix(1, d), w: matrix(2, d), y: numbers(3, ROWS) }),
  })),
]

test.each(some)("$loss.name by $name alone", ({ loss, name, inputs }) => {
  for (const dtype of ["f64", "f32"] as const) {
    const kernels = (["js", "wasm"] as const).map((target) =>
      loss.kernel({ target, dtype, grad: [name] } as never),
    )
    for (const width of [3, 21]) {
      const [wanted, found] = kernels.map((kernel) => kernel(inputs(width) as never)) as unknown as [
        Result,
        Result,
      ]
      const tolerance = dtype === "f64" ? 1e-12 : 2e-6
      expect(Math.abs(found.loss / wanted.loss - 1)).toBeLessThan(tolerance)
      const [x, y] = [wanted.grad[name]!, found.grad[name]!]
      const size = Math.max(...x.map(Math.abs))
      expect(Math.max(...x.map((v, i) => Math.abs(v - y[i]!))) / size, `${dtype}, ${width}`).toBeLessThan(
        tolerance,
      )
    }
  }
})

test("exponentials in front of a loop have a loop of their own, which runs in lanes", () => {
  const [loss] = compileSource("loss l[b](x: [d], shared w: [m, d]) = logsumexp[m](dot[d](x, w))")
  const kernel = cut(schedule(derive(loss!, { reduction: "mean", grad: ["x"] } as never), { dtype: "f32" }))
  const elements = new Map(
    [...kernel.inputs, ...kernel.outputs, ...kernel.scratch].map((b) => [b, "f32"] as const),
  )
  let [inLanes, aroundLoops] = [0, 0]
  forEachStatement(vectorise(kernel, elements, false).kernel.body, (s) => {
    if (s.kind !== "for" || !s.body.some((x) => x.kind === "let" && x.op === "exp")) return
    if (s.lanes) inLanes++
    if (s.axis === "m" && loopsIn(s.body).length > 0) aroundLoops++
  })
  expect(inLanes).toBeGreaterThan(0)
  expect(aroundLoops).toBe(0)
})

test("the loops of jammed rows are functions of their own, with their accumulators as results", () => {
  const [loss] = compileSource("loss l[b](x: [d], shared w: [m, d]) = logsumexp[m](dot[d](x, w))")
  const kernel = schedule(derive(loss!, { reduction: "mean", grad: ["x", "w"] } as never), { dtype: "f32" })
  const { text } = emitWat(kernel)
  const made = [...text.matchAll(/\(func (\$loop_\w+)/g)].map(([, name]) => name!)
  expect(made.length).toBeGreaterThan(0)
  for (const name of made) expect(text).toContain(`(call ${name} `)
  expect(text).toContain("(result f64 f64 f64 f64)")
})

test("long sums of f32 keep seven digits", () => {
  const n = 2 ** 20 + 5
  const x = numbers(3, n).map((v) => 1 + v / 3)
  const kernel = compile("loss f[b](x) = x").kernel({ target: "wasm" })
  const wanted = x.reduce((sum, v) => sum + v, 0) / n
  expect(Math.abs(kernel({ x }).loss / wanted - 1)).toBeLessThan(3e-8)
})
