// Short rows in lanes: the same results as loops over the elements of each row, with conditions, labels and numbers out of range.
import { describe, expect, test } from "vitest"
import { type Loss, compile } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { compileSource, derive } from "../src/compile.ts"
import { schedule } from "../src/schedule.ts"
import { cut } from "../src/blocks/cut.ts"
import { random } from "../src/testing/random.ts"
import { vectorise } from "../src/vector.ts"
import { forEachStatement } from "../src/walk.ts"

const { ciou, crossEntropy, diou, giou, softmaxFocal, triplet } = library as unknown as Record<string, Loss>

/** A row that some conditions leave out, one that adds to what all rows share, and the largest of a row. */
const gatedText = `loss gated[b](x: [d], y: real, shared w: [d]) =
  if y > 0 then dot[d](x, w) + max[d](x * w) else sum[d if x > 0](exp(x) * w)`
const gated = compile(gatedText)

/** An element in front of each. */
const steps = compile("loss steps[b](x: [d]) = sum[d]((x - (x[d = d - 1] ?? 0))^2)")
/** Steps that make errors larger. */
const chaos = compile("loss chaos[b](x: [t]) = (fold[t](a = 0.3) => x * a * (1 - a)) + logsumexp[t](x)")
/** Three named components. */
const points = compile(
  "loss points[b](p: [axis: (x, y, z)], q: [axis]) = sqrt(1 + sqdist[axis](p, q)) + p.x * q.z",
)

const ROWS = [1, 3, 4, 6, 9, 70]

function numbers(seed: number, shape: readonly number[]): { data: Float32Array; shape: readonly number[] } {
  const next = random(seed)
  const length = shape.reduce((x, y) => x * y, 1)
  return { data: Float32Array.from({ length }, () => next.real(-2, 2)), shape }
}
/** Boxes with corners in order, some of them with an edge in common. */
function boxes(seed: number, n: number): { data: Float32Array; shape: readonly number[] } {
  const { data } = numbers(seed, [n, 4])
  for (let i = 0; i < n; i++) {
    const [x, y, width, height] = data.slice(4 * i, 4 * i + 4) as unknown as [number, number, number, number]
    const left = i % 3 === 0 ? 0 : x
    data.set([left, y, left + Math.abs(width) + 0.1, y + Math.abs(height) + 0.1], 4 * i)
  }
  return { data, shape: [n, 4] }
}
const labels = (n: number, classes: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (i * i) % classes)

type Inputs = (rows: number, width: number) => Readonly<Record<string, unknown>>
const cases: readonly { name: string; loss: Loss; widths: readonly number[]; inputs: Inputs }[] = [
  ...[giou!, diou!, ciou!].map((loss) => ({
    name: loss.name,
    loss,
    widths: [4],
    inputs: (n: number) => ({ boxes1: boxes(1, n), boxes2: boxes(2, n) }),
  })),
  ...[crossEntropy!, softmaxFocal!].map((loss) => ({
    name: loss.name,
    loss,
    widths: [2, 4, 10, 24, 25],
    inputs: (n: number, c: number) => ({ logits: numbers(3, [n, c]), target: labels(n, c) }),
  })),
  {
    name: "crossEntropy of rows that are left out",
    loss: crossEntropy!,
    widths: [5],
    inputs: (n, c) => ({
      logits: numbers(3, [n, c]),
      target: labels(n, c).map((y, i) => (i % 3 === 1 ? -100 : y)),
      weight: numbers(4, [c]).data.map(Math.abs),
      labelSmoothing: 0.1,
    }),
  },
  {
    name: "crossEntropy of infinite logits",
    loss: crossEntropy!,
    widths: [3],
    inputs: (n, c) => {
      const logits = numbers(3, [n, c])
      logits.data.fill(-Infinity, 0, c - 1)
      logits.data[c * (n - 1)] = 1e4
      return { logits, target: labels(n, c).map((y, i) => (i === 0 ? c - 1 : y)) }
    },
  },
  {
    name: "triplet",
    loss: triplet!,
    widths: [1, 3, 7, 8],
    inputs: (n, d) => ({ a: numbers(5, [n, d]), p: numbers(6, [n, d]), n: numbers(7, [n, d]) }),
  },
  {
    name: "gated",
    loss: gated,
    widths: [3, 6],
    inputs: (n, d) => ({ x: numbers(8, [n, d]), y: numbers(9, [n]).data, w: numbers(10, [d]).data }),
  },
  { name: "steps", loss: steps, widths: [1, 7], inputs: (n, d) => ({ x: numbers(11, [n, d]) }) },
  {
    name: "chaos",
    loss: chaos,
    widths: [3, 16],
    inputs: (n, t) => {
      const x = numbers(14, [n, t])
      return { x: { ...x, data: x.data.map((v) => 3.7 + v / 20) } }
    },
  },
  {
    name: "points",
    loss: points,
    widths: [3],
    inputs: (n) => ({ p: numbers(12, [n, 3]), q: numbers(13, [n, 3]) }),
  },
]

