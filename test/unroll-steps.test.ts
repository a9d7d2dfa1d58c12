// Steps of unrolling, each on the smallest loop that it changes.
import { expect, test } from "vitest"
import type { Kernel, Operand, Stmt } from "../src/loops.ts"
import { printKernel } from "../src/print-loops.ts"
import { factored } from "../src/unroll/factors.ts"
import { Numbers } from "../src/unroll/facts.ts"
import { joined } from "../src/unroll/joined.ts"
import { unswitch } from "../src/unroll/unswitch.ts"
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

test("constant factors are multiplied before the loop, as many as there are", () => {
  const lines = after(factored, (b, x) => {
    const [p, q, r] = [b.scalar("p"), b.scalar("q"), b.scalar("r")]
    b.update(b.acc(0), "add", b.op("mul", r, b.op("mul", b.op("mul", x, p), q)))
  })
  expect(lines).toMatchInlineSnapshot(`
    [
      "t0 = p * q",
      "t1 = t0 * r",
      "for i from 0 to n_n",
      "  t2 = n_n[i]",
      "  var t3 = 0",
      "  t4 = t2 * t1",
      "  t3 += t4",
    ]
  `)
})

test("a product that something else reads stays, and one of what changes in between", () => {
  const twice = (b: Builder, x: Operand): void => {
    const [p, q] = [b.scalar("p"), b.scalar("q")]
    const sum = b.acc(x)
    const product = b.op("mul", x, p)
    b.update(sum, "add", b.op("mul", product, q))
    b.update(sum, "add", product)
  }
  const changed = (b: Builder, x: Operand): void => {
    const [p, q] = [b.scalar("p"), b.scalar("q")]
    const sum = b.acc(x)
    const product = b.op("mul", sum, p)
    b.update(sum, "add", 1)
    b.update(sum, "set", b.op("mul", product, q))
  }
  for (const body of [twice, changed]) expect(after(factored, body)).toEqual(after((list) => [...list], body))
})

test("a loop that does nothing where its condition does not hold is left out there", () => {
  const b = new Builder()
  const n = b.size("n")
  const sum = b.acc(0)
  const kept = b.op("lt", b.scalar("p"), 1)
  b.for("i", n, (i) => {
    const x = b.load(b.input("x", n), i)
    b.if(kept, () => b.update(sum, "add", x))
  })
  const kernel: Kernel = b.kernel()
  const loop = kernel.body.find((s) => s.kind === "for")!
  const branch = unswitch(loop, new Numbers(kernel))
  expect(branch).toMatchObject({ kind: "if", then: [{ kind: "for" }], else: [] })
})
