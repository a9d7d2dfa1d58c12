// A loss -> whether the gradients of its kernels are right: each compared with differences, or with the complex step.
import { checkedOf, type Loss } from "../index.ts"
import { type AnyKernel, makeKernel } from "../kernel.ts"
import type { Loss as Checked } from "../loss.ts"
import type { Bound } from "../run/bind.ts"
import type { InputValue } from "../run/given.ts"
import { boundsOf } from "../run/options.ts"
import { readSettings } from "../run/settings.ts"
import type { Input } from "../types.ts"
import { ridders, slopes } from "./differences.ts"
import type { Inputs } from "./draw.ts"
import { planStatics } from "./plan.ts"
import type { Place, Point } from "./point.ts"
import { type Random, random } from "./random.ts"
import { findSite, type Site, siteMaker } from "./site.ts"
import type { Kink } from "./trace.ts"

/** How gradients are checked. */
export interface GradcheckOptions {
  /** How many sets of inputs. Default 5. */
  readonly runs?: number
  /** Where generated inputs start from. Default 1; a failure prints the seed that repeats it. */
  readonly seed?: number
  /** The arguments whose gradients are checked. Default every real one that is not static. */
  readonly grad?: readonly string[]
  /** Central differences of the formula, extrapolated; or the complex step, which is exact. Default `differences`. */
  readonly method?: "differences" | "complex"
  /** The largest relative error of a gradient. Default 1e-6, and 1e-10 for the complex step. */
  readonly tolerance?: number
  /** Default `mean`. With `none` the rows are weighted by generated cotangents. */
  readonly reduction?: "mean" | "sum" | "none"
  /** What runs the kernel under test. Default `js`. */
  readonly target?: "js" | "interpret"
  /** Values of static options. Default their defaults; choices take turns. */
  readonly static?: Readonly<Record<string, number | string | boolean>>
  /** Sizes of axes; the others are drawn from 1 to 4. */
  readonly sizes?: Readonly<Record<string, number>>
  /** Arguments to use instead of generated ones: one run. */
  readonly inputs?: Inputs
  /** How many elements of each argument are checked in a run. Default 8. */
  readonly elements?: number
}

/** A gradient that is wrong, and what is needed to see why. */
export interface GradcheckFailure {
  readonly argument: string
  /** The place in the argument, axis by axis; empty for a scalar. */
  readonly index: readonly number[]
  /** What the kernel says. */
  readonly analytic: number
  /** What the differences or the complex step say; at a kink the slopes on both sides. */
  readonly numeric: number | readonly [left: number, right: number]
  /** An estimate of the error of `numeric`. */
  readonly uncertainty: number
  /** A fingerprint of the sides taken at all kinks: equal for two points on one smooth piece. */
  readonly branch: string
  /** The nearest kink, and how far its expression was from 0. */
  readonly nearest: Kink | undefined
  readonly seed: number
  /** The call that repeats this failure alone. */
  readonly replay: string
}

/** The outcome of a check. */
export interface GradcheckResult {
  readonly ok: boolean
  /** One line if all is well, else every failure with what is needed to repeat it. */
  readonly message: string
  /** How many elements of gradients were compared. */
  readonly checked: number
  readonly failures: readonly GradcheckFailure[]
}

/** The largest number of failures that are collected. */
const most = 20

/**
 * Checks the gradients of a loss at generated inputs, in double precision, and reports; it throws only if the options are
 * wrong. At a kink any value between the slopes of both sides is right.
 */
