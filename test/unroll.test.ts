// Unrolled loops against the loops they are made from, for every loss of the library.
import { describe, expect, test } from "vitest"
import { derive, lower } from "../src/compile.ts"
import { checkedOf } from "../src/index.ts"
import type { Kernel } from "../src/loops.ts"
import { ops } from "../src/ops.ts"
import * as library from "../src/stdlib.ts"
import { interpretLoops } from "../src/run/loops.ts"
import { verify } from "../src/run/verify.ts"
import { unroll } from "../src/unroll.ts"
import { random } from "./emit.data.ts"

const losses = Object.entries(library).map(([name, loss]) => ({ name, loss: checkedOf(loss) }))

function kernelOf(loss: (typeof losses)[number]["loss"]): Kernel {
  const statics = new Map<string, number>()
  for (const input of loss.inputs)
    if (input.isStatic) {
      const value = input.default && "expr" in input.default ? input.default.expr : undefined
      // Iterations are all alike: three of them show what many would.
      statics.set(input.name, input.name === "nIter" ? 3 : value?.kind === "const" ? value.value : 1)
    }
  const grad = loss.inputs.filter((x) => x.type === "real" && x.role !== "option").map((x) => x.name)
  const choice = { reduction: "mean", grad, statics, given: new Set<string>(), emptyMean: "zero" } as const
  return lower(derive(loss, choice), { dtype: "f32" })
}

/** Everything a kernel makes of random arguments with the given sizes; undefined if the sizes do not suit it. */
function results(kernel: Kernel, made: Kernel, sizes: readonly number[]): number[][] | undefined {
  const next = random(3)
  const known = new Map<number, number>()
  const value = (x: Kernel["inputs"][number]["length"]): number =>
    x.kind === "number" ? x.value : known.get(x.id)!
  kernel.scalars.forEach((s) => known.set(s.id, 0.5))
  for (const { id, value: v } of kernel.sizes)
    known.set(
      id,
      v.kind === "size"
        ? sizes[kernel.sizeNames.indexOf(v.name)]!
        : (ops[v.op].eval as (...args: number[]) => number)(...v.args.map(value)),
    )
  if ([...known.values()].some((x) => x < 0)) return undefined
  const inputs = kernel.inputs.map(({ element, length }) =>
    Float64Array.from({ length: value(length) }, () =>
      element === "int" ? Math.floor(next() * 2) : element === "bool" ? +(next() < 0.5) : 0.1 + 0.8 * next(),
    ),
  )
  const scalars = kernel.scalars.map(({ input }) =>
    input.type === "int" ? 1 : input.type === "bool" ? 1 : 0.5,
  )
  const outputs = kernel.outputs.map(({ length }) => new Float64Array(value(length)).fill(NaN))
  const numbers = interpretLoops(made, { inputs, outputs, scalars, sizes })
  return [[...numbers], ...outputs.map((o) => [...o])]
}

describe.each(losses)("$name", ({ loss }) => {
  const kernel = kernelOf(loss)
  const made = unroll(kernel)

  test("stays well formed", () => {
    expect(verify(kernel)).toEqual([])
    expect(verify(made)).toEqual([])
  })

  test("keeps its results", () => {
    for (const n of [1, 2, 3, 5, 9, 19])
      for (const m of [1, 2, 4])
        for (const rest of [1, 2]) {
          const sizes = kernel.sizeNames.map((name, i) => (name === "..." ? rest : i === 0 ? n : m + 1))
          let wanted: number[][] | undefined
          try {
            wanted = results(kernel, kernel, sizes)
          } catch {
            continue
          }
          const found = results(kernel, made, sizes)!
          wanted?.forEach((list, k) =>
            list.forEach((x, i) => {
              const y = found[k]![i]!
              if (!Object.is(x, y) && !(Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x))))
                expect.fail(`sizes ${sizes.join()}: array ${k}, element ${i} is ${y}, not ${x}`)
            }),
          )
        }
  })
})
