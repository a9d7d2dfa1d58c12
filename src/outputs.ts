// From a checked loss and the choice of a kernel to the expressions it computes: loss -> outputs.
import { axesOf, grad } from "./grad.ts"
import type { Expr } from "./ir.ts"
import type { KernelChoice, Loss, Outputs } from "./loss.ts"
import { extremes } from "./extremes.ts"
import { residuals } from "./residuals.ts"
import type { Rule } from "./rules.ts"
import { rewriter } from "./simplify.ts"
import { reduce, substitute } from "./sums.ts"
import { transformer } from "./transform.ts"
import type { Input } from "./types.ts"

/** What `outputsOf` may be told besides the choice. */
export interface OutputOptions {
  /** Without stabilising rules the expressions are those of the text (to compare with). Default true. */
  readonly stabilise?: boolean
  /** Called for each rule that fires. */
  readonly fired?: (rule: Rule) => void
}

/** The expressions of one row. */
export interface Row {
  readonly value: Expr
  /** Whether it counts. */
  readonly where: Expr
  /** What it adds to the denominator of the mean. */
  readonly per: Expr
}

/** The expressions of one row of a loss, with static options and absent defaults filled in. */
export function rowOf(loss: Loss, choice: KernelChoice): Row {
  const fill = filled(loss, choice)
  return { value: fill(loss.value), where: fill(loss.where), per: fill(loss.per) }
}

/** A function that fills static options and absent defaults in. */
function filled(loss: Loss, choice: KernelChoice): (e: Expr) => Expr {
  const { core } = loss
  const isRest = (e: Expr): boolean => choice.single === true && e.kind === "size" && e.name === rest
  if (!choice.single && !loss.inputs.some((input) => isFilled(input, choice))) return (e) => e
  return transformer(core, {
    before: (e) => {
      if (isRest(e)) return core.one
      return e.kind === "axis" && isRest(e.extent) ? core.zero : undefined
    },
    load: (e, index) => {
      const { input } = e
      if (input.isStatic) {
        const value = choice.statics.get(input.name)
        if (value === undefined) return undefined
        return input.type === "bool" ? core.bool(value !== 0) : core.const(value)
      }
      if (!isFilled(input, choice) || !input.default || !("expr" in input.default)) return undefined
      return substitute(core, input.default.expr, new Map(axesOf(core, input).map((a, i) => [a, index[i]!])))
    },
  })
}

/** The value, the counts and the gradients of a loss, with static options and absent defaults filled in. */
export function outputsOf(loss: Loss, choice: KernelChoice, options: OutputOptions = {}): Outputs {
  const { core } = loss
  const isRest = (e: Expr): boolean => choice.single === true && e.kind === "size" && e.name === rest
  const fill = filled(loss, choice)
  const stabilise = options.stabilise === false ? (e: Expr) => e : rewriter(core, "stabilise", options.fired)
  const stable = (e: Expr): Expr => stabilise(fill(e))
  const rows = [loss.value, loss.where, loss.per].map(stable)
  const kept = choice.grad.length > 0 ? extremes(core, rows) : (e: Expr) => e
  const named = residuals(core)
  const prepare = (e: Expr): Expr => named(kept(stable(e)))
  const [value, where, per] = [prepare(loss.value), prepare(loss.where), prepare(loss.per)]
  const batch = loss.batch.filter((a) => !isRest(a.extent))
  const sum = (e: Expr): Expr => reduce(core, "sum", batch, where, e)
  const counted = sum(core.one)
  const weight = sum(per)
  const scalars: { name: "loss" | "count" | "per" | `grad:${string}`; value: Expr }[] = []
  const arrays: { name: string; axes: Outputs["arrays"][number]["axes"]; value: Expr }[] = []
  const inputs = loss.inputs.filter((x) => isRead(x, choice))
  const wrt = choice.grad.map((name) => loss.inputs.find((x) => x.name === name)!)

  let gradients: ReturnType<typeof grad>
  if (choice.reduction === "none" && loss.batch.length > 0) {
    arrays.push({ name: "loss", axes: batch, value: core.op("guard", where, value) })
    const cotangent = cotangentOf(loss)
    if (wrt.length > 0) inputs.push(cotangent)
    const weight = core.load(cotangent, loss.batch.map(fill))
    gradients = grad(core, value, core.op("guard", where, weight), wrt)
  } else {
    const total = sum(value)
    const result =
      choice.reduction === "sum"
        ? total
        : core.op(choice.emptyMean === "nan" ? "div" : "ratio", total, weight)
    scalars.push({ name: "loss", value: result })
    gradients = grad(core, result, core.one, wrt)
  }
  scalars.push({ name: "count", value: counted }, { name: "per", value: weight })
  for (const [input, { axes: own, value: whole }] of gradients) {
    const gone = own.filter((a) => isRest(a.extent))
    const axes = own.filter((a) => !gone.includes(a))
    const derivative = substitute(core, whole, new Map(gone.map((a) => [a, core.zero])))
    if (own.length === 0) scalars.push({ name: `grad:${input.name}`, value: derivative })
    else arrays.push({ name: input.name, axes, value: derivative })
  }
  const labelReads = loss.labelReads.map((one) => ({
    ...one,
    condition: prepare(one.condition),
    extent: prepare(one.extent),
  }))
  return { core, scalars, arrays, inputs, labelReads, ...(choice.single && { single: true }) }
}

/** The name of the axis that stands for a batch of any rank. */
const rest = "..."

const isOption = (input: Input): boolean =>
  input.role === "option" && input.dimensions.length === 0 && !input.isStatic

/** Whether the caller says what an argument is. */
const isGiven = (input: Input, choice: KernelChoice): boolean =>
  input.default === undefined || choice.given.has(input.name) || isOption(input)

/** Whether something else stands for an argument in the expressions of a kernel. */
const isFilled = (input: Input, choice: KernelChoice): boolean => input.isStatic || !isGiven(input, choice)

/** Whether a kernel reads an argument. */
export const isRead = (input: Input, choice: KernelChoice): boolean =>
  !input.isStatic && (isGiven(input, choice) || (input.default !== undefined && "vector" in input.default))

const cotangents = new WeakMap<Loss, Input>()

/** The array by which reduction none weighs the rows' gradients. */
function cotangentOf(loss: Loss): Input {
  let input = cotangents.get(loss)
  if (!input) {
    const dimensions = loss.batch.map((a) => ({ name: a.name, extent: a.extent }))
    input = { name: "cotangent", type: "real", role: "sample", dimensions, isStatic: false }
    cotangents.set(loss, input)
  }
  return input
}
