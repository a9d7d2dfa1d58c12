// A loss and its program -> how a call that is too large for a device, with arrays or with buffers, runs in pieces of rows.
//
// The gradients of a sum over the rows are sums over the rows themselves, so pieces add up. A mean that divides by the number of
// rows is the mean of the means of pieces, each weighed by its rows. Where rows weigh differently, S = sum(loss) and W = sum(per)
// come first, and then the gradients of sum(loss / W - per * S / W^2), which are those of S / W.
import { independentRows, hasRows } from "../independence.ts"
import { isConst } from "../ir.ts"
import { withLabelChecks } from "../label-checks.ts"
import type { KernelChoice, Loss, Outputs } from "../loss.ts"
import { outputsOf, rowOf } from "../outputs.ts"
import type { Input } from "../types.ts"
import type { GpuProgram, Pieces } from "./program.ts"

/** Finds the pieces of what a program computes; `make` makes programs like it. */
export function piecesOf(
  loss: Loss,
  choice: KernelChoice,
  outputs: Outputs,
  program: GpuProgram,
  make: (outputs: Outputs) => GpuProgram,
): Pieces {
  const rows = independentRows(loss, choice)
  if ("why" in rows) return rows
  const size = program.sizeNames.indexOf(rows.size)
  if (size < 0) return { why: "the batch has one row" }
  const { inputs } = outputs
  const { checks } = withLabelChecks(loss, outputs)
  const has = hasRows(rows.axis)
  const byName = new Map(inputs.map((input) => [input.name, input]))
  const isWeighted = choice.reduction === "mean" && !isConst(rowOf(loss, choice).per, 1)
  const losses = choice.reduction === "none" ? program.outputs.findIndex(({ name }) => name === "loss") : -1
  return {
    axis: rows.axis.name,
    size,
    inputs: program.inputs.flatMap(({ name }, i) => (has(byName.get(name)!) ? [i] : [])),
    outputs: program.outputs.flatMap(({ name }, i) => (i === losses || has(byName.get(name)!) ? [i] : [])),
    labels: checks.map(({ input }) => program.inputs.findIndex(({ name }) => name === input.name)),
    mean: isWeighted ? "per" : choice.reduction === "mean" ? "count" : "none",
    emptyIsZero: choice.emptyMean === "zero",
    ...(isWeighted && { scaled: scaledProgram(loss, choice, program, make) }),
  }
}

/** The program of the sum of losses and weights, each times a scalar. */
function scaledProgram(
  loss: Loss,
  choice: KernelChoice,
  program: GpuProgram,
  make: (outputs: Outputs) => GpuProgram,
): GpuProgram {
  const { core } = loss
  // No argument has a space in its name.
  const [byValue, byWeight] = ["value factor", "weight factor"].map((name): Input => ({
    name,
    type: "real",
    role: "option",
    dimensions: [],
    isStatic: false,
  })) as [Input, Input]
  const times = (factor: Input, e: typeof loss.value) => core.op("mul", core.load(factor), e)
  const value = core.op("add", times(byValue, loss.value), times(byWeight, loss.per))
  const sum: Loss = { ...loss, value, inputs: [...loss.inputs, byValue, byWeight] }
  const { outputs } = withLabelChecks(sum, outputsOf(sum, { ...choice, reduction: "sum" }))
  const scaled = make(outputs)
  const isAlike = (["inputs", "outputs"] as const).every((which) =>
    scaled[which].every(({ name }, i) => name === program[which][i]?.name),
  )
  if (!isAlike) throw new Error(`the sum of ${loss.name} has other arrays than its mean`)
  return scaled
}
