// The memory that kernels work in: no loss over all pairs, or over all classes, keeps its table.
import { expect, test } from "vitest"
import { checkedOf, compile, type Loss } from "../src/index.ts"
import { outputsOf } from "../src/outputs.ts"
import { readSettings } from "../src/run/settings.ts"
import { schedule } from "../src/schedule.ts"
import { scratchBytes } from "../src/scratch.ts"
import * as library from "../src/stdlib.ts"

/** Rows, classes and keys are many, dimensions few. */
const sizes = new Map(Object.entries({ b: 401, c: 409, m: 419, d: 3, k: 2 }))
const table = 8 * 401 * 401

const large = "linearCrossEntropy cosFace arcFace normalizedSoftmax proxyNca softTriple".split(" ")
const pairs = "infoNce moco ntXent supCon clip sigLip multiSimilarity circle nPairs cosent".split(" ")

test.each([...large, ...pairs])("%s and its gradients are computed without a table", (name) => {
  const loss = checkedOf((library as unknown as Record<string, Loss>)[name]!)
  const given = new Set(loss.inputs.filter(({ role }) => role !== "option").map((input) => input.name))
  for (const reduction of ["mean", "none"] as const) {
    const { choice } = readSettings(loss, { grad: "all", reduction })
    const kernel = schedule(outputsOf(loss, { ...choice, given }), { dtype: "f32" })
    const bytes = scratchBytes(kernel, sizes)
    expect(bytes, reduction).toBeGreaterThan(0)
    expect(bytes, reduction).toBeLessThan(table / 4)
  }
})

test("explain says how many bytes of scratch there are", () => {
  const loss = compile(
    "loss f[b](x: [d], shared w: [c, d], y: index c) = -logSoftmax[c](dot[d](x, w))[c = y]",
  )
  expect(loss.explain({ grad: ["x"] })).toContain("scratch arrays of 8 * size(c) + 8 * size(d) bytes\n")
  expect(loss.explain({ grad: ["x"], sizes: { c: 10, d: 4 } })).toContain("+ 8 * size(d) = 112 bytes\n")
  expect(compile("loss f[...](x) = x").explain()).toContain("0 scratch arrays\n")
})
