// Counts of larger and smaller entries: found in every spelling, without a loop in a loop, and what comparing gives.
import { describe, expect, test } from "vitest"
import { compileSource } from "../src/compile.ts"
import { compile } from "../src/index.ts"
import { definitions } from "../src/graph.ts"
import { rankOf } from "../src/ranks.ts"

const loss = (count: string): string => `loss f[b](x, y) = x * (${count})`

const found: readonly (readonly [count: string, isFound: boolean])[] = [
  ["count[j in b](x[b = j] > x)", true],
  ["count[j in b](x[b = j] >= x)", true],
  ["count[j in b](x[b = j] < x)", true],
  ["count[j in b](x[b = j] <= x)", true],
  ["count[j in b if j != b](x > x[b = j])", true],
  ["count[j in b](sin(x[b = j]) > sin(x))", true],
  ["count[j in b if j != b](x[b = j] >= x)", false],
  ["count[j in b](x[b = j] > y)", false],
  ["count[j in b](x[b = j] > x + y)", false],
  ["count[j in b](x[b = j] > x and y[b = j] > 0)", false],
]

describe("counts against all others", () => {
  for (const [count, isFound] of found)
    test(`${count} is ${isFound ? "a rank" : "none"}`, () => {
      const [checked] = compileSource(loss(count))
      const ranks = definitions([checked!.value]).filter((def) => rankOf(checked!.core, def))
      expect(ranks).toHaveLength(isFound ? 1 : 0)
    })

  const lists: Readonly<Record<string, readonly number[]>> = {
    "no entry": [],
    "one entry": [7],
    "different entries": [3, -1, 4, 1.5, -9, 2.6],
    "equal entries": [1, 2, 1, 2, 2, 0, 0, -0, 1],
    "infinities and NaN": [NaN, Infinity, 1, -Infinity, NaN, 1, Infinity],
    "many entries": Array.from({ length: 300 }, (_, i) => ((i * 7919) % 101) - 50),
  }
  for (const [count] of found.filter(([, isFound]) => isFound))
    for (const [name, list] of Object.entries(lists))
      test(`${count} of ${name} is what comparing gives`, () => {
        const [interpreted, ...compiled] = (["interpret", "js", "wasm"] as const).map((target) => {
          const text = loss(count).replace("x * (", "0 * y + (")
          const kernel = compile(text).kernel({ target, dtype: "f64", reduction: "none" })
          return Array.from(kernel({ x: [...list], y: list.map(() => 1) }).loss as unknown as Float64Array)
        })
        for (const values of compiled) expect(values).toEqual(interpreted)
      })
})
