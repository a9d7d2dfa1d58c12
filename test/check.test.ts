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
