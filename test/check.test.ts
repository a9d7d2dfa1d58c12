// The checker: every code of its catalogue, text cases, and the limits.
import { writeFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { parse } from "../grammar/parser.ts"
import { type CheckEntry, checkCatalogue } from "../src/catalogue/check.ts"
import { type CheckContext, type Checked, check } from "../src/check.ts"
import { standardLibrary } from "../src/compile.ts"
import { renderAll } from "../src/diagnostics.ts"
import { printExpr, printLoss } from "../src/print-core.ts"
import { signatureOf } from "../src/signature.ts"
import { source } from "../src/source.ts"
import { casesOf, filesOf } from "./parse.cases.ts"

function checked(text: string, context: Partial<CheckContext> = {}): Checked {
  const from = source(text, "case.loss")
  const { file, diagnostics } = parse(from)
  expect(renderAll(diagnostics)).toBe("")
  return check(file, from, { library: standardLibrary(), parse, ...context })
}

describe("every code of the catalogue", () => {
  for (const [code, entry] of Object.entries(checkCatalogue) as [string, CheckEntry][])
    test(`${code} is raised by its example, and nothing else is`, () => {
      const { files, params, limits } = entry
      const load = (path: string) => {
        const text = files?.[path]
        if (text === undefined) throw new Error("there is no such file")
        return source(text, path)
      }
      const { diagnostics } = checked(entry.example, {
        ...(files && { load }),
        ...(params && { params }),
        ...(limits && { limits }),
      })
      expect([...new Set(diagnostics.map((one) => one.code))], renderAll(diagnostics)).toEqual([code])
    })
})

// LOSSC_UPDATE=1 writes what comes out into the case files; read the difference before committing it.
for (const file of filesOf("check"))
  describe(file, () => {
    const cases = casesOf(file)
    if (process.env["LOSSC_UPDATE"]) {
      const text = cases
        .map(({ name, input }) => `# ${name}\n\n${input}\n\n==>\n\n${shown(input)}\n`)
        .join("\n")
      writeFileSync(new URL(`./cases/${file}.txt`, import.meta.url), text)
    }
    for (const { name, input, output } of casesOf(file))
      test(name, () => {
        expect(shown(input)).toBe(output)
      })
  })

describe("files that are used", () => {
  const files: Readonly<Record<string, string>> = {
    "./a.loss": "def twice(x) = 2 * x\nloss gap[b](x, y) = twice(x - y)",
    "./b.loss": 'use "./a.loss"\ndef half(x) = twice(x) / 4',
    "./wrong.loss": "def third(x) = x / tree",
  }
  const load = (path: string) => source(files[path]!, path)

  test("lend their functions and losses", () => {
    const { losses, diagnostics } = checked('use "./a.loss"\nloss l[b](x, y) = gap(x, y) + twice(y)', {
      load,
    })
    expect(renderAll(diagnostics)).toBe("")
    expect(losses.map(printLoss)).toEqual(["L[b] = 2 * y[b] + 2 * (x[b] - y[b])"])
  })
  test("do not lend what they use themselves", () => {
    const { diagnostics } = checked('use "./b.loss"\nloss l[b](x) = half(x) + twice(x)', { load })
    expect(diagnostics.map((one) => one.code)).toEqual(["unknown-function"])
  })
  test("are checked with the file that uses them", () => {
    const { diagnostics } = checked('use "./wrong.loss"\nloss l[b](x) = x', { load })
    expect(diagnostics.map((one) => `${one.source?.name} ${one.code}`)).toEqual(["./wrong.loss unknown-name"])
  })
})

describe("limits", () => {
  const chain = (body: (below: string) => string) => {
    const defs = Array.from(
      { length: 60 },
      (_, i) => `def f${i}(x, y) = ${i === 0 ? "x * y" : body(`f${i - 1}`)}`,
    )
    return `${defs.join("\n")}\nloss l[b](x, y) = f59(x, y)`
  }
  const shared = (body: (below: string) => string, loss: string) => {
    const defs = Array.from({ length: 60 }, (_, i) => `def f${i}(x) = ${i === 0 ? "x" : body(`f${i - 1}`)}`)
    return `${defs.join("\n")}\n${loss}`
  }
  const larger = (f: string) => `max(${f}(x) * ${f}(x), ${f}(x))`
  const attacks: readonly (readonly [name: string, text: string, code?: string])[] = [
    ["60 functions that add each other twice", chain((f) => `${f}(x, y) + ${f}(x, y)`)],
    ["60 functions of shifted arguments", chain((f) => `${f}(x, y) * ${f}(x + 1, y)`)],
    ["60 functions nested twice", chain((f) => `${f}(${f}(x, y), y)`), "too-many-nodes"],
    [
      "60 functions of ever new arguments",
      chain((f) => `${f}(x * 2.1, y) + ${f}(y * 3.3, x * 1.1)`),
      "too-many-nodes",
    ],
    [
      "an index with 2^60 paths",
      shared((f) => `(${f}(x) + 1) + ${f}(x)`, "loss l[b](x: [t]) = sum[t](x[t = f59(t)] ?? 0)"),
    ],
    [
      "an equality with 2^60 paths",
      shared((f) => `(${f}(x) + 1) + ${f}(x)`, "loss l[b](x: [t], y: int) = sum[t if f59(t) == y](x)"),
    ],
    ["an option with 2^60 paths", shared(larger, "loss l[b](x: [t]; k: int = 1) = x[t = f59(k)]")],
    ["a size with 2^60 paths", shared(larger, "loss l[b](x; k: int = 1) = sum[j in f59(k)](x)")],
    [
      "a guard with 2^60 paths",
      shared(larger, "loss l(x: [t]; k: int = 1) = if f59(k) > 0 then x[t = 0] else 0"),
    ],
    [
      "labels with 2^60 paths",
      shared(
        (f) => `if ${f}(x) > 2 then ${f}(x) + 1 else ${f}(x)`,
        "loss l[b](x: [t], k: int) = x[t = f59(k)] ?? 0",
      ),
    ],
    ["90 nested sums", `loss l[b](x: [d]) = ${nested(90, (i) => `sum[j${i} in d](x[d = j${i}] * `)}`],
    ["300 shifts", `loss l[b](x: [t]) = sum[t](${plus(300, (i) => `(x[t = t - ${i}] ?? 0)`)})`],
    [
      "300 unproved shifts",
      `loss l[b](x: [t]) = sum[t](${plus(300, (i) => `x[t = t + 1 + ${i}]`)})`,
      "index-out-of-range",
    ],
  ]
  for (const [name, text, code] of attacks)
    test(name, () => {
      const { losses, diagnostics } = checked(text)
      expect([...new Set(diagnostics.map((one) => one.code))]).toEqual(code ? [code] : [])
      expect(losses.length).toBe(code ? 0 : 1)
      for (const loss of losses) expect(printLoss(loss).length).toBeLessThan(1_000_000)
    })
})

function nested(n: number, open: (i: number) => string): string {
  return `${Array.from({ length: n }, (_, i) => open(i)).join("")}1${")".repeat(n)}`
}

function plus(n: number, term: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => term(i)).join(" + ")
}

/** Everything the checker says about a text: diagnostics, then each loss with what its calls must satisfy. */
function shown(text: string): string {
  const [, params] = /^\/\/ params (.*)$/m.exec(text) ?? []
  const { losses, diagnostics } = checked(text, params ? { params: JSON.parse(params) } : {})
  const parts = losses.map((loss) =>
    [
      ...(text.includes("loss ") ? [] : [signatureOf(loss)]),
      printLoss(loss),
      ...loss.checks.map((one) => `check ${one.message}`),
      ...loss.labelReads.map((one) => `read ${one.input.name} where ${printExpr(one.condition)}`),
      ...loss.inputs.flatMap((one) => (one.domainUsed ? [`check the domain of ${one.name}`] : [])),
      ...loss.inputs.flatMap((one) => (one.isStatic ? [`static ${one.name}`] : [])),
    ].join("\n"),
  )
  return [...(diagnostics.length > 0 ? [renderAll(diagnostics)] : []), ...parts].join("\n\n")
}
