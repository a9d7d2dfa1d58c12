// A loss -> the worst that its kernels do over the value grid: what the table shows and what the test asserts.
import type { Loss } from "../../src/loss.ts"
import type { Dtype } from "../../src/types.ts"
import { type Difference, Subject, type Target } from "./measure.ts"
import { type Case, type Profile, casesOf } from "./points.ts"

/** What compiled kernels run on. */
export const targets = ["js", "wasm"] as const satisfies readonly Target[]

/** What of a loss is told apart. */
export type Kind = `${(typeof targets)[number]} ${Dtype} ${"value" | "gradient"}`

/** The largest error of one kind. */
export interface Worst extends Difference {
  readonly kind: Kind
  readonly at: Case
}

/** What was measured of a loss. */
export interface Survey {
  readonly name: string
  /** By kind: the largest error in units of the last place, and where it is. */
  readonly worst: Readonly<Partial<Record<Kind, Worst>>>
  /** The same without regard to terms: how far tiny results keep their own digits. */
  readonly own: Readonly<Partial<Record<Kind, Worst>>>
  /** A number that a kernel has no finite value for where there is one: something on the way is beyond the range of doubles. */
  readonly overflow: Worst | undefined
  readonly overflows: number
  readonly cases: number
  /** How many numbers were compared, and how many of them in units of their terms. */
  readonly numbers: number
  readonly cancelled: number
  /** Cases of which two precisions did not agree within 1400 bits. */
  readonly undecided: number
}

/** Measures the kernels of a loss. `turns` is how often each profile is drawn. */
export function survey(loss: Loss, turns: number, profiles?: readonly Profile[]): Survey {
  const subject = new Subject(loss)
  const accepts = (one: Case): boolean => subject.bind(one) !== undefined
  const cases = casesOf(loss, accepts, turns, profiles)
  const worst: Partial<Record<Kind, Worst>> = {}
  const own: Partial<Record<Kind, Worst>> = {}
  let overflow: Worst | undefined
  let [numbers, cancelled, undecided, overflows] = [0, 0, 0, 0]
  for (const at of cases) {
    const exact = subject.exact(at)
    if (!exact) {
      undecided++
      continue
    }
    for (const dtype of at.single ? (["f64", "f32"] as const) : (["f64"] as const))
      for (const target of targets)
        for (const one of subject.differences(at, exact, dtype, target)) {
          numbers++
          const kind: Kind = `${target} ${dtype} ${one.name === "loss" ? "value" : "gradient"}`
          const found = { ...one, kind, at }
          if (!Number.isFinite(one.found) && one.ulps > 0) {
            overflows++
            overflow ??= found
            continue
          }
          if (one.ulps < one.own) cancelled++
          if (!(one.ulps <= (worst[kind]?.ulps ?? -1))) worst[kind] = found
          if (!(one.own <= (own[kind]?.own ?? -1))) own[kind] = found
        }
  }
  return {
    name: loss.name,
    worst,
    own,
    overflow,
    overflows,
    cases: cases.length,
    numbers,
    cancelled,
    undecided,
  }
}

/** A call as one line, its numbers short. */
export function describe({ profile, reduction, statics, inputs, single }: Case): string {
  const number = (x: number): string =>
    Number.isInteger(x) && Math.abs(x) < 1e5 ? String(x) : x.toPrecision(4)
  const values = Object.entries(inputs).map(([name, x]) => {
    if (typeof x !== "object" || !("data" in x))
      return `${name} ${String(typeof x === "number" ? number(x) : x)}`
    const list = Array.from(x.data as ArrayLike<number>, number)
    return `${name} [${list.slice(0, 12).join(" ")}${list.length > 12 ? " …" : ""}]`
  })
  const fixed = Object.entries(statics).map(([name, x]) => `${name} ${x}`)
  return [profile, reduction, single ? "f32" : "f64", ...fixed, ...values].join(", ")
}
