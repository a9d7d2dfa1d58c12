// Nests of loops whose iterations may run at once are one loop over all of them.
import { expect, test } from "vitest"
import { compile } from "../../src/index.ts"

const sizes = { b: 8, c: 3, h: 64, w: 32 }
/** What takes the rows of the first dispatch. */
function rows(text: string, grad: string[] = []): string {
  const explained = compile(text).explain({ target: "wgsl", grad, sizes })
  return / 1\. (.*)$/m.exec(explained)![1]!
}

test("a thread takes a pixel, not an image", () => {
  const text = "loss l[b](x: [c, h, w], y: [c, h, w]) = sum[c, h, w]((x - y)^2) / 2"
  expect(rows(text, ["x"])).toBe("49152 rows, a thread each")
})

test("a nest goes along arrays, which have vectors", () => {
  const text = "loss l[b](x: [c, h, w], y: [c, h, w]) = sum[c, h, w]((x - y)^2) / 2"
  expect(compile(text).explain({ target: "wgsl", grad: ["x"], sizes })).toContain(
    "in vectors of 4: x, y, d x\n",
  )
})

test("a sum of an image that is not only added stays with its image", () => {
  expect(rows("loss l[b](x: [c, h, w]) = sqrt(sum[c, h, w](x^2))")).toMatch(/^8 rows, a thread each, or/)
})

test("pairs that no array holds stay in a loop", () => {
  expect(rows("loss l(x: [b, w]) = mean[b, w, j in w](softplus(x - x[w = j]))")).toBe(
    "256 rows, a thread each, or a workgroup where they are long",
  )
})
