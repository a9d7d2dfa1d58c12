// Generated from the library: the generated code of every loss computes what its formula means, and always the same.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { librarySettings } from "./library.settings.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

interface Outcome {
  readonly loss: number | ArrayLike<number>
  readonly grad: Readonly<Record<string, ArrayLike<number>>>
  readonly count: number
  readonly per: number
}

/** Where two outcomes differ by more than rounding, measured by the largest number of all gradients. */
function differences(found: Outcome, meant: Outcome): string[] {
  const list = (value: number | ArrayLike<number>): number[] =>
    typeof value === "number" ? [value] : Array.from(value)
  const pairs: [string, number[], number[]][] = [
    ["loss", list(found.loss), list(meant.loss)],
    ["count", [found.count], [meant.count]],
    ["per", [found.per], [meant.per]],
    ...Object.keys(meant.grad).map((name): [string, number[], number[]] => [
      `gradient by ${name}`,
      list(found.grad[name]!),
      list(meant.grad[name]!),
    ]),
  ]
  const steepest = Math.max(...pairs.slice(3).flatMap(([, , values]) => values.map(size)), 0)
  return pairs.flatMap(([what, a, b], at) => {
    const scale = Math.max(1, at < 3 ? 0 : steepest, ...b.map(size))
    const wrong = b.findIndex(
      (value, i) => !(Object.is(a[i], value) || Math.abs(a[i]! - value) <= 1e-10 * scale),
    )
    return a.length !== b.length
      ? [`${what}: ${a.length} elements, not ${b.length}`]
      : wrong < 0
        ? []
        : [`${what} at ${wrong}: ${a[wrong]}, not ${b[wrong]}`]
  })
}

const size = (value: number): number => (Number.isFinite(value) ? Math.abs(value) : 0)

/** The least value of an option that divides: derivatives by a smaller one are differences of terms of its inverse square. */
const least: Readonly<Record<string, Record<string, number>>> = { sinkhorn: { epsilon: 0.25 } }

describe.each(losses)("$name", (loss) => {
  const grad = loss.inputs
    .filter((input) => input.type === "real" && !input.static)
    .map((input) => input.name)
  test.each(librarySettings(loss))("computes its formula with %j", { timeout: 300_000 }, (fixed) => {
    for (const reduction of ["mean", "none"] as const) {
      const [meaning, ...made] = (["interpret", "js", "wasm"] as const).map((target) =>
        loss.kernel({ target, dtype: "f64", reduction, grad, static: fixed }),
      )
      const inputs = arbitraryInputs(fc, loss, { mostSize: 7, static: fixed })
      fc.assert(
        fc.property(inputs, (drawn) => {
          const given = { ...drawn }
          for (const [name, low] of Object.entries(least[loss.name] ?? {}))
            given[name] = Math.max(low, Number(drawn[name] ?? low))
          const meant = meaning!(given) as Outcome
          for (const [k, kernel] of made.entries()) {
            const target = ["js", "wasm"][k]
            const found = kernel(given) as Outcome
            expect(differences(found, meant), target).toEqual([])
            expect(kernel(given), `a second call on ${target}`).toEqual(found)
          }
        }),
        { seed: 1, numRuns: 10 },
      )
    }
  })
})
