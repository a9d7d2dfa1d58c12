// Steps of small kernels: what one workgroup hands from one step to the next.
import { expect, test } from "vitest"
import { planOf } from "../../src/gpu/plan.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../../src/loops.ts"

const number = (value: number): Operand => ({ kind: "number", value })
const value = (id: number): Operand => ({ kind: "value", id })
const scratch: Buffer = { id: 0, kind: "scratch", element: "f64", length: number(4) }
const load: Stmt = { kind: "load", id: 1, buffer: scratch, at: number(0), type: "real" }
const half: Stmt = { kind: "let", id: 2, op: "mul", args: [value(1), number(0.5)], type: "real" }
const store = (x: Operand): Stmt => ({ kind: "store", buffer: scratch, at: number(1), value: x })

/** The statements of each step, by kind. */
function steps(body: readonly Stmt[]): string[] {
  const kernel: Kernel = {
    dtype: "f32",
    inputs: [],
    outputs: [],
    scratch: [scratch],
    scalars: [],
    sizeNames: [],
    sizes: [],
    body,
    results: [],
  }
  return planOf(kernel).steps.map((step) =>
    step.kind === "rows" ? "rows" : step.segments.map((x) => x.body.map((s) => s.kind).join(" ")).join(" | "),
  )
}

test("a loaded number is read where it is loaded", () => {
  expect(steps([load, store(value(1))])).toEqual(["load store"])
})

test("what is computed from a loaded number waits for another step", () => {
  expect(steps([load, half, store(value(2))])).toEqual(["load", "store"])
})