interface Result {
  readonly loss: number | Float32Array
  readonly grad: Readonly<Record<string, Float32Array>>
}

describe.each(cases)("$name", ({ loss, widths, inputs }) => {
  const grad = Object.entries(inputs(1, widths[0]!)).flatMap(([name, value]) =>
    value instanceof Int32Array || typeof value === "number" || name === "weight" ? [] : [name],
  )
  test.each(["f64", "f32"] as const)("over %s", (dtype) => {
    for (const reduction of ["mean", "none"] as const) {
      const kernels = (["js", "wasm"] as const).map((target) =>
        loss.kernel({ target, dtype, reduction, grad } as never),
      )
      for (const n of ROWS)
        for (const width of widths) {
          const call = inputs(n, width) as never
          const [wanted, found] = kernels.map((kernel) => kernel(call)) as unknown as [Result, Result]
          const list = ({ loss: value, grad: by }: Result): number[][] => [
            typeof value === "number" ? [value] : [...value],
            ...grad.map((name) => [...by[name]!]),
          ]
          const [a, b] = [list(wanted), list(found)]
          a.forEach((values, k) => {
            const size = Math.max(...values.filter(Number.isFinite).map(Math.abs), 1e-3)
            values.forEach((v, i) => {
              const isSame = Object.is(v, b[k]![i]) || v === b[k]![i]
              const off = isSame ? 0 : Math.abs(v - b[k]![i]!) / size
              expect(
                off,
                `${reduction}, ${n} rows of ${width}, ${["loss", ...grad][k]} at ${i}`,
              ).toBeLessThan(dtype === "f64" ? 1e-13 : 2e-6)
            })
          })
        }
    }
  })
})

/** How many loops run rows of a loss in lanes, and how many run them without a loop inside. */
function rowLoops(source: string): { withLoops: number; flat: number } {
  const [loss] = compileSource(source)
  const kernel = cut(schedule(derive(loss!, { reduction: "mean", grad: ["x"] } as never), { dtype: "f32" }))
  let [withLoops, flat] = [0, 0]
  const elements = new Map(
    [...kernel.inputs, ...kernel.outputs, ...kernel.scratch].map((b) => [b, "f32"] as const),
  )
  forEachStatement(vectorise(kernel, elements, false).kernel.body, (s) => {
    if (s.kind !== "for" || !s.lanes || s.axis !== "b") return
    if (s.rows) withLoops++
    else flat++
  })
  return { withLoops, flat }
}

test("steps inside a row keep their digits", () => {
  const x = { ...numbers(14, [8, 16]), data: numbers(14, [8, 16]).data.map((v) => 3.7 + v / 20) }
  const [wanted, found] = (["js", "wasm"] as const).map(
    (target) => chaos.kernel({ target, dtype: "f32" } as never)({ x } as never) as { loss: number },
  )
  expect(Math.abs(found!.loss / wanted!.loss - 1)).toBeLessThan(1e-7)
})

test("rows run in lanes", () => {
  expect(rowLoops("loss l[b](x: [d]) = logsumexp[d](x)").withLoops).toBe(1)
  expect(rowLoops("loss l[b](x: [k: (u, v, w)]) = x.u * x.v * exp(x.w)").flat).toBeGreaterThan(0)
  expect(rowLoops(gatedText).withLoops).toBe(1)
  expect(rowLoops("loss l[b](x: [t]) = fold[t](a = 0.3) => a * exp(x)").withLoops).toBe(1)
  // Each row is sorted.
  expect(rowLoops("loss l[b](x: [d]) = sum[d](x[d = argsort[d](x)] * indicator(d > 1))").withLoops).toBe(0)
})