export function gradcheck(loss: Loss, options: GradcheckOptions = {}): GradcheckResult {
  const checked = checkedOf(loss)
  const { runs = 5, seed = 1 } = options
  const failures: GradcheckFailure[] = []
  const troubles: string[] = []
  let count = 0
  const times = options.inputs ? 1 : runs
  // Runs differ in their arguments and static options: those with the same options share a kernel.
  const kernels = new Map<string, AnyKernel>()
  for (let run = 0; run < times && failures.length < most; run++) {
    const one = checkRun(checked, options, seed + run, kernels)
    if (typeof one === "string") troubles.push(one)
    else {
      count += one.count
      failures.push(...one.failures)
    }
  }
  const shown = failures.slice(0, most)
  const ok = failures.length === 0 && troubles.length < times
  const good = `${count} gradients agree with ${options.method === "complex" ? "the complex step" : "finite differences"} (seed ${seed}, ${times} ${times === 1 ? "run" : "runs"})`
  const message =
    shown.length > 0
      ? `${shown.length}${failures.length > most ? " or more" : ""} of ${count} gradients are wrong\n${shown.map((one) => describeFailure(loss.name, one)).join("\n")}`
      : ok
        ? good
        : `nothing could be checked: ${troubles[0]}`
  return { ok, message, checked: count, failures: shown }
}

function checkRun(
  checked: Checked,
  options: GradcheckOptions,
  seed: number,
  kernels: Map<string, AnyKernel>,
): { readonly count: number; readonly failures: GradcheckFailure[] } | string {
  const draw = random(seed)
  const statics = planStatics(checked, options.static ?? {}, options.inputs ? 0 : seed)
  const real = checked.inputs
    .filter((input) => input.type === "real" && !input.isStatic)
    .map((input) => input.name)
  const kernelOptions = {
    target: options.target ?? "js",
    dtype: "f64",
    reduction: options.reduction ?? "mean",
    grad: options.grad ?? real,
    static: options.inputs ? options.static : statics.options,
    ...(options.inputs && options.sizes && { sizes: options.sizes }),
    accuracy: "full",
  } as const
  const settings = readSettings(checked, kernelOptions)
  const at = siteMaker(checked, settings, draw)
  const site = options.inputs
    ? at(options.inputs)
    : findSite(checked, options.sizes ?? {}, settings.statics, draw, at)
  if (typeof site === "string") return site

  const key = JSON.stringify(kernelOptions.static)
  const kernel = kernels.get(key) ?? makeKernel(checked, kernelOptions)
  kernels.set(key, kernel)
  const call = site.cotangent ? { cotangent: site.cotangent } : {}
  const result = kernel(site.inputs as Readonly<Record<string, InputValue>>, call)
  const steepest = Object.values(result.grad).reduce(
    (top, list) => Math.max(top, ...Array.from(list, size)),
    0,
  )
  const failures: GradcheckFailure[] = []
  let count = 0
  for (const name of settings.choice.grad) {
    const input = checked.inputs.find((one) => one.name === name)!
    for (const index of pick(site.point.size(input), options.elements ?? 8, draw)) {
      // An infinite bound cannot be moved.
      if (!Number.isFinite(site.point.read({ input, index }))) continue
      count++
      const found = checkElement(site, { input, index }, result.grad[name]![index]!, steepest, options)
      if (!found) continue
      const replay = options.inputs ? "gradcheck(loss, { inputs, … })" : replayCall(options, seed)
      failures.push({ argument: name, index: indexOf(site.bound, input, index), seed, replay, ...found })
    }
  }
  return { count, failures }
}

function replayCall(options: GradcheckOptions, seed: number): string {
  const parts = [`seed: ${seed}`, "runs: 1"]
  for (const name of ["method", "reduction", "target", "grad", "static", "sizes", "elements"] as const)
    if (options[name] !== undefined) parts.push(`${name}: ${JSON.stringify(options[name])}`)
  return `gradcheck(loss, { ${parts.join(", ")} })`
}

/** The absolute value; 0 for NaN. */
function size(value: number): number {
  return Math.abs(value) || 0
}

