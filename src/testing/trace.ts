// Turns the evaluation of a loss into its value and the pieces it went through: which side of every kink, and how near.
//
// The operator table says where an operator has a kink. Comparisons decide selections, so they are kinks too, and so is the
// change of the largest element of a reduction. Two evaluations with the same branch used the same smooth formula.
import { type OpName, ops } from "../ops.ts"
import { pattern, type Pattern } from "../pattern.ts"
import { doubles } from "../run/doubles.ts"
import type { FoldName, Numbers } from "../run/interpret.ts"

/** A kink that an evaluation passed at some distance. */
export interface Kink {
  /** How far the expression that is 0 at the kink was from 0. */
  readonly distance: number
  /** The operator, and the expression. */
  readonly at: string
}

/** What an evaluation went through. */
export interface Trace {
  /** A fingerprint of the sides taken at all kinks. */
  readonly branch: string
  /** The nearest kink; undefined for smooth formulas. */
  readonly nearest: Kink | undefined
  /** False if some operator made an infinity or NaN of finite numbers: then the formula as written is out of its range. */
  readonly inRange: boolean
  /** The values under `stop`, and both parts of each `surrogate`, in the order of evaluation. */
  readonly stopped: readonly number[]
}

/** A double, and whether it changes with an argument that can be differentiated. */
export interface Traced {
  readonly value: number
  readonly varies: boolean
}

/** Doubles that note what they go through. */
export interface TracedNumbers extends Numbers<Traced> {
  readonly trace: () => Trace
}

const comparisons: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le"])
const constant = (value: number): Traced => ({ value, varies: false })

/**
 * Doubles for one evaluation. With `held`, what an earlier evaluation of the same branch had under `stop` is held, so that
 * differences of the result see what a derivative sees.
 */
export function tracedNumbers(held?: readonly number[]): TracedNumbers {
  let hash = 0x811c9dc5
  let nearest: Kink | undefined
  let next = 0
  let inRange = true
  const stopped: number[] = []
  const note = (code: number): void => {
    hash = Math.imul(hash ^ code, 0x01000193)
  }
  const side = (value: number, at: string): void => {
    note(value > 0 ? 1 : value < 0 ? 2 : value === 0 ? 3 : 4)
    const distance = Math.abs(value)
    if (!(nearest && nearest.distance <= distance) && !Number.isNaN(distance)) nearest = { distance, at }
  }
  const apply = (op: OpName, args: readonly Traced[]): Traced => {
    const values = args.map((arg) => arg.value)
    const [x, y] = values as [number, number]
    if (op === "stop") {
      stopped.push(x)
      return constant(held?.[next++] ?? x)
    }
    if (op === "surrogate") {
      stopped.push(x, y)
      const value = held ? held[next++]! + (y - held[next++]!) : x
      return { value, varies: args[1]!.varies }
    }
    const varies = args.some((arg) => arg.varies)
    if (varies && comparisons.has(op)) side(x - y, `${op}(x, y): x - y`)
    else if (varies)
      for (const kink of kinksOf(op))
        side(valueOf(kink.pattern, ops[op].params, values), `${op}: ${kink.text}`)
    const value = doubles.apply(op, values)
    if (!Number.isFinite(value) && values.every(Number.isFinite)) inRange = false
    return { value, varies: varies && ops[op].partials !== undefined }
  }
  const fold =
    (name: FoldName) =>
    (all: readonly Traced[]): Traced => {
      const values = all.map((one) => one.value)
      const value = doubles.fold[name](values)
      const varies = all.some((one) => one.varies)
      if (varies && all.length > 1 && (name === "max" || name === "min")) {
        const at = values.indexOf(value)
        note(at + 5)
        const gaps = values.filter((_, i) => i !== at).map((other) => Math.abs(other - value))
        side(Math.min(...gaps), `${name}[…]: the two ${name === "max" ? "largest" : "smallest"}`)
      }
      return { value, varies }
    }
  return {
    of: constant,
    real: ({ value }) => value,
    apply,
    fold: {
      sum: fold("sum"),
      prod: fold("prod"),
      max: fold("max"),
      min: fold("min"),
      logsumexp: fold("logsumexp"),
    },
    sort: (all) => {
      const values = all.map((one) => one.value)
      const order = doubles.sort(values)
      if (all.some((one) => one.varies)) {
        order.forEach(note)
        const gaps = order.slice(1).flatMap((at, i) => {
          const before = order[i]!
          return all[at]!.varies || all[before]!.varies ? [values[at]! - values[before]!] : []
        })
        if (gaps.length > 0) side(Math.min(...gaps), "argsort[…]: two neighbours")
      }
      return order
    },
    trace: () => ({ branch: (hash >>> 0).toString(36), nearest, inRange, stopped }),
  }
}

const known = new Map<OpName, readonly { readonly text: string; readonly pattern: Pattern }[]>()

function kinksOf(op: OpName): readonly { readonly text: string; readonly pattern: Pattern }[] {
  let kinks = known.get(op)
  if (!kinks) known.set(op, (kinks = (ops[op].kinks ?? []).map((text) => ({ text, pattern: pattern(text) }))))
  return kinks
}

function valueOf(p: Pattern, params: readonly string[], args: readonly number[]): number {
  switch (p.kind) {
    case "const":
      return p.value
    case "hole":
      return args[params.indexOf(p.name)]!
    case "op":
      return ops[p.op].eval(...p.args.map((arg) => valueOf(arg, params, args)))
    case "reduce":
      throw new Error("a kink has no reductions")
  }
}
