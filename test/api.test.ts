// The surface: compiling, kernels and their options, results, and what the library exports.
import { describe, expect, test } from "vitest"
import { compile, compileAll, Loss, LossError } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { libraryLosses } from "../src/stdlib.generated.ts"

const hinge = "/// Margin loss.\nloss hinge[b](x, y; margin: real = 1) = relu(margin - x * y)"
const linear = "loss linear[b](x: [d], shared w: [d]; scale: real = 1) = scale * dot(x, w)^2"
const x = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }
const w = Float64Array.of(1, 0, -1)

describe("compile", () => {
  test("gives the only loss of a source", () => {
    const loss = compile(hinge)
    expect(loss).toBeInstanceOf(Loss)
    expect(loss.name).toBe("hinge")
    expect(loss.doc).toBe("Margin loss.")
    expect(loss.source).toBe(hinge)
    expect(loss.signature).toBe("loss hinge[b](x, y; margin: real = 1)")
    expect(loss.inputs.map(({ name, role, axes, optional }) => [name, role, axes, optional])).toEqual([
      ["x", "sample", ["b"], false],
      ["y", "sample", ["b"], false],
      ["margin", "option", [], true],
    ])
    expect(loss.inputs[2]!.default).toBe(1)
  })

  test("gives the loss of a name, or all by name", () => {
    const two = `${hinge}\n${linear}`
    expect(compile(two, { name: "linear" }).name).toBe("linear")
    expect(Object.keys(compileAll(two))).toEqual(["hinge", "linear"])
    expect(() => compile(two)).toThrow(/hinge.*linear/)
    expect(() => compile(two, { name: "hing" })).toThrow(/did you mean `hinge`/)
  })

  test("reads a bare expression, with options by name", () => {
    const loss = compile("relu(sqdist(a, p) - sqdist(a, n) + margin)", { params: { margin: 1 } })
    expect(loss.inputs.map(({ name, role }) => [name, role])).toEqual([
      ["a", "sample"],
      ["p", "sample"],
      ["n", "sample"],
      ["margin", "option"],
    ])
    const kernel = loss.kernel({ dtype: "f64", grad: ["a"] })
    const { loss: value, grad } = kernel({ a: x, p: x, n: x, margin: 2 })
    expect(value).toBe(2)
    expect(Array.from(grad["a"]!)).toEqual([0, 0, 0, 0, 0, 0])
    expect(loss.signature).toMatch(
      /^loss \w+\[\w+\]\(a: \[\w+\], p: \[\w+\], n: \[\w+\]; margin: real = 1\)$/,
    )
  })

  test("throws everything that is wrong with a text at once", () => {
    try {
      compile("loss f[b](x) = y + z", { file: "mine.loss" })
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof LossError)) throw error
      expect(error.diagnostics.map(({ code }) => code)).toEqual(["unknown-name", "unknown-name"])
      expect(error.message).toContain("mine.loss:1:16")
    }
  })

  test("passes warnings on, and puts errors first", () => {
    const warnings: string[] = []
    compile("loss f[b](x, y) = x", { onWarning: ({ code }) => warnings.push(code) })
    expect(warnings).toEqual(["unused-argument"])
    try {
      compile("loss g[b](x, y) = x\nloss f[b](x) = x + z", { onWarning: () => expect.unreachable() })
      expect.unreachable()
    } catch (error) {
      if (!(error instanceof LossError)) throw error
      expect(error.diagnostics.map(({ severity }) => severity)).toEqual(["error", "warning"])
      expect(error.code).toBe("unknown-name")
    }
  })

  test("reads other files only through the loader", () => {
    const load = (path: string): string | undefined =>
      path === "./mine.loss" ? "def twice(x) = 2 * x" : undefined
    const source = 'use "./mine.loss"\nloss f[b](x) = twice(x)'
    expect(compile(source, { load }).kernel()({ x: Float32Array.of(1, 2) }).loss).toBe(3)
    expect(() => compile(source)).toThrow(LossError)
    expect(() => compile('use "./other.loss"\nloss f[b](x) = x', { load })).toThrow(LossError)
  })
})

