// Emitted text against the files in test/cases/emit. LOSSC_UPDATE=1 writes them anew.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { expect, test } from "vitest"
import { compileSource, lower } from "../src/compile.ts"
import { emitJs } from "../src/emit/js.ts"
import { outputsOf } from "../src/outputs.ts"
import { readSettings } from "../src/run/settings.ts"
import type { Dtype } from "../src/types.ts"
import * as kernels from "./emit.kernels.ts"

const folder = new URL("./cases/emit/", import.meta.url)
const made = {
  mse: kernels.mse,
  bce: kernels.bce,
  crossEntropy: kernels.crossEntropy,
  triplet: kernels.triplet,
  infoNce: kernels.infoNce,
  sorted: (dtype: Dtype) => {
    const [loss] = compileSource("loss sorted[b](x: [k], w: [k]) = sum[k](w * x[k = argsort[k](-x)])")
    const { choice } = readSettings(loss!, { grad: "all", dtype })
    return lower(outputsOf(loss!, { ...choice, given: new Set() }), { dtype })
  },
}

test.each(Object.entries(made))("the text of %s is as recorded", (name, make) => {
  const { text } = emitJs(make("f32"))
  expect(emitJs(make("f32")).text, "the same loops give the same bytes").toBe(text)
  const file = new URL(`${name}.txt`, folder)
  if (process.env["LOSSC_UPDATE"]) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, text)
  }
  expect(existsSync(file), `${name}.txt exists`).toBe(true)
  expect(text).toBe(readFileSync(file, "utf8"))
})
