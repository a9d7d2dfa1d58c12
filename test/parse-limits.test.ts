/** Texts that are too long, too deep or too wrong: each gets a typed answer soon, and none a stack overflow. */

import { expect, test } from "vitest"
import { parse, parseExpression } from "../grammar/parser.ts"
import { print } from "../grammar/print.ts"

const text = (body: string) => `loss f(x) = ${body}`
const times = (part: string, count: number) => part.repeat(count)

/** Name, text, and the code of its first diagnostic, if it is not fine. */
const texts: readonly (readonly [name: string, text: string, code: string | undefined])[] = [
  ["parentheses", text(times("(", 9e4) + "x" + times(")", 9e4)), "too-deep"],
  ["100,000 parentheses", text(times("(", 1e5) + "x" + times(")", 1e5)), "too-many-tokens"],
  ["open parentheses", text(times("(", 1e5)), "open-bracket"],
  ["calls", text(times("exp(", 1e4) + "x" + times(")", 1e4)), "too-deep"],
  ["sums", text(times("sum[d](", 1e4) + "x" + times(")", 1e4)), "too-deep"],
  ["lists", text(times("[", 9e4) + times("]", 9e4)), "too-deep"],
  ["values of lets", text(times("let a = ", 3e4) + "a"), "too-deep"],
  ["folds", text(times("fold[t](a = 0) => ", 1e4) + "a"), "too-deep"],
  ["conditions of ifs", text(times("if ", 1e5) + "x"), "too-deep"],
  ["substitutions in substitutions", text(times("x[a = ", 2e4) + "x" + times("]", 2e4)), "too-deep"],
  ["signs", text(times("- ", 1e5) + "x"), "too-long"],
  ["negations", text(times("not ", 1e5) + "x"), "too-long"],
  ["a sum", text("x" + times(" + x", 9e4)), "too-long"],
  ["a power", text("x" + times("^x", 9e4)), "too-long"],
  ["substitutions", text("x" + times("[b = j]", 3e4)), "too-long"],
  ["components", text("x" + times(".y", 9e4)), "too-long"],
  ["defaults", text(times("x[b = j] ?? ", 2e4) + "0"), "too-long"],
  ["else if", text(times("if x > 0 then 1 else ", 2e4) + "0"), "too-long"],
  ["let in let", text(times("let a = x in ", 3e4) + "a"), undefined],
  ["bindings", text("let " + times("a = x, ", 3e4) + "in a"), undefined],
  ["10 MB", text("x" + times(" ", 1e7)), "source-too-long"],
  ["1 MB of matrix products", times("a@", 5e5) + "a", "too-many-tokens"],
  ["matrix products", text(times("a@", 9e4) + "a"), "foreign-operator"],
  ["1 MB of minus signs", times("−", 1e6), "foreign-character"],
  ["1 MB of Greek", times("τ ", 5e5), "foreign-character"],
  ["1 MB of explosions", times("💥", 3e5), "foreign-character"],
  ["1 MB of halves of characters", times("\udca5", 1e6), "foreign-character"],
  ["1 MB of zeros", times("\0", 1e6), "foreign-character"],
  ["1 MB of quotes", times('"', 1e6), "too-many-tokens"],
  ["1 MB of comment openers", times("/*", 5e5), "block-comment"],
  ["1 MB of stars in a comment", "/*" + times("*", 1e6), "block-comment"],
  ["1 MB of hashes", times("#\n", 5e5), "hash-comment"],
  ["1 MB of digits", times("1", 1e6), "number-range"],
  ["1 MB of a name", text(times("y", 1e6)), undefined],
  ["1 MB of docs", times("/// a\n", 1.5e5) + text("x"), undefined],
  ["1 MB of carriage returns", times("\r", 1e6), "empty-source"],
  ["commas", `loss f(${times(",", 1e5)}) = x`, "extra-comma"],
  ["words", times("x ", 9e4), "missing-operator"],
  ["equations", text(times("x = ", 9e4) + "x"), "equality"],
  ["comparisons", text(times("x < ", 9e4) + "x"), "comparison-chain"],
  ["positions", text("x" + times("[0]", 6e4)), "position-index"],
  ["remarks that hide code", times("x // y\n", 1e5), "missing-operator"],
  ["wrong losses", times("loss f(x) = x +\n", 2e4), "expected-expression"],
  ["losses", times("loss f(x) = x\n", 2e4), undefined],
]

