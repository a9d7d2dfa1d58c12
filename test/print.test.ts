/** What is printed: good lines, the same tree, the same text the second time, every comment. */

import { describe, expect, test } from "vitest"
import fc from "fast-check"
import { parse, parseExpression } from "../grammar/parser.ts"
import { print, printExpression } from "../grammar/print.ts"
import { renderAll } from "../src/diagnostics.ts"
import { bare, casesOf, libraryTexts } from "./parse.cases.ts"

const samples = [...casesOf("print/samples"), ...casesOf("print/comments")]

for (const file of ["print/samples", "print/comments"])
  describe(file, () => {
    for (const { name, input, output } of casesOf(file)) {
      const { file: tree, complete, diagnostics } = parse({ name, text: input })
      const printed = print(tree)
      test(`${name} parses`, () => expect(complete, renderAll(diagnostics)).toBe(true))
      test(name, () => expect(printed.trim()).toBe(output))
      test(`${name} keeps its tree`, () => {
        expect(bare(parse({ name, text: printed }).file)).toEqual(bare(tree))
      })
      test(`${name} prints the same the second time`, () => {
        expect(print(parse({ name, text: printed }).file)).toBe(printed)
      })
    }
  })

describe("the library", () => {
  for (const { name, text } of libraryTexts())
    test(`${name} keeps its tree and its comments`, () => {
      const { file } = parse({ name, text })
      const printed = print(file)
      const again = parse({ name, text: printed }).file
      expect(bare(again)).toEqual(bare(file))
      expect(again.comments.map((one) => one.text)).toEqual(file.comments.map((one) => one.text))
      expect(print(again)).toBe(printed)
    })
})

test("a file that is printed ends with one line end", () => {
  expect(print(parse({ name: "t", text: "loss f(x)=x   " }).file)).toBe("loss f(x) = x\n")
})

test("a file of comments keeps them", () => {
  expect(print(parse({ name: "t", text: "  // one\n\n\n// two" }).file)).toBe("// one\n\n// two\n")
})

test("a width is respected where that is possible", () => {
  const { file } = parse({
    name: "t",
    text: "loss f(x) = first + second + third * fourth + huber(fifth, sixth)",
  })
  for (const width of [20, 30, 40, 60]) {
    const lines = print(file, { width }).split("\n")
    expect(Math.max(...lines.map((one) => one.length))).toBeLessThanOrEqual(width)
  }
})

test("an expression prints on one line", () => {
  expect(printExpression(parseExpression("let a=1,b=2 in\n(a+b)*c // sum"))).toBe(
    "let a = 1, b = 2 in (a + b) * c",
  )
  expect(printExpression(parseExpression("log( 1+exp(x) )"))).toBe("log(1 + exp(x))")
})

// Comments at any place between two tokens: none is lost, the tree stays, and the text settles.
describe("a comment anywhere", () => {
  const plain = samples.filter(({ input }) => !input.includes("//"))
  const places = plain.flatMap(({ name, input }) => {
    const gaps = [...input.matchAll(/\s+|\b|(?<=[()[\],;])/g)].map((match) => match.index)
    return gaps.filter((at) => isBetweenTokens(input, at)).map((at) => ({ name, input, at }))
  })
  test("is kept", () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.boolean(), fc.boolean(), (place, ownLine, gap) => {
        const { name, input, at } = place
        const remark = `${ownLine ? "\n" : " "}// a remark${gap ? "\n\n" : "\n"}`
        check(name, input.slice(0, at) + remark + input.slice(at), ["a remark"], input)
      }),
      { numRuns: 500, seed: 7 },
    )
  })
  test("is kept beside others", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...plain),
        fc.array(fc.nat(), { maxLength: 8 }),
        ({ name, input }, picks) => {
          const here = places.filter((place) => place.name === name)
          const ats = [...new Set(picks.map((pick) => here[pick % here.length]!.at))].sort((a, b) => b - a)
          let text = input
          ats.forEach((at, index) => (text = `${text.slice(0, at)} // remark ${index}\n${text.slice(at)}`))
          check(
            name,
            text,
            ats.map((_, index) => `remark ${index}`),
            input,
          )
        },
      ),
      { numRuns: 300, seed: 11 },
    )
  })

  function check(name: string, text: string, remarks: readonly string[], original: string): void {
    const { file, complete, diagnostics } = parse({ name, text })
    expect(complete, renderAll(diagnostics)).toBe(true)
    const printed = print(file)
    const again = parse({ name, text: printed })
    expect(again.complete, `${printed}\n${renderAll(again.diagnostics)}`).toBe(true)
    expect(again.file.comments.map((one) => one.text).sort()).toEqual([...remarks].sort())
    expect(bare(again.file)).toEqual(bare(parse({ name, text: original }).file))
    expect(print(again.file)).toBe(printed)
  }

  /** Not inside a word, a number, a text or an operator of several characters. */
  function isBetweenTokens(text: string, at: number): boolean {
    if ((text.slice(0, at).match(/"/g)?.length ?? 0) % 2 === 1) return false
    const pair = text.slice(at - 1, at + 1)
    return !/^(?:[\w.][\w.]|[=<>!?.][=>?.]|[-+]\d|e[-+])$/.test(pair) || /^\w\s|\s\w$/.test(pair)
  }
})
