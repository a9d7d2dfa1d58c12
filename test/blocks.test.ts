// Outermost loops in blocks: which may be cut, and that blocks in any order compute what the whole loop does.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { blocksOf, isCut } from "../src/blocks.ts"
import { cut } from "../src/blocks/cut.ts"
import { derive, lower } from "../src/compile.ts"
import { type Loss, checkedOf } from "../src/index.ts"
import type { Kernel } from "../src/loops.ts"
import { interpretLoops } from "../src/run/loops.ts"
import { type Settings, readSettings } from "../src/run/settings.ts"
import { verify } from "../src/run/verify.ts"
import * as library from "../src/stdlib.ts"
import { arbitraryInputs } from "../src/testing.ts"
import { random } from "../src/testing/random.ts"
import { type Site, siteMaker } from "../src/testing/site.ts"
import { tinyBlocks } from "./blocks.sizes.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Static options that leave room for small inputs. */
const small: Readonly<Record<string, Record<string, number>>> = {
  sinkhorn: { nIter: 2 },
  sinkhornDivergence: { nIter: 2 },
  ssim: { winSize: 2 },
  msSsim3: { winSize: 1 },
  msSsim: { winSize: 1 },
}

/** These read outside of scratch what no result uses, which the interpreter of loops refuses. */
const reaching = new Set(["adaptiveLogSoftmax2", "adaptiveLogSoftmax3", "adaptiveLogSoftmax4"])

const settingsOf = (loss: Loss): Settings =>
  readSettings(checkedOf(loss), { grad: "all", dtype: "f64", static: small[loss.name] ?? {} })

function kernelOf(loss: Loss, given: readonly string[] = []): Kernel {
  const { choice } = settingsOf(loss)
  return lower(derive(checkedOf(loss), { ...choice, given: new Set(given) }), { dtype: "f64" })
}

/** Everything a kernel makes at a site, with NaN where it writes nothing. */
function results(kernel: Kernel, { bound }: Site): number[] {
  const elements = (x: Kernel["inputs"][number]): ArrayLike<number> => bound.arrays.get(x.input!)!
  const outputs = kernel.outputs.map(({ name }) => {
    const input = kernel.inputs.find((x) => x.input!.name === name)!
    return new Float64Array(elements(input).length).fill(NaN)
  })
  const scalars = interpretLoops(kernel, {
    inputs: kernel.inputs.map(elements),
    outputs,
    scalars: kernel.scalars.map(({ input }) => bound.scalars.get(input)!),
    sizes: kernel.sizeNames.map((name) => bound.sizes.get(name)!),
  })
  return [...scalars, ...outputs.flatMap((array) => [...array])]
}

describe("of the library", () => {
  test.each(losses)("$name computes the same in blocks, the last block first", (loss) => {
    const at = siteMaker(checkedOf(loss), settingsOf(loss), random(1))
    const inputs = arbitraryInputs(fc, loss, { mostSize: 7, static: small[loss.name] ?? {} })
    for (const drawn of fc.sample(inputs, { seed: 1, numRuns: 2 })) {
      const site = at(drawn)
      const kernel = kernelOf(loss, site.bound.given)
      const blocks = cut(kernel, tinyBlocks)
      expect(verify(blocks)).toEqual([])
      if (reaching.has(loss.name)) continue
      const [whole, cuts] = [results(kernel, site), results(blocks, site)]
      const scale = Math.max(1, ...whole.filter(Number.isFinite).map(Math.abs))
      const wrong = whole.findIndex(
        (x, i) => !(Object.is(x, cuts[i]) || Math.abs(x - cuts[i]!) <= 1e-10 * scale),
      )
      expect(wrong < 0 ? "equal" : `${wrong}: ${cuts[wrong]}, not ${whole[wrong]}`).toBe("equal")
    }
  })

  test("is cut nearly everywhere", () => {
    const all = losses.flatMap((loss) => [...blocksOf(kernelOf(loss)).values()])
    expect(all.filter(isCut).length).toBeGreaterThan(0.94 * all.length)
  })
})
