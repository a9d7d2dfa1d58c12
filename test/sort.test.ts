// Sorting: the text that kernels run against the definition, and what argsort means in a loss.
import { describe, expect, test } from "vitest"
import { compile } from "../src/index.ts"
import { sortText } from "../src/emit/sort.ts"
import { sorted } from "../src/run/sorted.ts"
import { random } from "../src/testing/random.ts"

type Sort = (
  keys: Float64Array,
  keysAt: number,
  stride: number,
  index: Int32Array,
  indexAt: number,
  length: number,
) => void

const sortRow = new Function(`${sortText}\nreturn sortRow`)() as Sort

function places(keys: readonly number[], stride = 1): number[] {
  const from = Float64Array.from({ length: 3 + keys.length * stride }, () => -1e300)
  keys.forEach((key, i) => (from[3 + i * stride] = key))
  const index = new Int32Array(keys.length + 2).fill(-7)
  sortRow(from, 3, stride, index, 1, keys.length)
  expect([index[0], index[keys.length + 1]], "nothing beside the row is written").toEqual([-7, -7])
  return [...index.subarray(1, keys.length + 1)]
}

describe("the sort of kernels is that of the definition", () => {
  const draw = random(5)
  const kinds: Readonly<Record<string, (i: number, length: number) => number>> = {
    "random keys": () => draw.real(-3, 3),
    "few different keys": () => draw.int(-2, 2),
    "keys of any size": () => draw.real(-1, 1) * 10 ** draw.int(-320, 308),
    "signed zeros": () => [0, -0, 1e-320, -1e-320][draw.int(0, 3)]!,
    "infinities and NaN": () => [NaN, -NaN, Infinity, -Infinity, 1, -1, 0][draw.int(0, 6)]!,
    "ascending keys": (i) => i,
    "descending keys": (i) => -i,
    "keys that differ in their last bits only": (i) => 1 + 1e-12 * ((i * 7919) % 1021),
    "such keys in descending order": (i, length) => 1 + 1e-15 * (length - i),
    "nothing but NaN": () => NaN,
  }
  for (const [name, key] of Object.entries(kinds))
    test(name, () => {
      for (const length of [0, 1, 2, 11, 12, 13, 24, 25, 127, 128, 129, 1000]) {
        const keys = Array.from({ length }, (_, i) => key(i, length))
        expect(places(keys), `${length} keys`).toEqual(sorted(keys))
        expect(places(keys, 3), `${length} keys, every third`).toEqual(sorted(keys))
      }
    })
})

describe("argsort", () => {
  const shaped = (...rows: readonly (readonly number[])[]) => ({
    data: Float64Array.from(rows.flat()),
    shape: [rows.length, rows[0]!.length],
  })
  const expectBoth = (text: string, args: Record<string, unknown>, rows: readonly number[]): void => {
    for (const target of ["interpret", "js", "wasm"] as const) {
      const kernel = compile(text).kernel({ target, dtype: "f64", reduction: "none" })
      expect(Array.from(kernel(args as never).loss as unknown as Float64Array), target).toEqual(rows)
    }
  }

  test("is ascending and stable, and NaN is last", () => {
    const x = shaped([3, NaN, 1, 3, -Infinity, 1])
    const places = [4, 2, 5, 0, 3, 1]
    places.forEach((place, at) => expectBoth(`loss f[b](x: [k]) = argsort(x)[k = ${at}]`, { x }, [place]))
  })

  test("of an argsort is the rank", () => {
    const x = shaped([30, 10, 20], [-1, 5, -3])
    const w = shaped([1, 10, 100], [1, 10, 100])
    expectBoth("loss f[b](x: [k], w: [k]) = sum(w * argsort(argsort(x)))", { x, w }, [2 + 100, 1 + 20])
  })

  test("works along a batch axis", () => {
    expectBoth("loss f[b](x) = argsort[b](x) + 0 * x", { x: [5, 3, 4] }, [1, 2, 0])
  })

  test("counts from the start of its axis", () => {
    const text = "loss f[b](x: [k]) = let axis s = 2 .. 4 in sum[s](s * argsort[s](x[k = s - 2] ?? 0))"
    expectBoth(text, { x: shaped([9, 8, 7]) }, [2 * 4 + 3 * 3 + 4 * 2])
  })

  test("along `...` is one order of all places", () => {
    const x = { data: Float64Array.of(4, 1, 3, 2), shape: [1, 2, 2] }
    const w = { data: Float64Array.of(1, 10, 100, 1000), shape: [1, 2, 2] }
    expectBoth("loss f[b](x: [...], w: [...]) = sum[...](w * x[... = argsort[...](x)])", { x, w }, [4321])
  })

  test("of keys without the axis leaves everything where it is", () => {
    expectBoth("loss f[b](x: [k], u) = sum[k](x * argsort[k](u))", { x: shaped([1, 10, 100]), u: [7] }, [210])
  })
})
