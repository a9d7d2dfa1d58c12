// Values that are read from memory by a sign, as JavaScript.
import { expect, test } from "vitest"
import { type Accuracy, emitJs } from "../src/emit/js.ts"
import { ops } from "../src/ops.ts"
import { instantiate } from "../src/run/js.ts"
import { Builder } from "./emit.kernels.ts"

const relu = (x: number): number => ops.relu.eval(x)
const points = [0, 5e-324, 1e-8, 0.7, 1, 3.5, 1e300, Infinity].flatMap((x) => [x, -x]).concat(NaN)

/** What a kernel of one array gives for the points. */
function run(
  accuracy: Accuracy,
  count: number,
  body: (b: Builder, x: ReturnType<Builder["op"]>) => unknown[],
) {
  const b = new Builder("f64")
  const n = b.size("n")
  const input = b.input("x", n)
  const outputs = Array.from({ length: count }, (_, k) => b.output(`out${k}`, n))
  b.for("i", n, (i) =>
    body(b, b.load(input, i)).forEach((value, k) => b.store(outputs[k]!, i, value as number)),
  )
  const arrays = outputs.map(() => new Float64Array(points.length))
  instantiate(emitJs(b.kernel(), { accuracy }).text)(
    Float64Array.from(points),
    ...arrays,
    points.length,
    new Float64Array(0),
  )
  return arrays.map((a) => [...a])
}

test.each(["fast", "full"] as const)("relu of a number and of its negative are exact, %s", (accuracy) => {
  const found = run(accuracy, 2, (b, x) => [b.op("relu", x), b.op("relu", b.op("neg", x))])
  expect(found).toEqual([points.map(relu), points.map((x) => relu(-x))])
})

test("what is in memory of an accumulator is not read again after it changed", () => {
  const found = run("fast", 4, (b, x) => {
    const sum = b.acc(x)
    const before = b.op("relu", sum)
    const chosen = b.op("select", b.op("lt", x, 0), sum, 1)
    b.update(sum, "add", 1)
    return [before, b.op("relu", sum), chosen, b.op("select", b.op("lt", x, 0), sum, 1)]
  })
  expect(found).toEqual([
    points.map(relu),
    points.map((x) => relu(x + 1)),
    points.map((x) => (x < 0 ? x : 1)),
    points.map((x) => (x < 0 ? x + 1 : 1)),
  ])
})

test("nor after it changed in one of two branches", () => {
  const found = run("fast", 2, (b, x) => {
    const [sum, count] = [b.acc(x), b.acc(0)]
    const before = b.op("relu", sum)
    const low = b.op("lt", x, 1)
    b.update(sum, "add", b.op("guard", low, 1))
    b.update(count, "add", b.op("guard", b.op("not", low), 1))
    return [before, b.op("relu", sum)]
  })
  expect(found).toEqual([points.map(relu), points.map((x) => relu(x < 1 ? x + 1 : x))])
})

test.each(["max", "min"] as const)("%s of two numbers that change is exact", (op) => {
  // Made from x, so that both change: y, but NaN where x is not finite.
  const zero = 0
  const partners = [NaN, Infinity, -Infinity, 1, 0.7, -1e-8]
  const found = run("fast", partners.length, (b, x) =>
    partners.map((y) => b.op(op, x, b.op("add", b.op("mul", x, zero), y))),
  )
  expect(found).toEqual(partners.map((y) => points.map((x) => ops[op].eval(x, x * zero + y))))
})

test("a selection by the order of numbers that change takes one of them", () => {
  const found = run("fast", 2, (b, x) => {
    const y = b.op("sub", 1, x)
    const both = b.op("and", b.op("lt", x, y), b.op("le", 0, x))
    return [b.op("select", b.op("le", x, y), x, y), b.op("select", both, x, 7)]
  })
  expect(found).toEqual([
    points.map((x) => (x <= 1 - x ? x : 1 - x)),
    points.map((x) => (x < 1 - x && 0 <= x ? x : 7)),
  ])
})

test("the largest number yet and numbers beside a constant are compared by the engine", () => {
  const b = new Builder("f64")
  const n = b.size("n")
  const [input, output] = [b.input("x", n), b.output("out", n)]
  const limit = b.scalar("limit")
  b.for("i", n, (i) => {
    const x = b.load(input, i)
    const most = b.acc(0)
    b.store(output, i, b.op("max", b.op("max", x, most), limit))
  })
  const { text } = emitJs(b.kernel(), { accuracy: "fast" })
  expect(text).not.toContain("memory[")
})
