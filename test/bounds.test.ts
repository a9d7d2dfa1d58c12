// What is known of a number and the largest or smallest of its row, as the loops that are made of it say.
import { expect, test } from "vitest"
import { compile } from "../src/index.ts"

const cases: { body: string; known: string | undefined }[] = [
  { body: "sum[d](exp(x - max[d](x)))", known: "at most 0" },
  { body: "sum[d](exp(max[d](x) - x))", known: "at least 0" },
  { body: "sum[d](exp(x - min[d](x)))", known: "at least 0" },
  { body: "sum[d](exp(min[d](x) - x))", known: "at most 0" },
  { body: "sum[d](exp(2 * x - max[d](2 * x)))", known: "at most 0" },
  { body: "sum[d](exp(x - max[d](2 * x)))", known: undefined },
  { body: "sum[d](exp(x - max[d](y)))", known: undefined },
  { body: "sum[d](exp(x - max[d if d > 0](x)))", known: undefined },
  { body: "sum[d, e](exp(m - max[d](m)))", known: "at most 0" },
  { body: "sum[d](exp(x - max[i in d](x[d = i])))", known: "at most 0" },
  { body: "sum[j in b, d](exp(x[b = j] - max[d](x)))", known: undefined },
  { body: "sum[j in b, d](exp(x[b = j] - max[d](x[b = j])))", known: "at most 0" },
]

test.each(cases)("$body: $known", ({ body, known }) => {
  const text = compile(
    `loss l[b](x: [d], y: [d], m: [d, e]) = ${body} + sum[d](x + y) + sum[d, e](m)`,
  ).explain()
  const found = [...text.matchAll(/ - .*\((at (?:most|least) [^)]*)\)$/gm)].map(([, range]) => range)
  expect(found).toEqual(known === undefined ? [] : [known])
})