for (const [name, wrong, code] of texts)
  test(`${name}: ${code ?? "fine"}`, () => {
    const started = performance.now()
    const { diagnostics } = parse({ name: "long.loss", text: wrong })
    expect(diagnostics[0]?.code).toBe(code)
    expect(diagnostics.length).toBeLessThanOrEqual(100)
    for (const { message, help = "" } of diagnostics) {
      expect(message.length).toBeLessThanOrEqual(2000)
      expect(help.length).toBeLessThanOrEqual(2000)
    }
    // 2 s on a machine of its own; here others may be at work.
    expect(performance.now() - started).toBeLessThan(6000)
  })

test("what is just within the limits is fine, and prints", () => {
  for (const fine of [
    text(times("exp(", 199) + "x" + times(")", 199)),
    text(times("(", 199) + "x" + times(")", 199)),
    text(times("let a = ", 199) + "x" + times(" in x", 199)),
    text(times("(let a = x in ", 99) + "x" + times(")", 99)),
    text(times("fold[t](a = 0) => ", 199) + "a"),
    text(times("if ", 199) + "x" + times(" then 1 else 0", 199)),
    text("x" + times(" + x", 999)),
    text(times("- ", 999) + "x"),
    text("x" + times("^x", 999)),
    text("x" + times("[b = j]", 999)),
    text(times("if x > 0 then 1 else ", 900) + "0"),
  ]) {
    const { file, diagnostics } = parse({ name: "long.loss", text: fine })
    expect(diagnostics).toEqual([])
    const printed = print(file)
    expect(print(parse({ name: "long.loss", text: printed }).file)).toBe(printed)
  }
})

test("limits can be set", () => {
  const codes = (limits: object) =>
    parse({ name: "t", text: text("a + (b * (c - d)) + 2x + 3y") }, { limits }).diagnostics.map(
      ({ code }) => code,
    )
  expect(codes({})).toEqual(["missing-operator", "missing-operator"])
  expect(codes({ nesting: 2 })).toEqual(["too-deep"])
  expect(codes({ chain: 2 })).toContain("too-long")
  expect(codes({ source: 10 })).toEqual(["source-too-long"])
  expect(codes({ tokens: 10 })).toEqual(["too-many-tokens"])
  expect(codes({ diagnostics: 1 })).toEqual(["missing-operator"])
})

test("little stack that is left is a diagnostic too", () => {
  // Each frame down leaves less; somewhere on the way the parser runs out, and says so.
  const codes = new Set<string>()
  const deep = text(times("exp(", 190) + "x" + times(")", 190))
  const shallow = (left: number): void => {
    if (left > 0) return shallow(left - 1)
    for (const { code } of parse({ name: "t", text: deep }).diagnostics) codes.add(code)
  }
  for (let frames = 1000; frames < 30_000; frames += 100) {
    try {
      shallow(frames)
    } catch (failure) {
      if (!(failure instanceof RangeError)) throw failure
      break
    }
  }
  expect([...codes]).toEqual(["too-deep"])
})

test("the parser works after a text that it gave up on", () => {
  expect(parse({ name: "t", text: text(times("(", 500) + "x" + times(")", 500)) }).complete).toBe(false)
  expect(parse({ name: "t", text: text("x") }).complete).toBe(true)
  expect(() => parseExpression(times("(", 500) + "x" + times(")", 500))).toThrow("nested more than 200 deep")
})
