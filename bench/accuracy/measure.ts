// A loss at one place -> how far its kernels are from the exact value, in units of the last place.
import { type AnyKernel, makeKernel } from "../../src/kernel.ts"
import type { Loss } from "../../src/loss.ts"
import { outputsOf } from "../../src/outputs.ts"
import { type Bound, binder } from "../../src/run/bind.ts"
import { type Numbers, interpret } from "../../src/run/interpret.ts"
import { KernelMemory } from "../../src/run/memory.ts"
import { readSettings } from "../../src/run/settings.ts"
import type { Dtype, Input } from "../../src/types.ts"
import { type Big, BigMath, type Finite, compare, fromNumber, toNumber, topOf } from "./big.ts"
import { bigNumbers, type Choices, choosing, type Termed, termed } from "./operators.ts"
import type { Case } from "./points.ts"

/** The exact values of a call, and what their errors may be measured by where digits cancel. */
export interface Exact {
  /** By name: `loss`, and each argument that the loss is differentiated by. */
  readonly values: Values
  /** How much each of them changes when every real argument changes by half a unit in its last place. */
  readonly spread: () => Values
  /** How many bits the numbers at the nearest kink share: with no more digits, derivatives may be those of either side. */
  readonly shared: number
  /** The sizes of the terms of each, together, in the formula as it was written and differentiated. */
  readonly terms: () => Terms
  /** The same for results below the smallest normal number of a format: what lies there on the way has few digits. */
  readonly tiny: Readonly<Record<Dtype, () => Terms>>
}

interface Terms {
  readonly values: Values
  /** How many bits below the terms the nearest kink is. */
  readonly shared: number
}

/** What runs a kernel. */
export type Target = "js" | "wasm" | "interpret"

type Values = ReadonlyMap<string, readonly Big[]>

/** The exact values at one precision, and the choices made. */
interface Evaluated extends Choices {
  readonly values: Values
}

/** How arguments are moved: equal sizes together, so that ties stay ties, or each by itself. */
interface Pattern {
  /** Of which way each is moved; without it all grow, so that no move makes up for another in a product. */
  readonly seed?: number
  readonly together: boolean
}

const patterns: readonly Pattern[] = [
  { together: true },
  ...[1, 4, 5].map((seed) => ({ seed, together: true })),
  ...[2, 3, 6, 7].map((seed) => ({ seed, together: false })),
]

/** A number that a kernel computed, beside the exact one. */
export interface Difference {
  /** `loss`, or the argument of the gradient. */
  readonly name: string
  readonly index: number
  readonly found: number
  readonly exact: number
  /** The error in units in the last place of the exact value; if that is above the goal, in units of its spread. */
  readonly own: number
  /** The same; if that is above the goal, in units in the last place of its terms together. */
  readonly ulps: number
}

/** The precisions that are tried until two agree. */
const precisions = [128, 192, 640, 1400]
/** Two numbers agree that differ by less than 2^-90 of themselves, or are both nothing: what is left of terms that cancel. */
const RELATIVE = -90
const NOTHING = -80
/** The smallest normal numbers. */
const smallest = { f64: fromNumber(2 ** -1022), f32: fromNumber(2 ** -126) } as const
/** Below every double, and what is above it is seen. */
const LEAST = -1180

const ofPrecision = new Map(precisions.map((bits) => [bits, bigNumbers(bits)]))
const exactly = new BigMath(2048)

/** One for all kernels of WebAssembly: an engine has room for few. */
const memory = new KernelMemory()

/** What one loss is measured with: kernels and formulas are made once for each choice. */
export class Subject {
  readonly loss: Loss
  /** The arguments it is differentiated by: all real ones. */
  readonly grad: readonly string[]
  private readonly kernels = new Map<string, AnyKernel>()
  private readonly formulas = new Map<string, ReturnType<typeof outputsOf>>()

  constructor(loss: Loss) {
    this.loss = loss
    this.grad = loss.inputs.filter((x) => x.type === "real" && !x.isStatic).map((x) => x.name)
  }

  private settings({ reduction, statics }: Case): Parameters<typeof readSettings>[1] {
    return { reduction, grad: this.grad, static: statics, dtype: "f64" }
  }

  /** The arguments as a kernel of doubles takes them. Throws `LossError` if the loss refuses them. */
  bind(one: Case): Bound {
    const settings = readSettings(this.loss, this.settings(one))
    return binder(this.loss, { ...settings, check: true, materialise: new Set(this.grad) })(one.inputs)
  }

  private formula(one: Case, bound: Bound): ReturnType<typeof outputsOf> {
    const key = `${one.reduction} ${JSON.stringify(one.statics)} ${bound.given.join()}`
    let made = this.formulas.get(key)
    if (!made) {
      const { choice } = readSettings(this.loss, this.settings(one))
      made = outputsOf(this.loss, { ...choice, given: new Set(bound.given) }, { stabilise: false })
      this.formulas.set(key, made)
    }
    return made
  }

