// A loss -> places to look at it: arguments that it accepts, where it is finite and, if possible, smooth.
import { LossError } from "../diagnostics.ts"
import type { Loss } from "../loss.ts"
import { binder, type Bound } from "../run/bind.ts"
import type { Settings } from "../run/settings.ts"
import type { Input } from "../types.ts"
import { drawInputs, type Inputs } from "./draw.ts"
import { planInputs } from "./plan.ts"
import { type Point, pointOf } from "./point.ts"
import type { Random } from "./random.ts"
import { sizeMaker } from "./sizes.ts"

/** Arguments of a call, and the loss around them. */
export interface Site {
  readonly inputs: Inputs
  readonly bound: Bound
  readonly point: Point
  /** With reduction none and gradients: the weights of the rows. */
  readonly cotangent: readonly number[] | undefined
}

/** Tries for inputs that the loss accepts, is finite at, and that keep away from kinks. */
const tries = 60
/** How far from a kink is away from it. */
const near = 1e-3

/** Makes the function from arguments to sites; it throws `LossError` if the loss does not accept them. */
export function siteMaker(checked: Loss, settings: Settings, draw: Random): (inputs: Inputs) => Site {
  const { choice } = settings
  const bind = binder(checked, { ...settings, check: true, materialise: new Set(choice.grad) })
  return (inputs) => {
    const bound = bind(inputs)
    const rows = checked.batch.reduce((total, axis) => total * bound.evaluate(axis.extent), 1)
    const weighted = choice.reduction === "none" && checked.batch.length > 0 && choice.grad.length > 0
    const cotangent = weighted ? Array.from({ length: rows }, () => draw.real(-1, 1)) : undefined
    return { inputs, bound, cotangent, point: pointOf(checked, choice, bound, cotangent) }
  }
}

/** Draws sizes and inputs until the loss accepts them, is finite there, and is smooth around; or as near to that as it gets. */
export function findSite(
  checked: Loss,
  fixed: Readonly<Record<string, number>>,
  statics: ReadonlyMap<Input, number>,
  draw: Random,
  at: (inputs: Inputs) => Site,
): Site | string {
  const { names, make } = sizeMaker(checked, statics, fixed)
  let reason = "no sizes of the axes fit together"
  let second: Site | undefined
  for (let attempt = 0; attempt < tries; attempt++) {
    const rest = Array.from({ length: draw.int(1, 2) }, () => draw.int(1, 3))
    const places = rest.reduce((x, y) => x * y, 1)
    const sizes = make(names.map((name) => (name === "..." ? places - 1 : draw.int(0, 3))))
    if (typeof sizes === "string") {
      reason = sizes
      continue
    }
    const plan = planInputs(checked, sizes, fixed["..."] === undefined ? rest : [fixed["..."]], statics)
    if (!plan) continue
    try {
      const site = at(drawInputs(plan, draw, attempt < tries / 2))
      const { value, trace } = site.point.trace(undefined, 0)
      if (!Number.isFinite(value)) reason = `the loss is ${value} at the inputs that were drawn`
      else if (!trace.inRange || (trace.nearest && trace.nearest.distance < near)) second ??= site
      else return site
    } catch (error) {
      if (!(error instanceof LossError)) throw error
      reason = error.diagnostics[0]?.message ?? error.message
    }
  }
  return second ?? reason
}

/** How far arguments are from the nearest kink, and infinity if there is none; or why the loss has no finite value there. */
export function distanceAt(site: (inputs: Inputs) => Site, inputs: Inputs): number | string {
  try {
    const { value, trace } = site(inputs).point.trace(undefined, 0)
    return Number.isFinite(value) ? (trace.nearest?.distance ?? Infinity) : `the loss is ${value}`
  } catch (error) {
    if (error instanceof LossError) return error.diagnostics[0]?.message ?? error.message
    throw error
  }
}
