// How to test losses of one's own, and a test of the other examples.
import { readFileSync } from "node:fs"
import { compile } from "lossc"
import { gradcheck } from "lossc/testing"
import { expect, test } from "vitest"
import { run } from "./custom-loss.ts"
import { train } from "./embedding.ts"
import { sweep } from "./margin-sweep.ts"
import { runSeven } from "./seven.ts"

test("the gradient of the focal loss agrees with finite differences", () => {
  const focal = compile(readFileSync("examples/focal.loss", "utf8"))
  const result = gradcheck(focal, { runs: 20, seed: 1 })
  expect(result.ok, result.message).toBe(true)
})

test("the seven losses of the survey have exact gradients", () => {
  for (const { title, error } of runSeven()) expect(error, title).toBeLessThan(1e-6)
})

test("training with the triplet kernel lowers the loss", () => {
  const triplet = compile(readFileSync("examples/triplet.loss", "utf8"))
  const steps = [...train(triplet, 100)]
  expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss / 2)
})

test("a larger margin gives a larger loss with the same kernel", () => {
  const losses = sweep().map(({ loss }) => loss)
  expect(losses).toHaveLength(10)
  for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeGreaterThan(losses[i - 1]!)
})

test("a custom loss runs, and refuses an option outside its constraint", () => {
  const { loss, grad, refused } = run()
  expect(loss).toBeCloseTo(0.129, 3)
  expect(grad).toHaveLength(4)
  expect(refused).toContain("delta")
})
