// The promises of the README, run as they stand there.
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { listLibrary } from "../src/docs/library.ts"
import { compile, LossError } from "../src/index.ts"

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

const promises = [
  ...readme.matchAll(/^value\("([^"]+)", (\{[^}]*\})(?:, (\[[^\]]*\]))?\)\.([\w.]+) +\/\/ (\S+)$/gm),
]

/** A literal of the README as data: names of fields get their quotes. */
const data = (text: string): Record<string, unknown> =>
  JSON.parse(text.replace(/(\w+):/g, '"$1":')) as Record<string, unknown>

test("there are promises to keep", () => expect(promises.length).toBeGreaterThanOrEqual(4))

for (const [, source, inputs, grad, path, wanted] of promises)
  test(`${source} gives ${wanted}`, () => {
    const names = grad === undefined ? [] : (JSON.parse(grad) as string[])
    const kernel = compile(source as string).kernel({ dtype: "f64", reduction: "sum", grad: names })
    const values = Object.fromEntries(
      Object.entries(data(inputs!)).map(([name, value]) => [
        name,
        // An array of several numbers is one row; a number is one too.
        Array.isArray(value) ? { data: Float64Array.from(value), shape: [value.length] } : value,
      ]),
    )
    const result: unknown = kernel(values as never)
    const found = path!.split(".").reduce((at, key) => (at as Record<string, unknown>)[key], result)
    const number = typeof found === "number" ? found : (found as Float64Array)[0]
    expect(number).toBe(Number(wanted))
  })

test("a misspelt name is found", () => {
  const [, source] = /^compile\("([^"]+)"\) +\/\/ LossError/m.exec(readme)!
  const wrong = (): unknown => compile(source as string)
  expect(wrong).toThrow(LossError)
  expect(wrong).toThrow(/did you mean `margin`/)
})

test("the library has all losses of torch.nn, and as many as the README says", () => {
  const library = listLibrary()
  const [, count] = /^More than (\d+) losses: all of `torch\.nn`/m.exec(readme)!
  expect(library.length).toBeGreaterThan(Number(count))
  const names = new Set(library.map(({ torch }) => torch))
  for (const name of [
    "AdaptiveLogSoftmaxWithLoss BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss",
    "HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss",
    "MultiMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss",
  ].flatMap((line) => line.split(" ")))
    expect(names, name).toContain(`torch.nn.${name}`)
})
