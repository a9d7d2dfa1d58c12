// The types that TypeScript reads from the header of a source: `tsc` checks this file, and the last test runs `tsc` on it.
import { execFileSync } from "node:child_process"
import { expect, expectTypeOf, test } from "vitest"
import { type AnyKernel, compile, compileAll, type Loss } from "../src/index.ts"
import { triplet } from "../src/stdlib.ts"

/** Checked, never run. */
function types(declare: () => void): void {
  expect(declare).toBeTypeOf("function")
}

const f = new Float32Array(4)
const g = new Float64Array(4)
const shaped = { data: f, shape: [2, 2] }
const int = new Int32Array(2)

test("arguments are required, optional, and nothing else", () =>
  types(() => {
    const kernel = compile("loss hinge[...](x, y; margin: real = 1) = relu(margin - x * y)").kernel()
    kernel({ x: f, y: [1, 2] })
    kernel({ x: { data: g, shape: [4] }, y: f, margin: 0.5 })
    kernel({ x: 1, y: 2 })
    // @ts-expect-error: y is missing
    kernel({ x: f })
    // @ts-expect-error: margn is no argument
    kernel({ x: f, y: f, margn: 1 })
    // @ts-expect-error: an option without axes is a number
    kernel({ x: f, y: f, margin: f })
    // @ts-expect-error: a text is no array
    kernel({ x: "1", y: f })
  }))

test("elements are typed by what the header says", () =>
  types(() => {
    const kernel = compile(`
      /// Not this: loss nothing(z) = z
      loss crossEntropy[b, ...](logits: [b, c, ...], target: index? c; // and not this: loss (
                                weight: [c] = 1, labelSmoothing: real in [0, 1] = 0, ignoreIndex: int = -100) =
        let lp = logSoftmax[c](logits) in -weight[c = target] * lp[c = target]
        where target != ignoreIndex
    `).kernel({ grad: ["logits"] })
    kernel({ logits: shaped, target: int })
    kernel({ logits: shaped, target: { data: new BigInt64Array(2), shape: [2] }, weight: f, ignoreIndex: -1 })
    kernel({ logits: f, target: 3 })
    // @ts-expect-error: labels are whole numbers
    kernel({ logits: shaped, target: new Float32Array(2) })
    // @ts-expect-error: an array with axes of its own is never one number
    kernel({ logits: 1, target: int })
    expectTypeOf(kernel({ logits: shaped, target: int }).grad.logits).toEqualTypeOf<Float32Array>()
    expectTypeOf(kernel({ logits: shaped, target: int }).loss).toEqualTypeOf<number>()
    // @ts-expect-error: only what was asked for
    expect(kernel({ logits: shaped, target: int }).grad.weight)
  }))

test("components are an axis like others", () =>
  types(() => {
    const kernel = compile(
      "loss iou[b](a: [side: (x1, y1, x2, y2)], t: [side]; w: [(x, y)] = (1, 2)) = a.x1 * w.x - t.y2",
    ).kernel({ grad: ["a"] })
    kernel({ a: shaped, t: f, w: g })
    // @ts-expect-error: components are no arguments
    kernel({ a: shaped, t: f, y1: f })
    // @ts-expect-error: an array with axes of its own is never one number
    kernel({ a: 1, t: f })
    expectTypeOf(kernel({ a: shaped, t: f }).grad).toEqualTypeOf<{ readonly a: Float32Array }>()
  }))

test("bools, choices, static and shared arguments", () =>
  types(() => {
    const loss = compile(
      `loss f[b](x: [d], m: bool, shared w: [k, d], shared s: real = 1;
                 kind: "plain" | "square" = "plain", static p: int in [1, size(d)] = 2, full: bool = false) = sum(x)`,
    )
    const kernel = loss.kernel({ static: { kind: "square", p: 1 }, grad: ["x", "w", "s"], dtype: "f64" })
    kernel({ x: shaped, m: new Uint8Array(2), w: shaped })
    kernel({ x: shaped, m: [true, false], w: shaped, s: 2, full: true })
    // @ts-expect-error: a static option is given when the kernel is made
    kernel({ x: shaped, m: [true], w: shaped, p: 2 })
    // @ts-expect-error: no such word
    loss.kernel({ static: { kind: "cube" } })
    // @ts-expect-error: no gradient by a bool
    loss.kernel({ grad: ["m"] })
    expectTypeOf(kernel({ x: shaped, m: [true], w: shaped }).grad).toEqualTypeOf<{
      readonly x: Float64Array
      readonly w: Float64Array
      readonly s: Float64Array
    }>()
  }))

