/** How diagnostics are collected and shown. */

import { describe, expect, test } from "vitest"
import {
  either,
  error,
  limit,
  LossError,
  nearest,
  quote,
  render,
  Report,
  toJson,
  warning,
} from "../src/diagnostics.ts"
import { lineText, position, source } from "../src/source.ts"

const of = source("loss f(x) =\n  relu(margn)\n", "triplet.loss")
const span = { start: 19, end: 24 }
const unknown = error("unknown-name", of, span, "`margn` is not defined", { label: "did you mean `margin`?" })

describe("a frame", () => {
  test("shows the line, carets and the label", () => {
    expect(render(unknown)).toBe(
      [
        "error[unknown-name]: `margn` is not defined",
        " --> triplet.loss:2:8",
        "  |",
        "2 |   relu(margn)",
        "  |        ^^^^^ did you mean `margin`?",
      ].join("\n"),
    )
  })
  test("shows help below, and a wider margin for larger numbers", () => {
    const far = source("\n".repeat(99) + "x", "far.loss")
    const shown = render(warning("w", far, { start: 99, end: 100 }, "a warning", { help: "do something" }))
    expect(shown).toBe(
      [
        "warning[w]: a warning",
        "   --> far.loss:100:1",
        "    |",
        "100 | x",
        "    | ^",
        "    = help: do something",
      ].join("\n"),
    )
  })
  test("aligns its carets below a line with tabs", () => {
    const tabs = source("\tx\ty", "t")
    expect(
      render(error("e", tabs, { start: 3, end: 4 }, "m"))
        .split("\n")
        .slice(3),
    ).toEqual(["1 |     x   y", "  |         ^"])
  })
  test("of a span over several lines ends with its first line", () => {
    const two = source("ab cd\nef", "t")
    expect(
      render(error("e", two, { start: 3, end: 8 }, "m"))
        .split("\n")
        .at(-1),
    ).toBe("  |    ^^")
  })
  test("of an empty span has one caret, at the end of the text too", () => {
    const short = source("ab", "t")
    expect(
      render(error("e", short, { start: 2, end: 2 }, "m"))
        .split("\n")
        .at(-1),
    ).toBe("  |   ^")
    expect(
      render(error("e", source("", "t"), { start: 0, end: 0 }, "m"))
        .split("\n")
        .at(-1),
    ).toBe("  | ^")
  })
  test("of a long line shows the part around the place", () => {
    const long = source(`${"a".repeat(500)}X${"b".repeat(500)}`, "t")
    const [, , , line, carets] = render(error("e", long, { start: 500, end: 501 }, "m")).split("\n")
    expect(line!.length).toBeLessThan(120)
    expect(line![carets!.indexOf("^")]).toBe("X")
    expect(line).toMatch(/^1 \| …a+Xb+…$/)
  })
  test("cannot steer a terminal", () => {
    const evil = source("x \u001b[31m \u202e", "a\u001b[0m.loss")
    const shown = render(error("e", evil, { start: 2, end: 3 }, "say \u0007"))
    for (const control of ["\u0007", "\u001b", "\u202e"]) expect(shown).not.toContain(control)
  })
  test("is coloured when asked", () => {
    const shown = render(unknown, { colour: true })
    expect(shown).toContain("\u001b[1;31merror[unknown-name]\u001b[0m")
    const plain = shown.split("\u001b").map((part) => part.replace(/^\[[\d;]*m/, ""))
    expect(plain.join("")).toBe(render(unknown))
  })
  test("without a source is the message and its help", () => {
    const plain = error("bad-label", undefined, undefined, "row 3 holds 7", { help: "labels are below 5" })
    expect(render(plain)).toBe("error[bad-label]: row 3 holds 7\n  = help: labels are below 5")
  })
})

test("the shape for tools has lines and columns from 1", () => {
  expect(toJson(unknown)).toEqual({
    code: "unknown-name",
    severity: "error",
    file: "triplet.loss",
    range: { start: { line: 2, column: 8 }, end: { line: 2, column: 13 } },
    message: "`margn` is not defined",
    label: "did you mean `margin`?",
    help: undefined,
    details: undefined,
  })
})

describe("a report", () => {
  test("keeps each diagnostic once, in the order of the text", () => {
    const report = new Report()
    const first = error("a", of, { start: 1, end: 2 }, "one")
    for (const one of [unknown, first, unknown, { ...first }]) report.add(one)
    expect(report.diagnostics).toEqual([first, unknown])
    expect(report.errors).toBe(2)
  })
  test("keeps sources in the order in which they were met", () => {
    const report = new Report()
    const other = error("b", source("x", "other"), { start: 0, end: 1 }, "m")
    report.add(unknown)
    report.add(other)
    expect(report.diagnostics).toEqual([unknown, other])
  })
  test("takes no more than its limit", () => {
    const report = new Report(3)
    for (let at = 0; at < 10; at++) report.add(error("a", of, { start: at, end: at }, "m"))
    expect(report.diagnostics.length).toBe(3)
    expect(report.full).toBe(true)
  })
  test("throws errors and lets warnings pass", () => {
    const report = new Report()
    report.add(warning("w", of, span, "m"))
    expect(() => report.check()).not.toThrow()
    report.add(unknown)
    expect(() => report.check()).toThrow(LossError)
  })
  test("cuts messages that are too long", () => {
    expect(error("a", of, span, "m".repeat(5000)).message.length).toBe(2000)
  })
})

test("a LossError shows its diagnostics and has the code of the first", () => {
  const failure = new LossError([unknown])
  expect(failure.code).toBe("unknown-name")
  expect(failure.message).toContain("2 |   relu(margn)")
  expect(failure.diagnostics).toEqual([unknown])
  expect(limit("too-many-nodes", "more than 5", { details: { limit: 5 } }).diagnostics[0]!.details).toEqual({
    limit: 5,
  })
})

test("the nearest name is near enough to be meant", () => {
  const names = ["margin", "delta", "logSoftmax", "sum", "__proto__", "x", "y", "target"]
  expect(nearest("margn", names)).toBe("margin")
  expect(nearest("mragin", names)).toBe("margin")
  expect(nearest("logsoftmax", names)).toBe("logSoftmax")
  expect(nearest("log_softmax", names)).toBe("logSoftmax")
  expect(nearest("sun", names)).toBe("sum")
  expect(nearest("_proto__", names)).toBe("__proto__")
  expect(nearest("quaternion", names)).toBeUndefined()
  expect(nearest("z", names)).toBeUndefined()
  expect(nearest("constructor", new Map([["x", 1]]).keys())).toBeUndefined()
  expect(nearest("a".repeat(1e6), names)).toBeUndefined()
})

test("words are quoted and listed", () => {
  expect(quote("a\n  b")).toBe("`a b`")
  expect(quote("x".repeat(100)).length).toBeLessThan(65)
  expect([either(["a"]), either(["a", "b"]), either(["a", "b", "c"])]).toEqual(["a", "a or b", "a, b or c"])
})

test("positions count lines whatever ends them", () => {
  const text = source("a\nb\r\nc\rd", "t")
  expect([0, 2, 5, 7].map((at) => position(text, at))).toEqual(
    [1, 2, 3, 4].map((line) => ({ line, column: 1 })),
  )
  expect(position(text, 99)).toEqual({ line: 4, column: 2 })
  expect([1, 2, 3, 4, 5].map((line) => lineText(text, line))).toEqual(["a", "b", "c", "d", ""])
})
