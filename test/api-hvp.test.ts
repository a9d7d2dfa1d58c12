// Hessian-vector products against the complex step of the gradients: exact, and without a second derivative rule.
import { describe, expect, test } from "vitest"
import { complex, complexes, step } from "../src/complex.ts"
import { checkedOf, type Loss } from "../src/index.ts"
import { makeKernel } from "../src/kernel.ts"
import { outputsOf } from "../src/outputs.ts"
import { interpret } from "../src/run/interpret.ts"
import { readSettings } from "../src/run/settings.ts"
import * as library from "../src/stdlib.ts"
import { random } from "../src/testing/random.ts"
import { findSite, siteMaker } from "../src/testing/site.ts"

const cases: readonly (readonly [string, Loss, readonly string[]])[] = [
  ["mse", library.mse, ["pred"]],
  ["crossEntropy", library.crossEntropy, ["logits"]],
  ["binaryCrossEntropyWithLogits", library.binaryCrossEntropyWithLogits, ["logits", "target"]],
  ["tripletCosine", library.tripletCosine, ["a", "p", "n"]],
  ["infoNce", library.infoNce, ["q", "k", "tau"]],
  ["gaussianNll", library.gaussianNll, ["input", "var"]],
]

describe.each(["js", "interpret"] as const)("Hessian-vector products on %s", (target) => {
  test.each(cases)("%s", (_, loss, names) => {
    const checked = checkedOf(loss)
    for (let seed = 1; seed <= 3; seed++) {
      const draw = random(seed)
      const options = { target, dtype: "f64", hvp: names } as const
      const settings = readSettings(checked, { dtype: "f64", grad: names })
      const site = findSite(checked, {}, settings.statics, draw, siteMaker(checked, settings, draw))
      if (typeof site === "string") throw new Error(site)
      const { bound, point, inputs } = site
      const wrt = names.map((name) => checked.inputs.find((input) => input.name === name)!)
      const direction = new Map(
        wrt.map((input) => [
          input.name,
          Float64Array.from({ length: point.size(input) }, () => draw.real(-1, 1)),
        ]),
      )

      const outputs = outputsOf(checked, { ...settings.choice, given: new Set(bound.given) })
      const { arrays, scalars } = interpret(complexes, outputs, {
        sizes: bound.sizes,
        elements: (input) =>
          Array.from(bound.arrays.get(input) ?? [bound.scalars.get(input)!], (x, i) =>
            complex(x, step * (direction.get(input.name)?.[i] ?? 0)),
          ),
      })
      const exact = new Map<string, readonly number[]>(
        outputs.arrays.map(({ name }, i) => [name, arrays[i]!.map(({ im }) => im / step)]),
      )
      for (const name of names)
        if (!exact.has(name)) exact.set(name, [scalars.get(`grad:${name}`)!.im / step])

      const { hvp } = makeKernel(checked, options)(inputs, { direction: Object.fromEntries(direction) })
      const scale = Math.max(1, ...[...exact.values()].flat().map(Math.abs))
      for (const name of names)
        exact.get(name)!.forEach((value, i) => {
          expect(
            Math.abs(hvp[name]![i]! - value) / scale,
            `${name}[${i}]: ${hvp[name]![i]} and ${value}`,
          ).toBeLessThan(1e-10)
        })
    }
  })
})