  private evaluate<V>(
    one: Case,
    bound: Bound,
    numbers: Numbers<V>,
    of: (x: Big) => V,
    pattern?: Pattern,
  ): Map<string, readonly V[]> {
    const outputs = this.formula(one, bound)
    const kept = new Map<Input, readonly V[]>()
    const elements = (input: Input): readonly V[] => {
      const own = bound.arrays.get(input)
      // The weights of the rows are all 1.
      if (!own && input.name === "cotangent") return new Proxy([], { get: () => of(fromNumber(1)) })
      const list = Array.from(own ?? [bound.scalars.get(input)!], (x) => fromNumber(Number(x)))
      return (input.type === "real" && pattern ? list.map((x, i) => moved(x, pattern, i)) : list).map(of)
    }
    const { scalars, arrays } = interpret(numbers, outputs, {
      sizes: bound.sizes,
      elements: (input) => {
        let list = kept.get(input)
        if (!list) kept.set(input, (list = elements(input)))
        return list
      },
    })
    const out = new Map<string, readonly V[]>()
    for (const [name, value] of scalars)
      if (name !== "count" && name !== "per") out.set(name.replace("grad:", ""), [value])
    outputs.arrays.forEach(({ name }, i) => out.set(name, arrays[i]!))
    return out
  }

  private values(one: Case, bound: Bound, bits: number, pattern?: Pattern): Evaluated {
    const whole = (x: Big): Big => exactly.abs(x)
    const { numbers, choices } = choosing(ofPrecision.get(bits)!, (x) => x, whole)
    return { values: this.evaluate<Big>(one, bound, numbers, (x) => x, pattern), ...choices() }
  }

  /** The exact values, or nothing if precisions do not come to agree. */
  exact(one: Case): Exact | undefined {
    const bound = this.bind(one)
    let last = this.values(one, bound, precisions[0]!)
    for (const [i, bits] of precisions.entries()) {
      if (i === 0) continue
      const now = this.values(one, bound, bits)
      if (agree(last.values, now.values, precisions[i - 1]!, bits))
        return {
          values: now.values,
          shared: now.shared,
          spread: once(() => this.spread(one, bound, bits, now)),
          terms: once(() => this.terms(one, bound, fromNumber(0))),
          tiny: {
            f64: once(() => this.terms(one, bound, smallest.f64)),
            f32: once(() => this.terms(one, bound, smallest.f32)),
          },
        }
      last = now
    }
    return undefined
  }

  /** Sizes need few digits. */
  private terms(one: Case, bound: Bound, least: Big): Terms {
    const of = (value: Big): Termed => ({ value, term: exactly.abs(value) })
    const { numbers, choices } = choosing(
      termed(ofPrecision.get(precisions[0]!)!, least),
      ({ value }) => value,
      ({ term }) => term,
    )
    const all = this.evaluate<Termed>(one, bound, numbers, of)
    const values = new Map(Array.from(all, ([name, list]) => [name, list.map(({ term }) => term)]))
    return { values, shared: choices().shared }
  }

  private spread(one: Case, bound: Bound, bits: number, here: Evaluated): Values {
    const others = patterns
      .map((pattern) => ({ pattern, ...this.values(one, bound, bits, pattern) }))
      // What crosses a kink says nothing about the smooth formula; equal numbers that stay equal may.
      .filter(({ pattern, print }) => pattern.together || print === here.print)
    return new Map(
      Array.from(here.values, ([name, list]) => [
        name,
        list.map((value, i) =>
          others
            .map(({ values }) => distance(value, values.get(name)![i]!))
            .reduce((x, y) => (compare(x, y) >= 0 ? x : y), fromNumber(0)),
        ),
      ]),
    )
  }

  /** What a kernel computes. */
  run(one: Case, dtype: Dtype, target: Target = "js"): ReadonlyMap<string, ArrayLike<number>> {
    const key = `${target} ${dtype} ${one.reduction} ${JSON.stringify(one.statics)}`
    let kernel = this.kernels.get(key)
    if (!kernel) {
      const settings = { ...this.settings(one), dtype, target, ...(target === "wasm" && { memory }) }
      this.kernels.set(key, (kernel = makeKernel(this.loss, settings)))
    }
    const inputs =
      dtype === "f64"
        ? one.inputs
        : Object.fromEntries(Object.entries(one.inputs).map(([name, x]) => [name, narrowed(x)]))
    const { loss, grad } = kernel(inputs)
    return new Map([["loss", typeof loss === "number" ? [loss] : loss], ...Object.entries(grad)])
  }

