// The interpreter of loops and their verifier, on loops that are wrong.
import { expect, test } from "vitest"
import { compile } from "../src/index.ts"
import type { Kernel, Stmt } from "../src/loops.ts"
import { interpretLoops } from "../src/run/loops.ts"
import { verify } from "../src/run/verify.ts"
import { Builder } from "./emit.kernels.ts"

const value = (id: number) => ({ kind: "value" as const, id })
const number = (x: number) => ({ kind: "number" as const, value: x })

/** A kernel over n numbers with the given statements; the size is value 0. */
function kernel(
  body: (input: Kernel["inputs"][number], output: Kernel["outputs"][number]) => Stmt[],
): Kernel {
  const b = new Builder("f64")
  const n = b.size("n")
  const [input, output] = [b.input("x", n), b.output("x", n)]
  return { ...b.kernel(), body: body(input, output) }
}

const run = (k: Kernel, x: number[] = [1, 2, 3]): number[] => {
  const out = new Float64Array(x.length)
  interpretLoops(k, { inputs: [x], outputs: [out], scalars: [], sizes: [x.length] })
  return [...out]
}

test("a sound kernel has no complaints and computes", () => {
  const k = kernel((input, output) => [
    {
      kind: "for",
      id: 1,
      from: number(0),
      to: value(0),
      axis: "n",
      body: [
        { kind: "load", id: 2, buffer: input, at: value(1), type: "real" },
        { kind: "let", id: 3, op: "mul", args: [value(2), number(2)], type: "real" },
        { kind: "store", buffer: output, at: value(1), value: value(3) },
      ],
    },
  ])
  expect(verify(k)).toEqual([])
  expect(run(k)).toEqual([2, 4, 6])
})

test("a value out of its scope is found by both", () => {
  const k = kernel((input, output) => [
    {
      kind: "for",
      id: 1,
      from: number(0),
      to: value(0),
      axis: "n",
      body: [{ kind: "load", id: 2, buffer: input, at: value(1), type: "real" }],
    },
    { kind: "store", buffer: output, at: number(0), value: value(2) },
  ])
  expect(verify(k)).toEqual([expect.stringContaining("value 2, which is not visible")])
  expect(() => run(k)).toThrow("value 2 is read where it does not exist")
})

test("a value defined twice is found", () => {
  const twice: Stmt = { kind: "let", id: 1, op: "add", args: [number(1), number(2)], type: "int" }
  const k = kernel(() => [twice, twice])
  expect(verify(k)).toEqual(["value 1 is defined twice"])
  expect(() => run(k)).toThrow("defined twice")
})

test("a place outside an array is found", () => {
  const k = kernel((_, output) => [{ kind: "store", buffer: output, at: number(3), value: number(0) }])
  expect(() => run(k)).toThrow("element 3 of buffer")
})

test("scratch that is read before it is written is NaN", () => {
  const b = new Builder("f64")
  const n = b.size("n")
  const [row, output] = [b.scratch(n), b.output("x", n)]
  b.for("n", n, (i) => b.store(output, i, b.load(row, i)))
  const out = new Float64Array(2)
  interpretLoops(b.kernel(), { inputs: [], outputs: [out], scalars: [], sizes: [2] })
  expect([...out]).toEqual([NaN, NaN])
  expect(verify(b.kernel())).toEqual([expect.stringContaining("which nothing has written")])
})

test("a condition in front of a loop reads the copy that is made for this loop", () => {
  const loss = compile(`loss f(x: [b, d]; delta: real > 0 = 1) =
    sum[j in b, k in b if j != k](huber(sum[b, d](x[b = j] * x[b = k] * x), 0, delta = delta))`)
  const x = { data: Float64Array.of(3, -1, 1), shape: [3, 1] }
  for (const target of ["js", "interpret"] as const)
    expect(loss.kernel({ target, dtype: "f64", grad: ["delta"] })({ x }).grad.delta[0]).toBe(36)
})

test("types that do not fit are found", () => {
  const k = kernel((input, output) => [
    { kind: "load", id: 1, buffer: input, at: number(0), type: "real" },
    { kind: "if", condition: value(1), then: [], else: [] },
    { kind: "store", buffer: input, at: value(1), value: number(0) },
    { kind: "update", acc: 1, op: "add", value: number(1) },
    { kind: "fill", buffer: output, at: number(0), length: value(1), value: 0 },
    { kind: "result", name: "count", value: number(0) },
  ])
  expect(verify(k)).toEqual([
    "a condition should be bool, not real",
    expect.stringContaining("should be int, not real"),
    expect.stringContaining("a store into input"),
    expect.stringContaining("which is no accumulator in scope"),
    expect.stringContaining("should be int, not real"),
    "result count is not listed",
  ])
})
