import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { agree, apart, rounding } from "../bench/agree.ts"
import { byHand, generated } from "../bench/generated.ts"
import type { Column } from "../bench/peers/columns.ts"
import { instructions } from "../bench/peers/count.ts"
import { outcomes, ratio } from "../bench/peers/goals.ts"
import { type Measured, measure } from "../bench/peers/measure.ts"
import { report } from "../bench/peers/report.ts"
import { others, works } from "../bench/rows.ts"

for (const work of [...works, ...others])
  for (const target of ["js", "wasm"] as const)
    test(`${work.name}: the loop by hand computes what the ${target} kernel does`, () => {
      const row = work.at(work.sizes[0])
      const [hand, kernel] = [byHand(row), generated(row, { target })(row)]
      const [wanted, found] = [hand, kernel].map(({ run, out }) => ({ loss: run(), grad: out }))
      expect(wanted!.loss).not.toBe(0)
      for (const name of row.grad) expect(wanted!.grad[name]!.some((x) => x !== 0)).toBe(true)
      agree(row.title, wanted!, found!, rounding)
    })

test("a side that computes something else is an error", () => {
  const one = { loss: 1, grad: { x: [1, 2] } }
  expect(() => agree("it", one, { loss: 1, grad: { x: [1, 3] } }, rounding)).toThrow(/it: .*differ by 5.0e-1/)
  expect(() => agree("it", one, { loss: 2, grad: { x: [1, 2] } }, rounding)).toThrow("the loss is 2, not 1")
  expect(() => agree("it", one, { loss: 1, grad: { x: [NaN, 2] } }, rounding)).toThrow()
  expect(() => agree("it", one, { loss: 1, grad: { x: [1] } }, rounding)).toThrow("has 1 elements, not 2")
  expect(apart(one, one)).toEqual({ loss: 0, gradient: 0 })
})

test("instructions are counted as they run, and are the same for every size but for what a call does once", async () => {
  const of = (name: string, size: number) => instructions(works.find((work) => work.name === name)!.at(size))
  const [small, large] = [await of("mse", 1 << 13), await of("mse", 1 << 16)]
  // Two loads, a store, and the difference, its square and the gradient for each vector of 4, at least.
  expect(large.load).toBeCloseTo(2 / 4, 3)
  expect(large.store).toBeCloseTo(1 / 4, 3)
  expect(large.vector).toBeGreaterThanOrEqual(3 / 4)
  expect(large.vector).toBeCloseTo(small.vector, 2)
  const average = await of("mean", 1 << 16)
  expect(average.load).toBeCloseTo(1 / 4, 3)
  expect(average.store).toBeCloseTo(0, 3)
})

/** What was measured of a row: ns of a call by side. */
const measured = (name: string, ns: Readonly<Record<string, number>>): Measured => {
  const work = works.find((one) => one.name === name)!
  const apart = [0, 1, 2, 3].map(() => ({ loss: 0, gradient: 0 }))
  const found = Object.entries(ns).map(([side, time]) => [side, { ns: [1, 2, 3, time], apart }] as const)
  return {
    work,
    title: name,
    elements: work.sizes,
    found: Object.fromEntries(found),
    notes: { c: "note" },
    missing: { jax: "it cannot" },
  }
}

test("goals are compared with the largest size, where both sides were measured", () => {
  const rows = [measured("mse", { wasm: 10, hand: 50, c: 8 }), measured("ctc", { wasm: 1, hand: 1 })]
  expect(outcomes(rows)).toEqual([
    { row: "mse", side: "wasm", than: "hand", wanted: 4, found: 5 },
    { row: "mse", side: "wasm", than: "c", wanted: 0.7, found: 0.8 },
  ])
  expect(ratio(rows[0]!, "wasm", "jax")).toBe(undefined)
})

test("the report names what was missed, what was left out, and every side", () => {
  const columns = ["wasm", "hand", "c"].map((side) => ({
    side,
    title: `<${side}>`,
    command: () => [side] as const,
  }))
  const counts = { vector: 1, load: 0.5, store: 0.25, scalar: 0, address: 2, branch: 0.25 }
  const text = report({
    rows: [measured("mse", { wasm: 20e6, hand: 50e6, c: 10e6 })],
    columns,
    absent: ["tf.js: install it"],
    machine: { text: "a machine", clock: 2, bandwidth: [{ bytes: 1e6, rate: 12 }] },
    counts: new Map([["mse", counts]]),
    effort: "once",
  })
  expect(text).toContain("| mse | 20.0 | 50.0 | 10.0 (note) |")
  expect(text).toContain("| mse: <wasm> against <hand> | 4 | 2.50 | missed |")
  expect(text).toContain("Missed: <wasm> is 0.500 times as fast as <c>, not 0.7.")
  expect(text).toContain("- tf.js: install it")
  expect(text).toContain("- jax: it cannot")
  // 12 bytes an element at 12 bytes a ns; 4 instructions in 20e6 / 2^22 ns of 2 cycles.
  expect(text).toContain("| memory, 12.0 bytes | 1.00 | 2.00 |")
  expect(text).toContain("| lossc wasm | 1.00 | 0.500 | 0.250 | 0.00 | 2.00 | 0.250 | 4.00 | 0.419 |")
})

/** A side in a process of its own that answers as it is told. */
const answering = (side: string, loss: string): Column => {
  const script = `
    process.stdin.on("data", (text) => {
      const words = String(text).trim().split(" ")
      if (words[0] === "load") ${loss === "" ? 'throw new Error("it cannot")' : `console.log("${loss} note")`}
      else console.log(1000 * Number(words[1]))
    })`
  return { side, title: side, command: () => [process.execPath, "-e", script] }
}

test("sides are asked in turns; one that ends or computes something else is left out with the reason", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lossc-test-"))
  const work = works.find(({ name }) => name === "mean")!
  const small = { ...work, sizes: [8, 16, 32, 64] as const }
  const columns = [
    answering("js", "1"),
    answering("same", "1.001"),
    answering("other", "2"),
    answering("ends", ""),
  ]
  const { found, missing, notes } = await measure(small, columns, folder, { processes: 2, turns: 2, ms: 4 })
  rmSync(folder, { recursive: true })
  expect(Object.keys(found)).toEqual(["js", "same"])
  expect(found["same"]!.ns).toEqual([1000, 1000, 1000, 4000])
  expect(found["same"]!.apart[3]!.loss).toBeCloseTo(0.001)
  expect(notes["same"]).toBe("note")
  expect(missing["ends"]).toBe("it cannot")
  expect(missing["other"]).toMatch(/the loss is 2, not 1/)
})
