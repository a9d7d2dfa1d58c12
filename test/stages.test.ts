// The middle of the compiler by text: what losses become when they are stabilised, differentiated, scheduled, and
// printed as mathematics.
//
// LOSSC_UPDATE=1 writes what comes out into the case files; read the difference before committing it.
import { readFileSync, writeFileSync } from "node:fs"
import katex from "katex"
import { describe, expect, test } from "vitest"
import { compileSource, lower } from "../src/compile.ts"
import { entryOf } from "../src/docs/entry.ts"
import { outputsOf } from "../src/outputs.ts"
import { printDefinitions } from "../src/print-core.ts"
import { printKernel } from "../src/print-loops.ts"
import { verify } from "../src/run/verify.ts"
import { rewriter } from "../src/simplify.ts"
import type { KernelChoice, Loss } from "../src/loss.ts"

const folder = new URL("cases/", import.meta.url)

interface Case {
  readonly name: string
  readonly input: string
  readonly output: string
}

function read(file: string): Case[] {
  return readFileSync(new URL(`${file}.txt`, folder), "utf8")
    .split(/^# /m)
    .slice(1)
    .map((text) => {
      const [name, ...rest] = text.split("\n")
      const [input, output] = rest.join("\n").split("\n==>\n")
      return { name: name!, input: input!.trim(), output: (output ?? "").trim() }
    })
}

const write = (file: string, cases: readonly Case[]): void =>
  writeFileSync(
    new URL(`${file}.txt`, folder),
    cases.map(({ name, input, output }) => `# ${name}\n\n${input}\n\n==>\n\n${output}\n`).join("\n"),
  )

function choiceOf(loss: Loss, grad: boolean): KernelChoice {
  const real = loss.inputs.filter((x) => x.type === "real" && x.role !== "option" && !x.isStatic)
  return {
    reduction: "mean",
    grad: grad ? real.map((x) => x.name) : [],
    statics: new Map(),
    given: new Set(),
    emptyMean: "zero",
  }
}

const stages: Readonly<Record<string, (loss: Loss) => string>> = {
  stabilise: (loss) => {
    const value = rewriter(loss.core, "stabilise")(loss.value)
    return printDefinitions([["L", loss.batch, value]])
  },
  grad: (loss) => {
    const { arrays } = outputsOf(loss, choiceOf(loss, true))
    return printDefinitions(arrays.map(({ name, axes, value }) => [`d ${name}`, axes, value] as const))
  },
  loops: (loss) => {
    const kernel = lower(outputsOf(loss, choiceOf(loss, true)), { dtype: "f32" })
    expect(verify(kernel)).toEqual([])
    return printKernel(kernel)
  },
  latex: (loss) => {
    const { formula, gradient } = entryOf(loss)
    for (const { latex } of [formula, gradient])
      katex.renderToString(latex, { displayMode: true, throwOnError: true, strict: "error" })
    return `${formula.latex}\n\n${gradient.latex}`
  },
}

for (const [stage, run] of Object.entries(stages))
  describe(stage, () => {
    const cases = read(stage)
    const results: Case[] = []
    for (const { name, input, output } of cases)
      test(name, () => {
        const [loss] = compileSource(input)
        const result = run(loss!)
        results.push({ name, input, output: result })
        if (process.env["LOSSC_UPDATE"]) {
          if (results.length === cases.length) write(stage, results)
        } else expect(result).toBe(output)
      })
  })
