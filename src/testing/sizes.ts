// A loss -> sizes of axes that a call may have: the smallest ones, and drawn ones moved until all conditions hold.
import type { Expr } from "../ir.ts"
import type { Loss } from "../loss.ts"
import { doubles } from "../run/doubles.ts"
import { evaluator } from "../run/interpret.ts"
import { listed } from "../run/failure.ts"
import type { Input } from "../types.ts"
import { defaultNumber, sizeNames } from "./plan.ts"

export type Sizes = ReadonlyMap<string, number>

/** How far sizes are from allowed: at least 0 where they are allowed. */
interface Gap {
  readonly of: (sizes: Sizes) => number
  /** What it takes, for people. */
  readonly text: string
}

/** Moves that are tried before sizes are given up. */
const moves = 100

/** Makes sizes for calls of a loss. */
export interface SizeMaker {
  /** The names of the axes whose sizes can be chosen. */
  readonly names: readonly string[]
  /** Sizes as near as possible to the smallest ones plus `more`, which has a number for each name; or why there are none. */
  readonly make: (more: readonly number[]) => Sizes | string
}

/** Sizes that satisfy the entry checks of a loss, as far as these are about sizes; `fixed` ones stay as they are. */
export function sizeMaker(
  loss: Loss,
  statics: ReadonlyMap<Input, number>,
  fixed: Readonly<Record<string, number>>,
): SizeMaker {
  const names = sizeNames(loss)
  const gaps = gapsOf(loss, statics)
  const free = names.filter((name) => name !== "..." && !Object.hasOwn(fixed, name))
  const start = new Map(names.map((name) => [name, Object.hasOwn(fixed, name) ? fixed[name]! : 1]))
  const least = fit(start, gaps, free)
  return {
    names,
    make: (more) => {
      if (typeof least === "string") return least
      const sizes = new Map(least)
      names.forEach((name, i) => {
        if (name === "..." || free.includes(name)) sizes.set(name, least.get(name)! + more[i]!)
      })
      return fit(sizes, gaps, free)
    },
  }
}

/** Moves free sizes, one condition after the other, each in the direction that satisfies it. */
function fit(start: Sizes, gaps: readonly Gap[], free: readonly string[]): Sizes | string {
  const sizes = new Map(start)
  let broken: Gap | undefined
  for (let move = 0; move < moves; move++) {
    broken = gaps.find((gap) => gap.of(sizes) < 0)
    if (!broken) return sizes
    const best = better(sizes, broken, free)
    if (!best) break
    sizes.set(best.name, best.size)
  }
  const given = [...sizes].map(([name, size]) => `${name} = ${size}`)
  return `no sizes of ${listed(free)} satisfy every condition; with ${given.join(", ")} ${broken!.text}`
}

/** A change of one size that closes a gap or narrows it: growth before shrinking, small changes before large ones. */
function better(
  sizes: Sizes,
  gap: Gap,
  free: readonly string[],
): { readonly name: string; readonly size: number } | undefined {
  const now = gap.of(sizes)
  const after = (name: string, size: number): number => gap.of(new Map(sizes).set(name, size))
  for (const sign of [1, -1])
    for (let step = 1; step <= 64; step *= 2)
      for (const name of free) {
        const size = sizes.get(name)! + sign * step
        if (size < 1) continue
        const gain = after(name, size) - now
        if (!(gain > 0)) continue
        // Extents are linear in sizes, or nearly so: go where this line meets 0, as far as there are sizes.
        const whole = sizes.get(name)! + sign * Math.ceil((-now * step) / gain)
        return { name, size: Math.max(1, whole) }
      }
  return undefined
}

function gapsOf(loss: Loss, statics: ReadonlyMap<Input, number>): readonly Gap[] {
  const value = (expr: Expr, sizes: Sizes): number =>
    evaluator(doubles, {
      sizes,
      elements: (input) => [statics.get(input) ?? defaultNumber(input)],
    }).scalar(expr)
  const atLeast = (expr: Expr, least: number, text: string): Gap => ({
    of: (sizes) => value(expr, sizes) - least,
    text,
  })
  const conditions = (expr: Expr, text: string): Gap[] => {
    const [x, y] = expr.kind === "op" ? expr.args : []
    const ordered = (low: Expr, high: Expr, apart: number): Gap => ({
      of: (sizes) => value(high, sizes) - value(low, sizes) - apart,
      text,
    })
    switch (expr.kind === "op" ? expr.op : undefined) {
      case "and":
        return [...conditions(x!, text), ...conditions(y!, text)]
      case "le":
        return [ordered(x!, y!, 0)]
      case "lt":
        return [ordered(x!, y!, 1)]
      case "eq":
        return [ordered(x!, y!, 0), ordered(y!, x!, 0)]
      default:
        return [atLeast(expr, 1, text)]
    }
  }
  return [
    ...loss.checks.flatMap(({ condition, message }) => conditions(condition, message)),
    ...loss.inputs.flatMap(({ name, dimensions, label, domain }) => [
      ...dimensions.map((d) =>
        atLeast(d.extent, 0, `axis ${d.name} of \`${name}\` has less than 0 elements`),
      ),
      ...(label ? [atLeast(label.extent, 1, `\`${name}\` has no axis ${label.axis} to point into`)] : []),
      ...(domain?.low && domain.high
        ? [
            {
              of: (sizes: Sizes): number => {
                const width = value(domain.high!.value, sizes) - value(domain.low!.value, sizes)
                return domain.low!.strict || domain.high!.strict ? (width > 0 ? width : width - 1) : width
              },
              text: `the domain of \`${name}\` is empty`,
            },
          ]
        : []),
    ]),
  ]
}
