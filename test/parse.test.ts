/** What parses, into which tree; and what every wrong text gets. */

import { describe, expect, test } from "vitest"
import { LossParser, parse, parseExpression } from "../grammar/parser.ts"
import { parseCatalogue } from "../src/catalogue/parse.ts"
import { LossError, renderAll } from "../src/diagnostics.ts"
import { casesOf, filesOf, libraryTexts, outline } from "./parse.cases.ts"

describe("trees", () => {
  for (const { name, input, output } of casesOf("parse/trees"))
    test(name, () => expect(outline(parseExpression(input))).toBe(output))
})

for (const file of filesOf("parse").filter((name) => name !== "parse/trees"))
  describe(file, () => {
    for (const { name, input, output } of casesOf(file))
      test(name, () => {
        const { diagnostics } = parse({ name: "case.loss", text: input })
        expect(renderAll(diagnostics) || "fine").toBe(output)
      })
  })

describe("the catalogue", () => {
  for (const [code, { example }] of Object.entries(parseCatalogue))
    test(`the example of ${code} raises it and nothing else`, () => {
      const { diagnostics, complete } = parse({ name: "example.loss", text: example })
      expect(diagnostics.map((one) => one.code)).toEqual([code])
      expect(complete).toBe(diagnostics[0]!.severity === "warning")
    })
  test("says about each code something that ends like a sentence", () => {
    for (const { about } of Object.values(parseCatalogue)) expect(about).toMatch(/^[A-Z`].*\.$/)
  })
})

describe("the library", () => {
  for (const { name, text } of libraryTexts())
    test(`${name} parses`, () => expect(renderAll(parse({ name, text }).diagnostics)).toBe(""))
})

test("chevrotain finds nothing wrong with the grammar", () => {
  expect(() => new LossParser(true)).not.toThrow()
})

test("spaces that only look like spaces are named", () => {
  for (const space of ["\u00a0", "\u2009", "\u200b", "\ufeff", "\u0000"]) {
    const { diagnostics } = parse({ name: "t", text: `loss f(x) = x${space}+ 1` })
    expect(diagnostics.map(({ code }) => code)).toEqual(["foreign-character"])
    expect(diagnostics[0]!.message).toMatch(/U\+[0-9A-F]{4}/)
  }
})

describe("docs", () => {
  const text = [
    "// Not a doc.",
    "",
    "/// Far away.",
    "",
    "/// Squared error.",
    "///",
    "/// example: f(1, 2) = 1",
    "loss f(",
    "  /// What the model says.",
    "  x,",
    "  y;",
    "  /// How much it counts.",
    "  w: real > 0 = 1 // not a doc",
    ") = w * (x - y)^2",
  ].join("\n")
  const { file, diagnostics } = parse({ name: "docs.loss", text })
  const loss = file.declarations[0]
  test("belong to the declaration that follows directly", () => {
    expect(loss?.docs.map((line) => line.text)).toEqual(["Squared error.", "", "example: f(1, 2) = 1"])
  })
  test("belong to the argument that follows directly", () => {
    if (loss?.kind !== "loss") throw new Error("no loss")
    expect(loss.arguments.map((one) => one.docs.length)).toEqual([1, 0])
    expect(loss.options[0]!.docs.map((line) => line.text)).toEqual(["How much it counts."])
  })
  test("that belong to nothing are reported and kept as comments", () => {
    expect(diagnostics.map(({ code }) => code)).toEqual(["stray-doc"])
    expect(file.comments.map((one) => one.text)).toEqual(["Not a doc.", "Far away.", "not a doc"])
  })
})

describe("a file with errors", () => {
  const text = "loss f(x) = x +\nloss g(x) = x\nloss h(x) = 2x\n"
  const { file, complete, diagnostics } = parse({ name: "t", text })
  test("still has the declarations that are right", () => {
    expect(complete).toBe(false)
    expect(file.declarations.map((one) => one.kind === "loss" && one.name.name)).toEqual(["g"])
  })
  test("reports all of them in the order of the text", () => {
    expect(diagnostics.map(({ code }) => code)).toEqual(["expected-expression", "missing-operator"])
  })
})

describe("spans", () => {
  const text = "loss f(x: [d]) =\n  let a = (x + 1) * 2 in -a[d = 0] where x > 0"
  const { file } = parse({ name: "t", text })
  const loss = file.declarations[0]
  if (loss?.kind !== "loss") throw new Error("no loss")
  const shown = (node: { span: { start: number; end: number } } | undefined) =>
    node && text.slice(node.span.start, node.span.end)
  test("cover what was written", () => {
    expect(shown(loss)).toBe(text)
    expect(shown(loss.name)).toBe("f")
    expect(shown(loss.arguments[0])).toBe("x: [d]")
    expect(shown(loss.body.bindings[0])).toBe("a = (x + 1) * 2")
    expect(shown(loss.body.value)).toBe("-a[d = 0]")
    expect(shown(loss.body.where)).toBe("x > 0")
  })
})

describe("a single expression", () => {
  test("is read without a declaration around it", () => {
    expect(outline(parseExpression("log(1 + x)"))).toBe("(log (+ 1 x))")
  })
  for (const [wrong, code] of [
    ["", "expected-expression"],
    ["x +", "expected-expression"],
    ["x y", "missing-operator"],
    ["x where y", "tail-inside"],
    ["(x", "open-bracket"],
    ["loss f(x) = x", "reserved-word"],
  ] as const)
    test(`${JSON.stringify(wrong)} is ${code}`, () => {
      expect(() => parseExpression(wrong)).toThrow(LossError)
      try {
        parseExpression(wrong)
      } catch (failure) {
        expect((failure as LossError).code).toBe(code)
      }
    })
})
