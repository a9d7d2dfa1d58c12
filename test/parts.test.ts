// Functions of emitted JavaScript stay below the size at which V8 gives up optimising them.
import { expect, test } from "vitest"
import * as library from "../src/stdlib.ts"

// Bytecode of generated code is at most half as long as its text; V8 optimises up to 60 kB.
const LONGEST = 100_000

test.each([
  "relationalAngle",
  "sinkhornDivergence",
  "adaptiveLogSoftmax4",
  "subCentreArcFace",
  "softDtwDivergence",
  "msSsim",
] as const)("each function of %s is short enough", (name) => {
  const [file] = library[name].emit({ target: "js", grad: "all" })
  const functions = file!.text.split(/^ *function /m).slice(1)
  expect(functions.length).toBeGreaterThan(1)
  expect(Math.max(...functions.map((text) => text.length))).toBeLessThan(LONGEST)
})
