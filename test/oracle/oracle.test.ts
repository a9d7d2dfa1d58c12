// The library against values and gradients computed by PyTorch: a small set that is here, and the whole set if
// LOSSC_ORACLE (default: ../shared/oracle) names a folder that exists.
import { existsSync, readdirSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { adapters, refusals } from "./adapters.ts"
import { type Case, isLarge, judge, readCases, type Target } from "./harness.ts"

const root = new URL("../../", import.meta.url)
const here = new URL("./cases/", import.meta.url)
const named = process.env["LOSSC_ORACLE"]
const folder = named ? pathToFileURL(`${named.replace(/\/$/, "")}/`) : new URL("../shared/oracle/", root)
const isStrict = process.env["LOSSC_ORACLE_STRICT"] === "1"
const only = process.env["LOSSC_ORACLE_ONLY"]?.split(",")

const files = (from: URL): string[] =>
  readdirSync(from)
    .filter((name) => name.endsWith(".json") && name !== "index.json")
    .filter((name) => !only || only.includes(name.replace(".json", "")))
    .sort()

const runs = (["interpret", "js", "wasm"] as const).flatMap((target: Target) =>
  (["f64", "f32"] as const).map((dtype) => ({ target, dtype })),
)

/** The interpreter computes in double whatever the arrays hold: once is enough for a large case, unless all is asked for. */
const isTwice = (one: Case, target: Target, dtype: string): boolean =>
  !isStrict && target === "interpret" && dtype === "f32" && isLarge(one)

function runAll(from: URL): void {
  const alternatives = new Map<string, string>()
  const refused = new Set<string>()
  const left = new Map<string, string>()
  const missing: string[] = []
  for (const file of files(from)) {
    const { loss, cases: all } = readCases(new URL(file, from))
    const adapter = adapters[loss]
    if (!adapter) {
      missing.push(loss)
      continue
    }
    const cases = all.filter((one) => {
      const why = adapter.leave?.(one)
      if (why) left.set(one.name, why)
      return !why
    })
    describe(loss, () => {
      test.each(runs)(
        "agrees with the reference on $target in $dtype",
        ({ target, dtype }) => {
          const wrong = cases.flatMap((one) => {
            if (isTwice(one, target, dtype)) return []
            const verdict = judge(one, adapter, target, dtype)
            if (one.error && verdict === "expected") refused.add(`${one.name} ${target} ${dtype}`)
            if (verdict === "alternative") alternatives.set(one.name, one.alt!.why)
            return typeof verdict === "string" ? [] : verdict.map((line) => `${one.name}: ${line}`)
          })
          expect(wrong.slice(0, 20), `${wrong.length} disagreements in ${cases.length} cases`).toEqual([])
        },
        300_000,
      )
    })
  }
  test.skipIf(only)("every case that PyTorch refuses is refused, on every target", () => {
    const names = files(from).flatMap((file) =>
      readCases(new URL(file, from)).cases.flatMap((one) => (one.error ? [one.name] : [])),
    )
    expect(names.length).toBeGreaterThan(0)
    expect(Object.keys(refusals)).toEqual(expect.arrayContaining(names))
    expect(refused).toEqual(
      new Set(names.flatMap((name) => runs.map(({ target, dtype }) => `${name} ${target} ${dtype}`))),
    )
  })
  test("every file has an adapter", () => {
    if (missing.length > 0) console.log(`no adapter yet: ${missing.join(" ")}`)
    if (isStrict) expect(missing).toEqual([])
  })
  afterAll(() => {
    for (const [name, why] of left) console.log(`left out ${name}: ${why}`)
    for (const [name, why] of alternatives) console.log(`alternative answer in ${name}: ${why}`)
  })
}

describe.skipIf(!existsSync(here))("reference cases of this folder", () => {
  if (existsSync(here)) runAll(here)
})

if (existsSync(folder)) describe("all reference cases", () => runAll(folder))
else {
  console.log(`skipped: no ${named ?? "../shared"}`)
  test.skip(`skipped: no ${named ?? "../shared"}`, () => {})
}
