// Results of a device -> where they are further from exact ones than f32 explains.
import type { KernelResult } from "../../src/index.ts"
import type { Exact, Results } from "./exact.ts"

/** What a kernel gave, by name. */
export function resultsOf({ loss, count, per, grad }: KernelResult): Results {
  return new Map<string, ArrayLike<number>>([
    ["loss", typeof loss === "number" ? [loss] : loss],
    ["count", [count]],
    ["per", [per]],
    ...Object.entries(grad).map(([name, list]) => [`d ${name}`, list] as const),
  ])
}

/** Bits of the last place of f32 at a value. */
const ulp = (value: number): number =>
  2 ** (Math.max(Math.floor(Math.log2(Math.abs(value) || 2 ** -126)), -126) - 23)

/**
 * Where results are further from exact ones than 8 ULP, by the largest of the array, and than four times the scatter of the formula
 * in f32, which is large where terms cancel.
 */
export function differences(found: Results, { values, rounding }: Exact): string[] {
  return [...values].flatMap(([name, list]) => {
    const error = Math.max(0, ...Array.from(rounding.get(name)!, (x) => (Number.isFinite(x) ? x : 0)))
    const largest = Math.max(0, ...Array.from(list, (x) => (Number.isFinite(x) ? Math.abs(x) : 0)))
    return Array.from(list).flatMap((value, i) => {
      const got = found.get(name)![i]!
      // A shader may take NaN for anything, and what f32 cannot hold for infinity.
      const isLost =
        !Number.isFinite(value) || !(Math.abs(value) < 3.4e38) || Number.isNaN(rounding.get(name)![i])
      if (isLost || Math.abs(got - value) <= 8 * ulp(largest) + 4 * error) return []
      return [`${name} at ${i}: ${got}, not ${value}`]
    })
  })
}
