// How a condition on a loop's own axis is met: by ranges of the loop, or by a test where ranges would repeat a nest.
import { expect, test } from "vitest"
import { compileSource, derive, lower } from "../src/compile.ts"
import { readSettings } from "../src/run/settings.ts"
import { countLoops } from "../src/unroll/facts.ts"

const cases = [
  // n, and j below and above it, each with d.
  { body: "sum[n, j in n if j != n](dot[d](x, x[n = j])^2)", loops: 5 },
  { body: "sum[n, j in n if j <= n](dot[d](x, x[n = j])^2)", loops: 3 },
  // n, j with a test, k and d.
  { body: "sum[n, j in n, k in n if j != n](dot[d](x[n = j], x[n = k] * x)^2)", loops: 4 },
]

test.each(cases)("$body has $loops loops", ({ body, loops }) => {
  const [loss] = compileSource(`loss l(x: [n, d]) = ${body}`)
  const { choice } = readSettings(loss!, { dtype: "f64" })
  expect(countLoops(lower(derive(loss!, { ...choice, given: new Set() }), { dtype: "f64" }).body)).toBe(loops)
})
