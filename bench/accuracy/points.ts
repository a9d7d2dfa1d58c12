// A loss -> arguments to measure it at: every kind of value that its arguments may have, drawn from its signature alone.
import { LossError } from "../../src/diagnostics.ts"
import type { Loss } from "../../src/loss.ts"
import type { InputValue } from "../../src/run/given.ts"
import type { Input, Reduction } from "../../src/types.ts"
import { planInputs, type PlannedInput, planStatics, sizeNames } from "../../src/testing/plan.ts"
import { random, type Random } from "../../src/testing/random.ts"

/** Arguments of a call, and what the kernel is made for. */
export interface Case {
  readonly profile: Profile
  readonly reduction: Reduction
  readonly statics: Readonly<Record<string, number | string | boolean>>
  readonly inputs: Readonly<Record<string, InputValue>>
  /** Whether every real is a number of 32 bits. */
  readonly single: boolean
}

/** What the numbers of a call are like. */
export const profiles = [
  "ordinary",
  "grid",
  "confident",
  "small",
  "large",
  "ties",
  "zero",
  "near",
  "mixed",
  "edge",
  "infinite",
  "batch",
] as const
export type Profile = (typeof profiles)[number]

/** The magnitudes of the value grid; beyond them squares leave the range of 32 bits. */
const grid = [0, 1e-45, 1e-8, 1, 36.8, 88.7, 103.9, 709.8, 745.2, 1e4]

/** Static options that leave room for small inputs. */
const small: Readonly<Record<string, Readonly<Record<string, number>>>> = { ssim: { winSize: 2 } }

/** The same cases on every run: `turns` for each profile. Cases that the loss refuses are drawn again, at most 20 times. */
export function casesOf(
  loss: Loss,
  accepts: (one: Case) => boolean,
  turns: number,
  chosen: readonly Profile[] = profiles,
): Case[] {
  const cases: Case[] = []
  let number = 0
  for (let turn = 0; turn < turns; turn++)
    for (const profile of chosen) {
      number++
      for (let attempt = 0; attempt < 20; attempt++) {
        const one = draw(loss, profile, number, random(1000 * number + attempt))
        if (!one || !isAccepted(one, accepts)) continue
        cases.push(one)
        break
      }
    }
  return cases
}

function isAccepted(one: Case, accepts: (one: Case) => boolean): boolean {
  try {
    return accepts(one)
  } catch (error) {
    if (error instanceof LossError) return false
    throw error
  }
}

function draw(loss: Loss, profile: Profile, number: number, next: Random): Case | undefined {
  const statics = planStatics(loss, small[loss.name] ?? {}, number)
  const most = profile === "batch" ? 9 : 3
  const rest = Array.from({ length: next.int(1, 2) }, () => next.int(1, 3))
  const batch = new Set(loss.batch.map((axis) => axis.name))
  const names = sizeNames(loss)
  const sizes = new Map(
    names.map((name) => [
      name,
      name === "..."
        ? rest.reduce((x, y) => x * y, 1)
        : batch.has(name) || batch.size === 0
          ? next.int(1, most)
          : next.int(1, 4),
    ]),
  )
  const plan = planInputs(loss, sizes, rest, statics.values)
  if (!plan) return undefined
  const single = number % 2 === 0
  const pattern = Array.from({ length: 64 }, () => next.real(-3, 3))
  const inputs: [string, InputValue][] = []
  for (const planned of plan) {
    const { name, shape, optional } = planned
    if (optional && (profile !== "edge" ? next.chance(0.6) : next.chance(0.2))) continue
    const one = (at: number): number => element(planned, profile, next, pattern[at % pattern.length]!, single)
    if (!shape) {
      const value = one(0)
      inputs.push([name, planned.elements.kind === "bool" ? value !== 0 : value])
      continue
    }
    const length = shape.reduce((total, size) => total * size, 1)
    const list = Array.from({ length }, (_, at) => one(at))
    const { kind } = planned.elements
    const Kind = kind === "real" ? Float64Array : kind === "bool" ? Uint8Array : Int32Array
    inputs.push([name, { data: Kind.from(list), shape }])
  }
  return {
    profile,
    reduction: (["mean", "none", "sum"] as const)[number % 3]!,
    statics: statics.options,
    inputs: Object.fromEntries(inputs),
    single,
  }
}

