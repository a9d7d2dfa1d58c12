// Steps of unrolling, each on the smallest loop that it changes.
import { expect, test } from "vitest"
import type { Kernel, Operand, Stmt } from "../src/loops.ts"
import { printKernel } from "../src/print-loops.ts"
import { Numbers } from "../src/unroll/facts.ts"
import { joined } from "../src/unroll/joined.ts"
import { Builder } from "./emit.kernels.ts"

type Step = (body: readonly Stmt[], numbers: Numbers) => Stmt[]

/** The text of a loop after a step, without the sizes. */
function after(step: Step, body: (b: Builder, x: Operand) => void): string[] {
  const b = new Builder()
  const n = b.size("n")
  b.for("i", n, (i) => body(b, b.load(b.input("x", n), i)))
  const kernel: Kernel = b.kernel()
  return printKernel({ ...kernel, body: step(kernel.body, new Numbers(kernel)) })
    .split("\n")
    .slice(1)
}

test("a condition and its opposite are the branches of one", () => {
  const lines = after(joined, (b, x) => {
    const [sum, count] = [b.acc(0), b.acc(0, "int")]
    const low = b.op("lt", x, 1)
    b.if(low, () => b.update(sum, "add", x))
    b.if(b.op("not", low), () => b.update(count, "add", 1))
  })
  expect(lines.slice(-5)).toEqual(["  t3 = t0 < 1", "  if t3", "    t1 += t0", "  else", "    t2 += 1"])
})

test("a condition that changes before its opposite stands stays apart", () => {
  const lines = after(joined, (b, x) => {
    const [sum, flag] = [b.acc(0), b.acc(0, "bool")]
    b.if(flag, () => b.update(flag, "set", 0))
    b.if(b.op("not", flag), () => b.update(sum, "add", x))
  })
  expect(lines).not.toContain("  else")
})
