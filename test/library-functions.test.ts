// Generated from stdlib/functions.loss: the examples of each function hold, and its derivatives are right.
import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { Def } from "../grammar/ast.ts"
import { parse } from "../grammar/parser.ts"
import { compile } from "../src/index.ts"
import { source } from "../src/source.ts"
import { gradcheck } from "../src/testing.ts"

const text = readFileSync(new URL("../stdlib/functions.loss", import.meta.url), "utf8")
const functions = parse(source(text, "functions.loss")).file.declarations as Def[]

/** Where the functions are real and smooth, if that is not everywhere. */
const domains: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  logit: { p: "in [0.05, 0.95]" },
  log2: { x: "in [0.1, 8]" },
  log10: { x: "in [0.1, 8]" },
  xlog1py: { y: "in [-0.9, 8]" },
  tan: { x: "in [-1.4, 1.4]" },
  asin: { x: "in [-0.9, 0.9]" },
  acosh: { x: "in [1.1, 8]" },
  atanh: { x: "in [-0.9, 0.9]" },
  lbeta: { x: "in [0.1, 8]", y: "in [0.1, 8]" },
}

describe.each(functions.map((def) => ({ name: def.name.name, def })))("$name", ({ name, def }) => {
  const names = def.arguments.map((a) => a.name.name)
  const declared = names.map((x) => `${x}: real ${domains[name]?.[x] ?? ""}`).join(", ")
  const loss = (header: string) => compile(`loss f[...](${header}) = ${name}(${names.join(", ")})`)
  const doc = def.docs.map((line) => line.text).join("\n")
  const examples = [...doc.matchAll(/^ *example: (\w+)\((.*)\) = (\S+)$/gm)]

  test("says what it is and shows examples", () => {
    expect(doc.trim()).toMatch(/^[A-Zx][^]*[.]/)
    expect(examples.length).toBeGreaterThan(0)
    for (const [line, called] of examples) expect(called, line).toBe(name)
  })
  test.each(
    examples.map(([line, , inside, value]) => ({ line: line!.trim(), inside, value: Number(value) })),
  )("$line", ({ inside, value }) => {
    const given = JSON.parse(`[${inside}]`) as number[]
    const inputs = Object.fromEntries(names.map((x, i) => [x, new Float64Array([given[i]!])]))
    for (const target of ["interpret", "js"] as const) {
      const found = loss(names.join(", ")).kernel({ target, dtype: "f64" })(inputs).loss
      expect(Math.abs(found - value), `${target} gives ${found}`).toBeLessThanOrEqual(1e-12 * Math.abs(value))
    }
  })
  test("has the right derivatives", () => {
    const { ok, message } = gradcheck(loss(declared), { runs: 8, method: "complex" })
    expect(ok, message).toBe(true)
  })
})
