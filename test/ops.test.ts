// Every operator, from the table: derivatives against the complex step, bounds, symmetry, and constant folding.
import { describe, expect, test } from "vitest"
import { complex, complexes, step } from "../src/complex.ts"
import { Core, type Expr } from "../src/ir.ts"
import { type Interval, type OpName, type Operator, ops } from "../src/ops.ts"
import { template } from "../src/pattern.ts"
import { doubles } from "../src/run/doubles.ts"
import { evaluator } from "../src/run/interpret.ts"
import type { Input } from "../src/types.ts"

const samples = 200

function random(seed: number): () => number {
  let a = seed
  return () => {
    a = (Math.imul(a, 1664525) + 1013904223) | 0
    return (a >>> 0) / 2 ** 32
  }
}

const inputOf = (name: string, takes: string): Input => ({
  name,
  type: takes === "bool" ? "bool" : takes === "int" ? "int" : "real",
  role: "sample",
  dimensions: [],
  isStatic: false,
})

function draw(entry: Operator, next: () => number): number[] {
  return entry.params.map((name, i) => {
    const [low, high]: Interval = entry.domain?.[name] ?? [-8, 8]
    const value = low + (high - low) * next()
    const takes = entry.takes[i]
    return takes === "bool" ? (value > 0 ? 1 : 0) : takes === "int" ? Math.round(value) : value
  })
}

const valueOf = (e: Expr, values: ReadonlyMap<Input, number>): number =>
  evaluator(doubles, { sizes: new Map(), elements: (input) => [values.get(input)!] }).scalar(e)

for (const name of Object.keys(ops) as OpName[]) {
  const entry = ops[name]
  describe(name, () => {
    const core = new Core()
    const inputs = entry.params.map((p, i) => inputOf(p, entry.takes[i]!))
    const holes = Object.fromEntries(entry.params.map((p, i) => [p, core.load(inputs[i]!)]))
    const whole = core.raw(
      name,
      inputs.map((x) => core.load(x)),
    )
    const at = (values: readonly number[]): Map<Input, number> =>
      new Map(inputs.map((x, i) => [x, values[i]!]))
    const kinks = (entry.kinks ?? []).map((text) => template(text)(core, holes))
    const near = (values: readonly number[]): boolean =>
      kinks.some((k) => Math.abs(valueOf(k, at(values))) < 1e-3)

    test("the value is inside the bounds", () => {
      if (!entry.bounds) return
      const next = random(1)
      for (let i = 0; i < samples; i++) {
        const [x, y] = [draw(entry, next), draw(entry, next)]
        const box = x.map((v, k): Interval => [Math.min(v, y[k]!), Math.max(v, y[k]!)])
        const [low, high] = entry.bounds(...box)
        const inside = box.map(([a, b], k) =>
          entry.takes[k] === "number" ? a + (b - a) * next() : next() < 0.5 ? a : b,
        )
        const value = entry.eval(...inside)
        if (Number.isNaN(value)) continue
        const slack = 1e-12 * Math.max(1, Math.abs(value))
        expect(
          value >= low - slack && value <= high + slack,
          `${inside.join()} gives ${value}, not in ${low} .. ${high}`,
        ).toBe(true)
      }
    })

    if (entry.commutative)
      test("arguments may be exchanged", () => {
        const next = random(2)
        for (let i = 0; i < samples; i++) {
          const [x, y] = draw(entry, next) as [number, number]
          expect(entry.eval(x, y)).toBe(entry.eval(y, x))
        }
      })

    for (const [k, param] of entry.params.entries()) {
      const partial = entry.partials?.[param]
      if (partial === undefined || name === "surrogate") continue
      test(`the derivative by ${param} is ${partial}`, () => {
        const derivative = template(partial)(core, { ...holes, out: whole })
        const next = random(3)
        for (let i = 0; i < samples; i++) {
          const values = draw(entry, next)
          if (near(values)) continue
          const args = values.map((v, j) => complex(v, j === k ? step : 0))
          const exact = complexes.apply(name, args).im / step
          const ours = valueOf(derivative, at(values))
          expect(Math.abs(ours - exact), `at ${values.join()}: ${ours} against ${exact}`).toBeLessThanOrEqual(
            1e-12 * Math.max(1e-3, Math.abs(exact)),
          )
        }
      })
    }

    if (entry.kept !== undefined)
      test(`the derivative by each of three operands, where the value is kept, is ${entry.kept}`, () => {
        const derivative = template(entry.kept!)(core, { x: holes["x"]!, out: holes["y"]! })
        const next = random(6)
        for (let i = 0; i < samples; i++) {
          const values = [...draw(entry, next), draw(entry, next)[0]!]
          const value = entry.eval(entry.eval(values[0]!, values[1]!), values[2]!)
          for (const [k, x] of values.entries()) {
            const [a, b, c] = values.map((v, j) => complex(v, j === k ? step : 0))
            const exact = complexes.apply(name, [complexes.apply(name, [a!, b!]), c!]).im / step
            const ours = valueOf(derivative, at([x, value]))
            expect(Math.abs(ours - exact), `at ${values.join()}`).toBeLessThanOrEqual(
              1e-12 * Math.max(1e-3, Math.abs(exact)),
            )
          }
        }
      })

    if (entry.means !== undefined)
      test(`the value is ${entry.means}`, () => {
        const meaning = template(entry.means!)(core, holes)
        const next = random(5)
        for (let i = 0; i < samples; i++) {
          const values = draw(entry, next)
          const [value, ours] = [entry.eval(...values), valueOf(meaning, at(values))]
          expect(Math.abs(ours - value), `at ${values.join()}`).toBeLessThanOrEqual(
            1e-9 * Math.max(1, Math.abs(value)),
          )
        }
      })

    if (entry.latex !== undefined)
      test("its LaTeX shows every parameter", () => {
        for (const param of entry.params) expect(entry.latex).toContain(`$${param}`)
      })

    test("constants fold to the reference value", () => {
      const next = random(4)
      const folding = new Core()
      for (let i = 0; i < 20; i++) {
        const values = draw(entry, next)
        const e = folding.raw(
          name,
          values.map((v, k) => (entry.takes[k] === "bool" ? folding.bool(v !== 0) : folding.const(v))),
        )
        expect(e.kind).toBe("const")
        expect((e as { value: number }).value).toBe(entry.eval(...values))
      }
    })
  })
}
