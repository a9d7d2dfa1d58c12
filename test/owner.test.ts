// Kernels whose outer iterations own what they write: they compute what the formulas mean, and which loops are still in order.
import { readFileSync, writeFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { blocksOf, isCut } from "../src/blocks.ts"
import { cut } from "../src/blocks/cut.ts"
import { derive, lower } from "../src/compile.ts"
import { type Loss, checkedOf } from "../src/index.ts"
import type { Kernel } from "../src/loops.ts"
import type { Outputs } from "../src/loss.ts"
import { type Settings, readSettings } from "../src/run/settings.ts"
import { verify } from "../src/run/verify.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { random } from "../src/testing/random.ts"
import { siteMaker } from "../src/testing/site.ts"
import { tinyBlocks } from "./blocks.sizes.ts"
import { difference, loops, meaning } from "./random/ways.ts"
import { small } from "./library.settings.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)
const reductions = ["mean", "none"] as const
const long = { timeout: 300_000 }
type Reduction = (typeof reductions)[number]

const settingsOf = (loss: Loss, reduction: Reduction): Settings =>
  readSettings(checkedOf(loss), { grad: "all", dtype: "f64", reduction, static: small[loss.name] ?? {} })

const kernelOf = (outputs: Outputs): Kernel => lower(outputs, { dtype: "f64", owner: true })

/** The outermost loops whose iterations depend on one another or add to the same elements, as text. */
function inOrder(outputs: Outputs): string {
  const cuts = [...blocksOf(kernelOf(outputs))]
  const left = cuts.flatMap(([loop, how]): string[] => {
    if (!isCut(how)) return [`${loop.axis} (${how.kind})`]
    return how.spread.size > 0 ? [`${loop.axis} (adds)`] : []
  })
  return left.length === 0 ? "" : `${left.join(", ")} of ${cuts.length}`
}

function outputsAt(loss: Loss, choice: Settings["choice"], given: readonly string[] = []): Outputs {
  return derive(checkedOf(loss), { ...choice, given: new Set(given) })
}

describe.each(losses)("$name", (loss) => {
  test.each(reductions)(
    "computes its formula, the last block first too, with reduction %s",
    long,
    (reduction) => {
      const settings = settingsOf(loss, reduction)
      const at = siteMaker(checkedOf(loss), settings, random(1))
      const inputs = arbitraryInputs(fc, loss, { mostSize: 7, static: small[loss.name] ?? {} })
      for (const drawn of fc.sample(inputs, { seed: 1, numRuns: 3 })) {
        const site = at(drawn)
        const outputs = outputsAt(loss, settings.choice, site.bound.given)
        const kernel = kernelOf(outputs)
        const blocks = cut(kernel, tinyBlocks)
        expect(verify(kernel)).toEqual([])
        expect(verify(blocks)).toEqual([])
        const meant = meaning(outputs, site)
        expect(difference("loops", loops(kernel, outputs, site), meant, 1e-9)).toBeUndefined()
        expect(difference("blocks", loops(blocks, outputs, site), meant, 1e-9)).toBeUndefined()
      }
    },
  )
})

test("which outermost loops run in order", long, () => {
  const lines = losses.flatMap((loss) => {
    const { inputs } = checkedOf(loss)
    const optional = inputs.filter((x) => x.default && x.dimensions.length > 0 && !x.isStatic)
    const [bare, full] = [
      inOrder(outputsAt(loss, settingsOf(loss, "mean").choice)),
      inOrder(
        outputsAt(
          loss,
          settingsOf(loss, "none").choice,
          optional.map((x) => x.name),
        ),
      ),
    ]
    if (bare === full) return bare === "" ? [] : [`${loss.name}: ${bare}`]
    return [
      ...(bare === "" ? [] : [`${loss.name}, mean: ${bare}`]),
      ...(full === "" ? [] : [`${loss.name}, none, every array given: ${full}`]),
    ]
  })
  const file = new URL("cases/in-order.txt", import.meta.url)
  const text = lines.join("\n") + "\n"
  if (process.env["LOSSC_UPDATE"]) writeFileSync(file, text)
  expect(text).toBe(readFileSync(file, "utf8"))
})