test("gradients: all, buffers, and the result of reduction none", () =>
  types(() => {
    const loss = compile("loss f[b](x: [d], y: [d]; p: real > 0 = 1) = p * dot(x, y)")
    const all = loss.kernel({ grad: "all", reduction: "none" })
    const result = all({ x: shaped, y: shaped }, { grad: { x: f }, cotangent: f })
    expectTypeOf(result.grad).toEqualTypeOf<{ readonly x: Float32Array; readonly y: Float32Array }>()
    expectTypeOf(result.loss).toEqualTypeOf<Float32Array>()
    expectTypeOf(result.count).toEqualTypeOf<number>()
    loss.kernel({ grad: ["p"] })
    // @ts-expect-error: a buffer of another dtype
    all({ x: shaped, y: shaped }, { grad: { x: g } })
    // @ts-expect-error: no such argument
    loss.kernel({ grad: ["z"] })
    // @ts-expect-error: no such target
    loss.kernel({ target: "cuda" })
    const whole = compile("loss g(x: [b, d]) = sum[b, d](x)").kernel({ reduction: "none" })
    expectTypeOf(whole({ x: shaped }).loss).toEqualTypeOf<number>()
  }))

test("several losses are told apart by name", () =>
  types(() => {
    const two = "loss a[b](x) = x\nloss c[b](y) = y"
    compileAll(two).a.kernel()({ x: f })
    compileAll(two).c.kernel()({ y: f })
    compile(two, { name: "c" }).kernel()({ y: f })
    // @ts-expect-error: the loss called c takes y
    compile(two, { name: "c" }).kernel()({ x: f })
    // @ts-expect-error: which of the two?
    compile(two).kernel()
    // @ts-expect-error: there is no d
    expect(compileAll(two).d)
  }))

test("what cannot be read has loose types", () =>
  types(() => {
    expectTypeOf(compile("relu(x - y)").kernel()).toEqualTypeOf<AnyKernel>()
    expectTypeOf(compile("loss f[b](x) = x" as string).kernel()).toEqualTypeOf<AnyKernel>()
    expectTypeOf(compileAll("loss f[b](x) = x" as string)).toEqualTypeOf<Readonly<Record<string, Loss>>>()
    compile("loss broken(x").kernel()({ anything: 1 })
  }))

test("the library is typed, and any loss is a Loss", () =>
  types(() => {
    const kernel = triplet.kernel({ grad: ["a", "p", "n"] })
    kernel({ a: shaped, p: shaped, n: shaped, margin: 2 })
    // @ts-expect-error: the anchor is called a
    kernel({ anchor: shaped, p: shaped, n: shaped })
    const any: Loss = triplet
    const losses: readonly Loss[] = [triplet, compile("loss f[b](x) = x")]
    expect([any, losses])
  }))

test("tsc accepts this file", () => {
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--allowImportingTsExtensions", "--ignoreConfig"]
  const target = ["--target", "es2022", "--lib", "es2023", "--module", "nodenext", "--types", "node"]
  const tsc = new URL("../node_modules/typescript/bin/tsc", import.meta.url).pathname
  const file = new URL(import.meta.url).pathname
  let found = ""
  try {
    execFileSync(process.execPath, [tsc, ...options, ...target, file], { encoding: "utf8" })
  } catch (error) {
    found = (error as { stdout: string }).stdout
  }
  expect(found.split("\n").filter((line) => line.includes("types.test.ts"))).toEqual([])
}, 60_000)
