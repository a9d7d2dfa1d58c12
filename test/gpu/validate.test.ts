// Generated from the library: two compilers accept the shader of every loss.
import { expect, test } from "vitest"
import { gpuProgram } from "../../src/gpu/compile.ts"
import type { GpuProgram } from "../../src/gpu/program.ts"
import { checkedOf, type Loss } from "../../src/index.ts"
import { outputsOf } from "../../src/outputs.ts"
import { readSettings } from "../../src/run/settings.ts"
import { schedule } from "../../src/schedule.ts"
import { textFor } from "../../src/run/gpu-pipelines.js"
import * as library from "../../src/stdlib.ts"
import { describeGpu, nagaErrors, tintErrors } from "./device.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

/** Entries that together call each function that subgroups change: the rest of the shader is as it was. */
function callers({ shader, subgroups }: GpuProgram, entries: readonly string[]): string[] {
  const bodyOf = (entry: string): string => shader.split(`fn ${entry}(`)[1]!.split("\n}")[0]!
  const changed = Array.from(subgroups!.text.matchAll(/^fn (\w+)/gm), ([, name]) => name!)
  const found = changed.map((name) => entries.find((entry) => bodyOf(entry).includes(`${name}(`)))
  expect(found, `entries that call ${changed.join()}`).not.toContain(undefined)
  return [...new Set(found as string[])]
}

describeGpu(() => {
  test.each(losses)("the shader of $name is valid", { timeout: 120_000 }, async (loss) => {
    const checked = checkedOf(loss)
    const grad = checked.inputs.filter((x) => x.type === "real" && !x.isStatic).map((x) => x.name)
    for (const reduction of ["mean", "none"] as const) {
      const { choice } = readSettings(checked, { reduction, grad, dtype: "f32" })
      const outputs = outputsOf(checked, { ...choice, given: new Set(grad) })
      const program = gpuProgram(schedule(outputs, { dtype: "f32", owner: true }))
      const { shader, dispatches } = program
      const entries = dispatches.flatMap((x) => x.entries.map((entry) => entry!.name))
      expect(await tintErrors(shader, entries)).toEqual([])
      expect(await nagaErrors(shader)).toEqual([])
      // Naga does not know the directive.
      const text = textFor({ features: new Set(["subgroups"]) }, program)
      if (text !== shader) expect(await tintErrors(text, callers(program, entries))).toEqual([])
    }
  })
})
