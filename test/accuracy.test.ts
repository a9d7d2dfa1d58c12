// Generated from the library: the kernels of every loss are within 8 units of the last place of the exact value.
import { describe, expect, test } from "vitest"
import { goal, Subject } from "../bench/accuracy/measure.ts"
import type { Case, Profile } from "../bench/accuracy/points.ts"
import { describe as describeCase, type Kind, survey, type Worst } from "../bench/accuracy/survey.ts"
import { checkedOf, type Loss } from "../src/index.ts"
import type { Dtype } from "../src/types.ts"
import * as library from "../src/stdlib.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Parts of the value grid that show most; each loss gets one of them, since `npm run accuracy` does the whole grid. */
const profiles: readonly Profile[] = ["small", "grid", "confident"]

/** By the name, so that a new loss changes nothing for the others. */
const profileOf = (name: string): Profile =>
  profiles[Array.from(name).reduce((sum, c) => sum + c.charCodeAt(0), 0) % profiles.length]!

/** Losses that no small input fits. */
const large: ReadonlySet<string> = new Set(["msSsim", "msSsim3"])

const shown = ({ name, index, ulps, found, exact, at }: Omit<Worst, "kind">): string =>
  `${name}[${index}]: ${ulps} units, ${found} for ${exact}; ${describeCase(at)}`

describe("every loss is within 8 units of the last place", () => {
  test.each(
    losses.filter(({ name }) => !large.has(name)).map((loss) => ({ loss, profile: profileOf(loss.name) })),
  )("$loss.name, $profile", ({ loss, profile }) => {
    const first = survey(checkedOf(loss), 1, [profile])
    const measured = first.numbers > 0 ? first : survey(checkedOf(loss), 2, ["ordinary", "mixed"])
    const { worst, numbers, overflow } = measured
    expect(numbers).toBeGreaterThan(0)
    const bad = (Object.entries(worst) as [Kind, Worst][]).filter(([, { ulps }]) => !(ulps <= goal))
    const said = bad.map(([kind, one]) => `${kind} ${shown(one)}`).join("\n")
    expect(said).toBe("")
    expect(overflow && shown(overflow)).toBeUndefined()
  })
})

const rows = (...list: readonly (readonly number[])[]): Case["inputs"][string] => ({
  data: Float64Array.from(list.flat()),
  shape: [list.length, list[0]!.length],
})

const singles = (...list: readonly (readonly number[])[]): Case["inputs"][string] =>
  rows(...list.map((row) => row.map(Math.fround)))

/** As many as lanes, which compute in f32. */
const zeros = [0, 0, 0, 0]
const far = [0, 13.8, 0, 0]
const tiny = [1e-30, 1e-30, 1e-30, 1e-30]

interface Place {
  readonly loss: Loss
  readonly why: string
  readonly inputs: Case["inputs"]
  readonly dtype?: Dtype
}

/** Calls that were further off with another formula of the same loss, or by another unit than that of what cancels. */
const places: readonly Place[] = [
  {
    loss: library.relationalDistance,
    why: "one sample is far from the others: its distances, parts of their sum, are nearly the same on both sides",
    inputs: { student: rows([0, 0], [0, 2.34], [1e-6, 0]), teacher: rows([0, 0], [6.4, 0], [0, 1e-7]) },
  },
  {
    loss: library.kernelAlignment,
    why: "the derivative of a shared size takes away what that of an own size gives",
    inputs: { x: rows([0, 0], [0, 3.07], [1e-4, 0]), y: rows([0, 0], [5.89, 0], [0, 1]) },
  },
  {
    loss: library.bhattacharyya,
    why: "the product of two probabilities is below the range",
    inputs: { input: rows([1e-200]), target: rows([1e-200]) },
  },
  {
    loss: library.bhattacharyya,
    why: "the product of two probabilities is below the range of f32",
    inputs: { input: singles(tiny), target: singles(tiny) },
    dtype: "f32",
  },
  {
    loss: library.probit,
    why: "a tail turns the rounding of a product of two arguments into many units",
    inputs: { input: rows([-1.1546602109447122]), target: rows([-2.5366166210733354]) },
  },
  {
    loss: library.hardNegative,
    why: "negatives are as near as the positive, and nearly all of them false",
    inputs: { q: rows([1e-24], [1e-24], [1e-24]), k: rows([1], [-1], [1]), tauPlus: 0.9986 },
  },
  {
    loss: library.mixtureDensity,
    why: "the weight of a component is below the normal numbers of f32",
    inputs: {
      logits: singles(zeros, zeros, zeros, zeros),
      mu: singles(far, far, far, far),
      logSigma: singles(zeros, zeros, zeros, zeros),
      target: { data: new Float64Array(4), shape: [4] },
    },
    dtype: "f32",
  },
]

describe.each(["js", "wasm", "interpret"] as const)("%s is within 8 units where", (target) => {
  test.each(places)("$why", ({ loss, inputs, dtype = "f64" }) => {
    const subject = new Subject(checkedOf(loss))
    const at: Case = { profile: "ordinary", reduction: "mean", statics: {}, inputs, single: dtype === "f32" }
    const bad = subject
      .differences(at, subject.exact(at)!, dtype, target)
      .filter(({ ulps }) => !(ulps <= goal))
    expect(bad.map((one) => shown({ ...one, at })).join("\n")).toBe("")
  })
})