  /** Every number of a kernel beside the exact one. */
  differences(one: Case, exact: Exact, dtype: Dtype, target?: Target): Difference[] {
    const found = this.run(one, dtype, target)
    // Vectors of f32 are computed with in f32.
    const { bits } = formats[target === "wasm" ? dtype : "f64"]
    const names = isKink(exact.shared) ? ["loss"] : ["loss", ...this.grad]
    return names.flatMap((name) =>
      exact.values.get(name)!.flatMap((value, index): Difference[] => {
        const x = found.get(name)![index]!
        const scale = (of: Values): Big => of.get(name)![index]!
        const first = errorOf(x, value, fromNumber(0), dtype)
        let own = first
        let ulps = first
        if (first > goal && Number.isFinite(x) && typeof value !== "number") {
          ulps = own = errorOf(x, value, scale(exact.spread()), dtype)
          if (own > goal) {
            const isTiny = compare(exactly.abs(value), smallest[dtype]) < 0
            const terms = isTiny ? exact.tiny[dtype]() : exact.terms()
            if (isKink(terms.shared, bits) && name !== "loss") return []
            ulps = Math.min(own, errorOf(x, value, scaled(scale(terms.values)), dtype))
          }
        }
        return [{ name, index, found: x, exact: toNumber(value), own, ulps }]
      }),
    )
  }
}

/** Whether numbers of so many bits are at a kink where the nearest two share some: the last ones are rounding. */
export const isKink = (shared: number, bits = 53): boolean => shared > bits - 5

/** The bar: errors above it are looked at again, in units of what cancels. */
export const goal = 8

/** Half a unit in the last place of a double. */
const scaled = (x: Big): Big => exactly.mul(x, fromNumber(2 ** -53))

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

function narrowed(x: Case["inputs"][string]): Case["inputs"][string] {
  if (typeof x !== "object" || !("data" in x) || !(x.data instanceof Float64Array)) return x
  return { ...x, data: Float32Array.from(x.data) }
}

/** The bits of the last place, the least exponent, and the largest number. */
const formats = {
  f64: { bits: 53, least: -1074, most: Number.MAX_VALUE },
  f32: { bits: 24, least: -149, most: 3.4028234663852886e38 },
} as const

/**
 * The error of a number in units in the last place, or of a larger unit given for doubles. Where the exact formula has no value
 * anything is right.
 */
export function errorOf(found: number, exact: Big, unit: Big, dtype: Dtype): number {
  const { bits, least, most } = formats[dtype]
  if (Number.isNaN(exact)) return 0
  if (typeof exact === "number") return found === exact ? 0 : Infinity
  if (!Number.isFinite(found)) {
    // What is beyond the range of the format may be infinite, or a difference of infinities.
    return compare(exactly.abs(exact), fromNumber(most)) > 0 ? 0 : Infinity
  }
  const error = exactly.abs(exactly.sub(fromNumber(found), exact))
  const last: Finite = { m: 1n, e: Math.max(exactTop(exact) - bits, least) }
  const wide = exactly.mul(unit, fromNumber(2 ** (53 - bits)))
  return toNumber(exactly.div(error, compare(wide, last) > 0 ? wide : last))
}

const isNothing = (x: Finite): boolean => typeof x !== "number" && (x.m === 0n || topOf(x) < LEAST)

/** Where the first bit is; `topOf` may be one too much. */
function exactTop(x: Finite): number {
  if (x.m === 0n) return -Infinity
  const m = x.m < 0n ? -x.m : x.m
  const top = topOf(x)
  return m < 1n << BigInt(top - 1 - x.e) ? top - 1 : top
}

/** x times 1 + 2^-53 or 1 - 2^-53. */
function moved(x: Big, { seed, together }: Pattern, index: number): Big {
  if (typeof x === "number" || x.m === 0n) return x
  const sign = seed === undefined || isUp(x, index, { seed, together }) ? 1n : -1n
  return { m: x.m * ((1n << 53n) + sign), e: x.e - 53 }
}

/** Which way a pattern moves a number. */
function isUp(x: Finite, index: number, { seed, together }: Required<Pattern>): boolean {
  const size = x.m < 0n ? -x.m : x.m
  let hash = Number(size % 1000003n) * 31 + x.e * 17 + seed * 7919 + (together ? 0 : index * 104729)
  hash = Math.imul(hash ^ (hash >>> 7), 0x9e3779b1)
  return ((hash >>> 16) & 1) === 1
}

function distance(x: Big, y: Big): Big {
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return fromNumber(0)
  const d = exactly.abs(exactly.sub(x, y))
  return Number.isNaN(d) ? Infinity : d
}

/** Whether values at two precisions are the same as far as doubles can tell. */
function agree(x: Values, y: Values, fewer: number, bits: number): boolean {
  for (const [name, list] of x)
    for (const [i, a] of list.entries()) {
      const b = y.get(name)![i]!
      if (typeof a === "number" || typeof b === "number") {
        if (!Object.is(a, b)) return false
        continue
      }
      const d = exactly.sub(a, b) as Finite
      if (d.m === 0n) continue
      if (topOf(d) <= topOf(b) + RELATIVE) continue
      const isZero = isNothing(b) && (a.m === 0n || topOf(a) < -fewer - NOTHING)
      if (!isZero || bits < -LEAST) return false
    }
  return true
}