describe.each(["js", "interpret"] as const)("kernels on %s", (target) => {
  test("value, gradients, count and per", () => {
    const kernel = compile(linear).kernel({ target, dtype: "f64", grad: ["x", "w", "scale"] })
    const { loss, grad, count, per, shape } = kernel({ x, w })
    expect(loss).toBe(4)
    expect(Array.from(grad.x, (v) => v + 0)).toEqual([-2, 0, 2, -2, 0, 2])
    expect(Array.from(grad.w)).toEqual([-10, -14, -18])
    expect(Array.from(grad.scale)).toEqual([4])
    expect([count, per, shape]).toEqual([2, 2, [2]])
  })

  test("reductions", () => {
    const loss = compile(linear)
    expect(loss.kernel({ target, reduction: "sum" })({ x, w }).loss).toBe(8)
    const none = loss.kernel({ target, reduction: "none", dtype: "f64", grad: ["w"] })
    expect(Array.from(none({ x, w }).loss)).toEqual([4, 4])
    expect(Array.from(none({ x, w }).grad.w)).toEqual([-20, -28, -36])
    const weighted = none({ x, w }, { cotangent: Float64Array.of(1, 0) })
    expect(Array.from(weighted.grad.w)).toEqual([-4, -8, -12])
    expect(() => none({ x, w }, { cotangent: [1, 2, 3] })).toThrow(/cotangent/)
    expect(() => loss.kernel({ target })({ x, w }, { cotangent: [1, 2] })).toThrow(/cotangent/)
  })

  test("gradients into the caller's buffers, of the dtype asked for", () => {
    const kernel = compile(linear).kernel({ target, grad: "all" })
    const own = new Float32Array(6).fill(9)
    const { grad } = kernel({ x, w }, { grad: { x: own } })
    expect(grad.x).toBe(own)
    expect(Array.from(own, (v) => v + 0)).toEqual([-2, 0, 2, -2, 0, 2])
    expect(grad.w).toBeInstanceOf(Float32Array)
    expect(Object.keys(grad)).toEqual(["x", "w"])
  })

  test("options change without compiling again", () => {
    const kernel = compile(hinge).kernel({ target, dtype: "f64" })
    const y = Float64Array.of(1, 1)
    const losses = Array.from(
      { length: 10 },
      (_, i) => kernel({ x: Float64Array.of(0.5, 1), y, margin: i / 2 }).loss,
    )
    expect(losses).toEqual([0, 0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75])
    expect(kernel.variants).toBe(1)
    kernel({ x: Float64Array.of(1), y: [1] })
    expect(kernel.variants).toBe(1)
  })

  test("an optional array is a variant, and so is another type of array", () => {
    const kernel = compile("loss f[b](x: [c]; weight: [c] = 1) = sum[c](weight * x)").kernel({
      target,
      dtype: "f64",
    })
    expect(kernel({ x }).loss).toBe(10.5)
    expect(kernel({ x, weight: [1, 1, 0] }).loss).toBe(6)
    expect(kernel.variants).toBe(2)
    kernel({ x: { data: Float32Array.from(x.data), shape: x.shape } })
    expect(kernel.variants).toBe(target === "js" ? 3 : 2)
    kernel({ x, weight: [2, 2, 2] })
    expect(kernel.variants).toBe(target === "js" ? 3 : 2)
  })

  test("the gradient by an array that is left out is the gradient at its default", () => {
    const kernel = compile("loss f[b](x: [c], weight: [c] = 1) = sum[c](weight * x)").kernel({
      target,
      dtype: "f64",
      grad: ["weight"],
      reduction: "sum",
    })
    expect(Array.from(kernel({ x }).grad.weight)).toEqual(Array.from(x.data))
  })

  test("static options and choices are fixed when the kernel is made", () => {
    const loss = compile(
      'loss f[b](x; kind: "plain" | "square" = "plain", static p: real = 1) = (if kind == "square" then x^2 else x) * p',
    )
    expect(loss.kernel({ target })({ x: [3] }).loss).toBe(3)
    expect(loss.kernel({ target, static: { kind: "square", p: 2 } })({ x: [3] }).loss).toBe(18)
  })

  test("a static size of an axis, and a domain that keeps indices in range", () => {
    const loss = compile(
      "loss f[b](x: [d], at: int in [0, size(d) - 1]; static n: int >= 1 = 2) = let axis i = 1 .. n in sum[i](i * x[d = at])",
    )
    expect(loss.kernel({ target })({ x, at: [0, 2] }).loss).toBe(3 * 3.5)
    expect(loss.kernel({ target, static: { n: 3 } })({ x, at: [0, 2] }).loss).toBe(6 * 3.5)
    const grad = { x: new Float32Array(6).fill(7) }
    expect(() => loss.kernel({ target, grad: ["x"] })({ x, at: [0, 3] }, { grad })).toThrow(
      /`at` is 3 in row 1/,
    )
    expect(grad.x).toEqual(new Float32Array(6).fill(7))
    expect(() => loss.kernel({ target, static: { n: 0 } })).toThrow(/`n` is 0/)
  })

  test("rows that are left out and weights of rows", () => {
    const kernel = compile("loss f[b](x, w) = x * w where x > 0 per w").kernel({
      target,
      dtype: "f64",
      grad: ["x"],
    })
    const { loss, grad, count, per } = kernel({ x: [1, -1, 3], w: [1, 5, 3] })
    expect([loss, count, per]).toEqual([2.5, 2, 4])
    expect(Array.from(grad.x)).toEqual([0.25, 0, 0.75])
  })

  test("one number for the whole batch", () => {
    const kernel = compile("loss spread(x: [b, d]) = sum[d](mean[b](x)^2)").kernel({
      target,
      dtype: "f64",
      grad: ["x"],
      reduction: "none",
    })
    const { loss, grad, shape } = kernel({ x })
    expect(loss).toBe(2.5 ** 2 + 3.5 ** 2 + 4.5 ** 2)
    expect(Array.from(grad.x)).toEqual([2.5, 3.5, 4.5, 2.5, 3.5, 4.5])
    expect(shape).toEqual([])
  })

  test("Hessian-vector products", () => {
    const kernel = compile("loss f[b](x, y; s: real = 2) = s * x^2 * y").kernel({
      target,
      dtype: "f64",
      reduction: "sum",
      hvp: ["x", "s"],
      grad: ["x"],
    })
    const result = kernel({ x: [1, 2], y: [3, 4] }, { direction: { x: [1, 10], s: 0.5 } })
    // d/dx: 2 s x y; its derivatives: by x 2 s y, by s 2 x y.
    expect(Array.from(result.grad.x)).toEqual([12, 32])
    expect(Array.from(result.hvp.x)).toEqual([4 * 3 * 1 + 0.5 * 6, 4 * 4 * 10 + 0.5 * 16])
    expect(Array.from(result.hvp.s)).toEqual([2 * 1 * 3 * 1 + 2 * 2 * 4 * 10])
    expect(() => kernel({ x: [1, 2], y: [3, 4] })).toThrow(/direction/)
  })

  test("nothing is written when a call is refused", () => {
    const kernel = compile("loss f[b](z: [c], y: index c; m: real > 0 = 1) = m * z[c = y]").kernel({
      target,
      dtype: "f64",
      grad: ["z", "m"],
    })
    const grad = { z: new Float64Array(6).fill(7), m: new Float64Array(2).fill(7) }
    expect(() => kernel({ z: x, y: [0, 1] }, { grad })).toThrow(LossError)
    expect(grad.z).toEqual(new Float64Array(6).fill(7))
  })
})

