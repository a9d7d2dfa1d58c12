// Steps of kernels: what one workgroup hands from one step to the next, and what it does alone.
import { expect, test } from "vitest"
import { arranged, planOf } from "../../src/gpu/plan.ts"
import { checkedOf, type Loss } from "../../src/index.ts"
import { withLabelChecks } from "../../src/label-checks.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../../src/loops.ts"
import { readSettings } from "../../src/run/settings.ts"
import { schedule } from "../../src/schedule.ts"
import * as library from "../../src/stdlib.ts"
import { loopsIn } from "../../src/unroll/facts.ts"
import { compute, hasRestBesides } from "../../src/variants.ts"

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

/** What one workgroup does row by row when a loss and its gradients by the arguments of a sample run on a GPU. */
function serialLoops(loss: Loss): string[] {
  const checked = checkedOf(loss)
  const grad = checked.inputs.filter((x) => x.type === "real" && x.role !== "option").map((x) => x.name)
  const settings = readSettings(checked, { grad, dtype: "f32" })
  const { outputs } = compute(checked, settings, new Set(grad), hasRestBesides(checked))
  const kernel = schedule(withLabelChecks(checked, outputs).outputs, { dtype: "f32", owner: true })
  const { steps } = planOf(arranged(kernel))
  return steps.flatMap((step) =>
    step.kind === "rows"
      ? []
      : step.segments.flatMap(({ body }) =>
          loopsIn(body).flatMap((loop) => (loopsIn(loop.body).length > 0 ? [loop.axis] : [])),
        ),
  )
}

test("rows run at once, also where labels are checked", { timeout: 180_000 }, () => {
  const losses = Object.values(library as unknown as Record<string, Loss>)
  const serial = losses.filter((loss) => serialLoops(loss).length > 0).map(({ name }) => name)
  expect(serial).toEqual([])
})