function element(
  { elements, input }: PlannedInput,
  profile: Profile,
  next: Random,
  shared: number,
  single: boolean,
): number {
  if (elements.kind === "bool") return +next.chance(0.5)
  if (elements.kind === "int") {
    if (elements.sentinels.length > 0 && next.chance(0.2))
      return elements.sentinels[next.int(0, elements.sentinels.length - 1)]!
    return next.int(elements.low, elements.high)
  }
  const { low, high, open, not } = elements
  for (let attempt = 0; ; attempt++) {
    // What a profile wants may be outside an open domain: then an ordinary number stands for it.
    const drawn = real(input, low, high, attempt < 10 ? profile : "ordinary", next, shared)
    const x = single ? Math.fround(drawn) : drawn
    const isIn =
      (open[0] ? x > low : x >= low || !input.domain?.low) &&
      (open[1] ? x < high : x <= high || !input.domain?.high)
    if ((isIn || (!input.domain?.low && x < low) || (!input.domain?.high && x > high)) && x !== not) return x
  }
}

/** A number of a profile; options are never as large as data may be. */
function real(
  input: Input,
  low: number,
  high: number,
  profile: Profile,
  next: Random,
  shared: number,
): number {
  const [below, above] = [input.domain?.low === undefined, input.domain?.high === undefined]
  const isOption = input.role === "option"
  if (!below && !above) return inside(low, high, profile, next, shared)
  const magnitude = size(isOption && profile !== "edge" ? "ordinary" : profile, next, isOption, shared)
  if (below && above) return isOption ? Math.abs(magnitude) : magnitude
  return below ? high - Math.abs(magnitude) : low + Math.abs(magnitude)
}

/** A number of a bounded domain: the ends, near them, or in between. */
function inside(low: number, high: number, profile: Profile, next: Random, shared: number): number {
  const width = high - low
  if (profile === "zero") return low
  if (profile === "near") return low + (width * (shared + 3)) / 6
  if (profile === "ordinary" || profile === "batch" || profile === "ties" || next.chance(0.3))
    return profile === "ties" ? low + width * next.int(0, 2) * 0.5 : next.real(low, high)
  const off = width * 10 ** -next.real(1, 16)
  return [low, high, low + off, high - off][next.int(0, 3)]!
}

/** A signed number of an unbounded domain. */
function size(profile: Profile, next: Random, isOption: boolean, shared: number): number {
  const sign = next.chance(0.5) ? 1 : -1
  switch (profile) {
    case "ordinary":
    case "batch":
      return next.real(-3, 3)
    case "grid":
      return sign * grid[next.int(0, grid.length - 1)]!
    case "confident":
      return sign * [0, 0, 40, 40, 300][next.int(0, 4)]! + (next.chance(0.5) ? next.real(-1, 1) : 0)
    case "small":
      return sign * 10 ** -next.real(0, 45)
    case "large":
      return sign * 10 ** next.real(0, 4)
    case "ties":
      return [shared > 0 ? 1 : -1, 0.5][next.int(0, 1)]!
    case "zero":
      return 0
    case "near":
      return shared * (1 + sign * 10 ** -next.real(1, 16))
    case "mixed":
      return sign * 10 ** next.real(-45, 4)
    case "edge":
      return isOption ? 10 ** next.real(-3, 2) : next.real(-3, 3)
    case "infinite":
      return next.chance(0.4) ? -Infinity : next.real(-3, 3)
  }
}