describe("emit and explain", () => {
  type Run = (inputs: object, options?: object) => { loss: number; grad: Record<string, Float64Array> }

  test("a module computes what the kernel computes", async () => {
    const loss = compile(linear)
    const options = { dtype: "f64", grad: ["x", "w"] } as const
    const files = loss.emit(options)
    expect(files.map(({ name }) => name)).toEqual(["linear.js", "linear.d.ts"])
    expect(loss.emit(options)).toEqual(files)
    const { default: run } = (await import(
      `data:text/javascript,${encodeURIComponent(files[0]!.text)}`
    )) as unknown as { default: Run }
    const made = run({ x, w, scale: 3 })
    const { loss: value, grad } = loss.kernel(options)({ x, w, scale: 3 })
    expect(made.loss).toBe(value)
    expect(made.grad).toEqual({ ...grad })
    expect(() => run({ x, w: Float64Array.of(1) })).toThrow()
  })

  test("what a module cannot do is refused", () => {
    const loss = compile(hinge)
    expect(() => loss.emit({ target: "interpret" })).toThrow(LossError)
    expect(() => loss.emit({ target: "wgsl", dtype: "f64" })).toThrow(/computes in f32/)
    expect(() => loss.emit({ target: "wgsl", workgroupSize: 48 })).toThrow(/power of two/)
    expect(() => loss.emit({ target: "js", workgroupSize: 64 })).toThrow(/power of two/)
    expect(() => loss.emit({ grad: ["z"] })).toThrow(/`z`/)
  })

  test("an explanation shows the header, the core, the gradients and the loops", () => {
    const text = compile(hinge).explain({ grad: ["x"] })
    for (const part of ["loss hinge[b](x, y; margin: real = 1)", "d x[b]", "relu", "for "])
      expect(text).toContain(part)
    expect(compile(hinge).explain({ grad: ["x"] })).toBe(text)
  })

  test("a static truth leaves only its branch", () => {
    const loss = compile("loss f[...](x; static squared: bool = true) = if squared then x^2 else exp(x)")
    const core = (squared: boolean): string =>
      loss.explain({ grad: ["x"], static: { squared } }).split("gradients")[1]!
    expect(core(true)).not.toMatch(/exp|if (1|true) then/)
    expect(core(false)).not.toMatch(/\^2|if (0|false) then/)
  })
})

describe("targets", () => {
  test("that of a device is not a kernel here", () => {
    for (const target of ["wgsl"] as const)
      try {
        compile(hinge).kernel({ target })
        expect.unreachable()
      } catch (error) {
        if (!(error instanceof LossError)) throw error
        expect(error.code).toBe("target-unavailable")
        expect(error.message).toContain(target)
      }
  })
})

describe("the library", () => {
  test.each(libraryLosses.map(({ name }) => name))("%s is exported and compiles", (name) => {
    const loss = (library as unknown as Readonly<Record<string, Loss>>)[name]!
    expect(loss).toBeInstanceOf(Loss)
    expect(loss.name).toBe(name)
    expect(loss.signature).toBe(libraryLosses.find((one) => one.name === name)!.header)
    expect(loss.doc.length).toBeGreaterThan(20)
  })

  test("has nothing else", () => {
    expect(Object.keys(library).sort()).toEqual(libraryLosses.map(({ name }) => name).sort())
  })
})