/** Compares one element; nothing if it is right. */
function checkElement(
  { point, bound }: Site,
  place: Place,
  analytic: number,
  steepest: number,
  { method = "differences", tolerance = method === "complex" ? 1e-10 : 1e-6 }: GradcheckOptions,
): Pick<GradcheckFailure, "analytic" | "numeric" | "uncertainty" | "branch" | "nearest"> | undefined {
  const here = point.trace(undefined, 0)
  const { branch, nearest } = here.trace
  // Terms that cancel leave a rounding error of their own size behind.
  const rounding = 1e-12 * Math.max(1, steepest, Math.abs(here.value) || 0)
  const close = (x: number, slack: number): boolean =>
    Object.is(x, analytic) ||
    Math.abs(x - analytic) <= tolerance * Math.max(Math.abs(x), Math.abs(analytic), 1e-3 * steepest) + slack
  if (method === "complex") {
    const numeric = point.derivative(place)
    return close(numeric, rounding) ? undefined : { analytic, numeric, uncertainty: 0, branch, nearest }
  }
  const value = (offset: number): number => point.value(place, offset)
  const step = smoothStep(point, place, branch, room(place, bound, point.read(place)))
  if (step === undefined) {
    const sides = slopes(value, 1e-6)
    const [low, high] = [Math.min(...sides), Math.max(...sides)]
    const slack = 1e-4 * Math.max(1, steepest)
    const inside = analytic >= low - slack && analytic <= high + slack
    return inside ? undefined : { analytic, numeric: sides, uncertainty: slack, branch, nearest }
  }
  // A step that is too long for a steep function gives an estimate that is worse than it says: shorter ones must agree.
  let last = { value: NaN, error: Infinity }
  for (let h = step; h > 1e-5 * step; h /= 8) {
    const { value: numeric, error } = ridders(value, h)
    // Differences cannot see below the rounding of the value itself.
    const noise = (1e-15 * Math.abs(here.value)) / h
    const scale = Math.max(Math.abs(numeric), Math.abs(analytic), 1e-3 * steepest)
    const isSharp = h === step || error <= 1e-4 * scale
    if (isSharp && close(numeric, 4 * error + 16 * noise + rounding)) return undefined
    if (error < last.error) last = { value: numeric, error }
  }
  return { analytic, numeric: last.value, uncertainty: last.error, branch, nearest }
}

/** A step within which no kink is crossed; undefined at a kink. */
function smoothStep(point: Point, place: Place, branch: string, most: number): number | undefined {
  for (let step = most; step > 1e-6; step /= 4)
    if ([step, -step].every((offset) => point.trace(place, offset).trace.branch === branch)) return step
  return undefined
}

/** How far an element may be moved inside its domain, and at most a tenth of its size or of 1. */
function room({ input }: Place, bound: Bound, at: number): number {
  let most = 0.1 * Math.max(1, Math.abs(at))
  if (input.domain) {
    const { low, high } = boundsOf(input.domain, bound.evaluate)
    for (const gap of [at - low, high - at]) if (gap > 0) most = Math.min(most, gap / 2)
  }
  return most
}

/** Some of the indices, in order. */
function pick(length: number, most: number, draw: Random): readonly number[] {
  const all = Array.from({ length }, (_, i) => i)
  while (all.length > most) all.splice(draw.int(0, all.length - 1), 1)
  return all
}

function indexOf(bound: Bound, input: Input, flat: number): readonly number[] {
  const out: number[] = []
  for (const { extent } of [...input.dimensions].reverse()) {
    const size = bound.evaluate(extent)
    out.unshift(flat % size)
    flat = Math.floor(flat / size)
  }
  return out
}

function describeFailure(loss: string, failure: GradcheckFailure): string {
  const { argument, index, analytic, numeric, uncertainty, branch, nearest, seed, replay } = failure
  const where = index.length > 0 ? ` at [${index.join(", ")}]` : ""
  const said =
    typeof numeric === "number"
      ? `${numeric} ± ${uncertainty.toExponential(1)}`
      : `between ${numeric.join(" and ")}`
  return [
    `  the gradient of ${loss} by ${argument}${where} is ${analytic}; it should be ${said}`,
    `    branch ${branch}, ${nearest ? `nearest kink ${nearest.distance.toPrecision(3)} away (${nearest.at})` : "no kinks"}, seed ${seed}`,
    `    ${replay}`,
  ].join("\n")
}
