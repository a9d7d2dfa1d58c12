import { expect, test } from "vitest"
import { agree, apart, rounding } from "../bench/agree.ts"
import { byHand, generated } from "../bench/generated.ts"
import { works } from "../bench/rows.ts"

for (const work of works)
  for (const target of ["js", "wasm"] as const)
    test(`${work.name}: the loop by hand computes what the ${target} kernel does`, () => {
      const row = work.at(work.sizes[0])
      const [hand, kernel] = [byHand(row), generated(row, { target })(row)]
      const [wanted, found] = [hand, kernel].map(({ run, out }) => ({ loss: run(), grad: out }))
      expect(wanted!.loss).not.toBe(0)
      for (const name of row.grad) expect(wanted!.grad[name]!.some((x) => x !== 0)).toBe(true)
      agree(row.title, wanted!, found!, rounding)
    })

test("a side that computes something else is an error", () => {
  const one = { loss: 1, grad: { x: [1, 2] } }
  expect(() => agree("it", one, { loss: 1, grad: { x: [1, 3] } }, rounding)).toThrow(/it: .*differ by 5.0e-1/)
  expect(() => agree("it", one, { loss: 2, grad: { x: [1, 2] } }, rounding)).toThrow("the loss is 2, not 1")
  expect(() => agree("it", one, { loss: 1, grad: { x: [NaN, 2] } }, rounding)).toThrow()
  expect(() => agree("it", one, { loss: 1, grad: { x: [1] } }, rounding)).toThrow("has 1 elements, not 2")
  expect(apart(one, one)).toEqual({ loss: 0, gradient: 0 })
})
