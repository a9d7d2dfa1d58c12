// What an explanation says of a GPU: dispatches, bytes and workgroup memory.
import { expect, test } from "vitest"
import { compile } from "../../src/index.ts"
import { workgroupBytes } from "../../src/gpu/explain.ts"

const mse = compile("loss mse[b](x, y) = (x - y)^2")
const dispatches = (options: object): string =>
  mse.explain({ target: "wgsl", ...options }).split("dispatches\n")[1]!

test("sizes are names until they are known", () => {
  expect(dispatches({ grad: ["x"] })).toContain("reads x 4 * b bytes, y 4 * b bytes")
  expect(dispatches({ grad: ["x"] })).toContain("writes d x 4 * b bytes")
  expect(dispatches({ grad: [], sizes: { b: 1000 } })).toMatch(
    /1000 rows, a thread each\n\s+reads x 4000 bytes, y 4000 bytes\n\s+writes nothing/,
  )
})

test("workgroup memory is what the shader declares", () => {
  expect(
    workgroupBytes("var<workgroup> tree: array<f32, 64>;\nvar<workgroup> one: f32;\nvar<private> x: f32;"),
  ).toBe(260)
  expect(dispatches({ workgroupSize: 32 })).toContain(
    "workgroups of 32 threads; 128 bytes of workgroup memory",
  )
})

test("a tile of rows reads the other array once for all of them", () => {
  const pairs = compile("loss nearest[b](x: [d], shared y: [m, d]) = min[m](sum[d]((x - y)^2))")
  const text = pairs.explain({ target: "wgsl", grad: [], sizes: { b: 4096, m: 1000, d: 16 } })
  const bytes = 4 * 4096 * 1000 * 16
  expect(text).toContain(`reads x ${bytes} bytes, y ${bytes} bytes`)
  expect(text).toMatch(new RegExp(`a workgroup for 4: reads x ${bytes} bytes, y ${bytes / 4} bytes`))
})

test("what a workgroup shares takes the memory that the shader declares", () => {
  const pairs = compile("loss nearest[b](x: [d], shared y: [m, d]) = min[m](sum[d]((x - y)^2))")
  const text = (options: object): string => pairs.explain({ target: "wgsl", grad: [], ...options })
  expect(text({})).toContain("through workgroup memory: y, 64 rows by 32 elements at a time")
  // Rows of 33 words, and a tree of floats.
  expect(text({})).toContain(`${4 * 64 * 33 + 4 * 64} bytes of workgroup memory`)
  expect(text({ workgroupSize: 256 })).toContain("y, 256 rows by 8 elements")
  expect(text({ workgroupSize: 256 })).toContain(`${4 * 256 * 9 + 4 * 256} bytes of workgroup memory`)
})

test("it says whether batches beyond a device run in pieces", () => {
  const pieces = (text: string): string =>
    compile(text).explain({ target: "wgsl" }).split("batches beyond a device\n")[1]!.trim()
  expect(pieces("loss f[b](x: [d]) = sum[d](x^2)")).toBe(
    "run in pieces of rows along axis b, with arrays and with buffers",
  )
  expect(pieces("loss f[b](x, w) = w * x^2 per w")).toBe(
    "run in pieces of rows along axis b, with arrays and with buffers, once for the sums that the mean divides, and once for the gradients",
  )
  expect(pieces("loss f[b](x) = x - mean[b](x)")).toBe("are refused: a row reads others along axis b")
})

test("vectors are read where lengths are multiples of four, and along flat arrays", () => {
  expect(dispatches({ grad: ["x"] })).toContain("in vectors of 4: x, y, d x, where b is not below 256")
  expect(dispatches({ sizes: { b: 1001 } })).toMatch(/in vectors of 4: x, y(, d \w)*\n/)
  expect(dispatches({ sizes: { b: 252 } })).not.toContain("vectors")
  const rows = compile("loss f[b](x: [d]) = logsumexp[d](x)")
  const text = (sizes: Record<string, number>): string => rows.explain({ target: "wgsl", grad: [], sizes })
  expect(text({})).toContain("in vectors of 4: x, where d is a multiple of 4 and not below 256")
  expect(text({ b: 8, d: 1000 })).toContain("in vectors of 4: x\n")
  expect(text({ b: 8, d: 1001 })).not.toContain("vectors")
})

test("other targets have no dispatches", () => {
  expect(mse.explain()).not.toContain("dispatches")
})
