/** Mutated programs: only typed diagnostics, and what still parses prints to the same tree. */

import { expect, test } from "vitest"
import fc from "fast-check"
import { parse } from "../grammar/parser.ts"
import { print } from "../grammar/print.ts"
import { parseCatalogue } from "../src/catalogue/parse.ts"
import { renderAll, toJson } from "../src/diagnostics.ts"
import { bare, casesOf, filesOf } from "./parse.cases.ts"

const programs = [...filesOf("parse"), ...filesOf("print")].flatMap((file) =>
  casesOf(file).map(({ input }) => input),
)

// Every word and sign of the language and of its neighbours, and some that belong to none.
const pieces = (
  "and def else false fold if in let loss not or scan then true use where per norm axis shared static grad envelope " +
  'real int bool index x y c b 0 1 2.5 1. .5 1e9 "a" \'b\' " ( ) [ ] { } , ; : . .. ... = == != < <= > >= => -> + - ' +
  "* / ^ ?? ? | || && & ! ~ % @ ** += := // /// /* # $ \\ ` − × τ ² 💥 \ud83d \0 return for lambda elif"
)
  .split(" ")
  .concat(["\n", "\r", " ", "loss f(x) = x\n", "let a = 1 in ", "x[c = ", "sum[d](", "if a then b else "])

const change = fc.record({
  at: fc.nat(),
  length: fc.nat({ max: 6 }),
  piece: fc.oneof(fc.constantFrom(...pieces), fc.constant("")),
})

const codes = new Set(Object.keys(parseCatalogue))

test("whatever is changed in a program, the answer is typed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...programs),
      fc.array(change, { minLength: 1, maxLength: 5 }),
      (program, changes) => {
        let text = program
        for (const { at, length, piece } of changes) {
          const start = at % (text.length + 1)
          text = text.slice(0, start) + piece + text.slice(start + length)
        }
        check(text)
      },
    ),
    { numRuns: 1200, seed: 17 },
  )
})

test("any sequence of words and signs gets a typed answer", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 40 }),
      fc.constantFrom("", " "),
      (parts, between) => {
        check(parts.join(between))
      },
    ),
    { numRuns: 600, seed: 19 },
  )
})

test("any text gets a typed answer", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), check), { numRuns: 500, seed: 23 })
})

function check(text: string): void {
  const { file, complete, diagnostics } = parse({ name: "fuzz.loss", text })
  expect(diagnostics.length).toBeLessThanOrEqual(100)
  for (const one of diagnostics) {
    expect(codes, one.code).toContain(one.code)
    expect(one.span!.start).toBeGreaterThanOrEqual(0)
    expect(one.span!.end).toBeGreaterThanOrEqual(one.span!.start)
    expect(one.span!.end).toBeLessThanOrEqual(text.length)
    expect(JSON.stringify(toJson(one))).not.toMatch(/null/)
  }
  expect(renderAll(diagnostics)).not.toMatch(/undefined|\[object|NaN/)
  if (!complete) return
  const printed = print(file)
  const again = parse({ name: "fuzz.loss", text: printed })
  expect(again.complete, printed).toBe(true)
  expect(bare(again.file), printed).toEqual(bare(file))
  expect(again.file.comments.length).toBe(file.comments.length)
  expect(print(again.file)).toBe(printed)
}
