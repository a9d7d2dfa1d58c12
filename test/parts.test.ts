// Functions of emitted JavaScript stay below the size at which V8 gives up optimising them.
import { expect, test } from "vitest"
import { LARGEST, partsOf } from "../src/emit/parts.ts"
import type { Stmt } from "../src/loops.ts"
import * as library from "../src/stdlib.ts"
import { literal } from "../src/unroll/facts.ts"

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

test("a loop as large as a function may be is one", () => {
  const id = { kind: "value", id: 0 } as const
  const body = Array.from({ length: LARGEST - 1 }, (_, i): Stmt => ({
    kind: "let",
    id: i + 2,
    op: "neg",
    args: [id],
    type: "real",
  }))
  const loop: Stmt = { kind: "for", id: 1, from: literal(0), to: literal(9), body, axis: "d" }
  expect(partsOf([loop])).toEqual(new Set())
  expect(partsOf([loop, body[0]!])).toEqual(new Set([loop]))
  expect(partsOf([{ ...loop, body: [loop, loop] }])).toEqual(new Set([loop]))
})
