// Calls that are wrong: each gets its code, and nothing is written. Calls that are unusual and right.
import { afterEach, describe, expect, test, vi } from "vitest"
import { runCatalogue, type RunCode } from "../src/catalogue/run.ts"
import { compile, LossError } from "../src/index.ts"

/** The diagnostic of what a function throws. */
function thrown(f: () => unknown) {
  try {
    f()
  } catch (error) {
    if (!(error instanceof LossError)) throw error
    return error.diagnostics[0]!
  }
  throw new Error("nothing was thrown")
}

describe("the catalogue", () => {
  const elsewhere = ["code-generation-forbidden", "destroyed", "out-of-memory", "worker-lost"]
  const onDevices = ["device-lost", "device-error", "device-limit", "not-finite"]
  const codes = (Object.keys(runCatalogue) as RunCode[]).filter(
    (code) => ![...elsewhere, ...onDevices].includes(code),
  )
  test.each(codes)("%s is what its example raises", (code) => {
    const { example, kernel = {}, call } = runCatalogue[code]
    const run = (): unknown => {
      const made = compile(example as string).kernel(kernel)
      return call && made(...(call() as [never, never]))
    }
    const found = thrown(run)
    expect(found.code).toBe(code)
    expect(found.message.length).toBeGreaterThan(20)
  })
})

const triplet =
  "loss triplet[b](a: [d], p: [d], n: [d]; margin: real = 1) = relu(sqdist(a, p) - sqdist(a, n) + margin)"
const crossEntropy = `loss crossEntropy[b, ...](logits: [b, c, ...], target: index? c; ignoreIndex: int = -100) =
  -logSoftmax[c](logits)[c = target] where target != ignoreIndex`
const picked = "loss picked[b](z: [c], y: index c) = z[c = y]"

const two = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }

describe.each(["js", "wasm", "interpret"] as const)("bad batches on %s", (target) => {
  test("sizes that disagree name both arguments and the axis", () => {
    const kernel = compile(triplet).kernel({ target })
    const found = thrown(() => kernel({ a: two, p: two, n: { data: new Float64Array(8), shape: [2, 4] } }))
    expect(found.message).toBe("`n` and `a` disagree about axis d: 4 in `n`, 3 in `a`")
    expect(found.details).toMatchObject({ argument: "n", other: "a", axis: "d" })
  })

  test("components fix the size of their axis, in a batch and in one row", () => {
    const kernel = compile("loss width[b](box: [side: (x1, y1, x2, y2)]) = box.x2 - box.x1").kernel({
      target,
    })
    const box = (shape: number[]): object => {
      const length = shape.reduce((x, y) => x * y, 1)
      return { box: { data: Float64Array.from({ length }, (_, i) => i * i), shape } }
    }
    expect(kernel(box([2, 4]) as never)).toMatchObject({ loss: (4 + 36 - 16) / 2, count: 2 })
    expect(kernel(box([4]) as never)).toMatchObject({ loss: 4, count: 1, shape: [] })
    for (const shape of [[2, 3], [5]]) {
      const found = thrown(() => kernel(box(shape) as never))
      expect(found.message).toBe(
        `axis side of \`box\` has ${shape.at(-1)} elements; expected 4 (x1, y1, x2, y2)`,
      )
      expect(found.details).toMatchObject({ argument: "box", axis: "side", expected: 4 })
    }
  })

  test("[3] is not [3, 1], and nothing is stretched", () => {
    const kernel = compile("loss mse[...](x, y) = (x - y)^2").kernel({ target })
    const x = { data: new Float64Array(3), shape: [3] }
    expect(thrown(() => kernel({ x, y: { data: new Float64Array(3), shape: [3, 1] } })).code).toBe(
      "size-mismatch",
    )
    expect(thrown(() => kernel({ x, y: { data: new Float64Array(1), shape: [1] } })).code).toBe(
      "size-mismatch",
    )
    expect(
      thrown(() => kernel({ x: { ...x, shape: [3, 1] }, y: { data: new Float64Array(3), shape: [1, 3] } }))
        .code,
    ).toBe("size-mismatch")
  })

  test.for([
    [Int32Array.of(0, 3), "label-range", 1, 3],
    [Int32Array.of(-1, 0), "label-range", 0, -1],
    [Float64Array.of(0, 1.5), "not-integer", 1, 1.5],
    [Float64Array.of(NaN, 1), "not-integer", 0, NaN],
    [Float64Array.of(2 ** 40, 1), "label-range", 0, 2 ** 40],
    [BigInt64Array.of(1n, 2n ** 40n), "label-range", 1, 2 ** 40],
    [[1, Infinity], "not-integer", 1, Infinity],
  ] as const)("a label is refused before anything is written: %o", ([y, code, row, value]) => {
    const grad = { z: new Float64Array(6).fill(7) }
    const kernel = compile(picked).kernel({ target, dtype: "f64", grad: ["z"] })
    const found = thrown(() => kernel({ z: two, y } as never, { grad }))
    expect(found.code).toBe(code)
    expect(found.details).toMatchObject({ argument: "y", row, value })
    expect(found.message).toContain("`y`")
    expect(Array.from(grad.z)).toEqual([7, 7, 7, 7, 7, 7])
  })

  test.for([
    [Int8Array.of(2, 0)],
    [Uint8Array.of(2, 0)],
    [Uint32Array.of(2, 0)],
    [Float32Array.of(2, 0)],
    [BigInt64Array.of(2n, 0n)],
    [[2, 0]],
    [new Int32Array(new SharedArrayBuffer(8)).fill(0).map((_, i) => (i === 0 ? 2 : 0))],
  ])("labels come as any array: %o", ([y]) => {
    const result = compile(picked).kernel({ target, reduction: "none", dtype: "f64" })({ z: two, y } as never)
    expect(Array.from(result.loss)).toEqual([3, 4])
  })

  test("a label that nothing reads may be anything, and one that is read may not", () => {
    const kernel = compile(crossEntropy).kernel({ target, dtype: "f64" })
    const logits = { data: new Float64Array(6), shape: [2, 3] }
    const { loss, count } = kernel({ logits, target: Int32Array.of(-100, 1) })
    expect(loss).toBeCloseTo(Math.log(3), 12)
    expect(count).toBe(1)
    const found = thrown(() => kernel({ logits, target: Int32Array.of(-100, -1) }))
    expect(found.code).toBe("label-range")
    expect(found.details).toMatchObject({ argument: "target", row: 1, value: -1 })
    expect(thrown(() => kernel({ logits, target: Int32Array.of(-100, 1), ignoreIndex: 1 })).code).toBe(
      "label-range",
    )
    expect(kernel({ logits, target: Int32Array.of(-1, 1), ignoreIndex: -1 }).count).toBe(1)
  })

  test.each([[NaN], [-1], [1.5], [2 ** 31], [2 ** 32 + 2], ["2"]])("the size %s is refused", (size) => {
    const kernel = compile("loss f[b](x) = x").kernel({ target })
    expect(thrown(() => kernel({ x: { data: new Float64Array(2), shape: [size as number] } })).code).toBe(
      "bad-size",
    )
    expect(thrown(() => compile(triplet).kernel({ target, sizes: { d: size as number } })).code).toBe(
      "bad-size",
    )
  })

  test("memory that is gone, shared with a result, or too small is refused", () => {
    const kernel = compile("loss f[b](x, y) = x * y").kernel({ target, dtype: "f64", grad: ["x", "y"] })
    const memory = new ArrayBuffer(64)
    const x = new Float64Array(memory, 0, 4)
    const y = Float64Array.of(1, 2, 3, 4)
    const grad = (array: Float64Array) => () => kernel({ x, y }, { grad: { x: array } })
    expect(thrown(grad(new Float64Array(memory, 16, 4))).code).toBe("buffer-overlap")
    expect(thrown(grad(new Float64Array(3))).code).toBe("buffer-length")
    expect(thrown(grad(new Float64Array(5))).code).toBe("buffer-length")
    const both = new Float64Array(6)
    const crossed = () => kernel({ x, y }, { grad: { x: both.subarray(0, 4), y: both.subarray(2, 6) } })
    expect(thrown(crossed).details).toMatchObject({ argument: "y", other: "x" })
    const gone = new Float64Array(4)
    structuredClone(gone, { transfer: [gone.buffer] })
    expect(thrown(grad(gone)).code).toBe("detached-buffer")
    expect(thrown(() => kernel({ x: gone, y })).code).toBe("detached-buffer")
    expect(thrown(() => kernel({ x: { data: gone, shape: [4] }, y })).code).toBe("detached-buffer")
    kernel({ x, y }, { grad: { x: new Float64Array(memory, 32, 4) } })
    expect(Array.from(new Float64Array(memory, 32, 4))).toEqual([0.25, 0.5, 0.75, 1])
  })

  test("options outside their constraint, of a wrong kind, or unknown are refused", () => {
    const kernel = compile(
      "loss f[b](x; delta: real > 0 = 1, k: int in [0, 3] = 0, on: bool = true) = if on then x * delta + k else x",
    ).kernel({ target })
    const x = Float64Array.of(1)
    const code = (options: object): string => thrown(() => kernel({ x, ...options } as never)).code
    expect(code({ delta: 0 })).toBe("option-domain")
    expect(code({ delta: NaN })).toBe("option-domain")
    expect(code({ delta: "1" })).toBe("input-kind")
    expect(code({ delta: [1] })).toBe("input-kind")
    expect(code({ k: 4 })).toBe("option-domain")
    expect(code({ k: 1.5 })).toBe("not-integer")
    expect(code({ on: 2 })).toBe("not-bool")
    expect(thrown(() => kernel({ x, delt: 1 } as never)).help).toBe("did you mean `delta`?")
  })

  test("names that every object has are ordinary", () => {
    const kernel = compile(
      "loss constructor[b](__proto__, toString; hasOwnProperty: real = 2) = __proto__ * toString * hasOwnProperty",
    ).kernel({
      target,
      dtype: "f64",
      grad: ["__proto__"],
    } as never) as (inputs: object) => { loss: number; grad: Record<string, Float64Array> }
    const inputs = JSON.parse('{ "__proto__": [1, 2], "toString": [3, 4] }') as object
    const { loss, grad } = kernel(inputs)
    expect(loss).toBe(11)
    expect(Array.from(Object.getOwnPropertyDescriptor(grad, "__proto__")!.value as Float64Array)).toEqual([
      3, 4,
    ])
    expect(thrown(() => kernel({ toString: [1] })).code).toBe("missing-argument")
    expect(thrown(() => compile("loss f[b](x) = x").kernel()({ x: 1, valueOf: 1 } as never)).code).toBe(
      "unknown-argument",
    )
  })

  test("domains of data are checked on request", () => {
    const loss = compile("loss f[b](p: real in [0, 1]) = p")
    const p = { data: Float64Array.of(0, 1.5), shape: [2] }
    expect(loss.kernel({ target, dtype: "f64" })({ p }).loss).toBe(0.75)
    const found = thrown(() => loss.kernel({ target, check: true })({ p }))
    expect(found.code).toBe("domain")
    expect(found.details).toMatchObject({ argument: "p", row: 1, value: 1.5 })
    expect(thrown(() => loss.kernel({ target, check: true })({ p: [NaN] })).code).toBe("domain")
  })

  test("bools are 0 and 1 of any kind", () => {
    const kernel = compile("loss f[b](x, m: bool) = if m then x else 0").kernel({ target, dtype: "f64" })
    const x = Float64Array.of(1, 2, 4)
    for (const m of [[true, false, true], Uint8Array.of(1, 0, 1), Float32Array.of(1, 0, 1), [1, 0, 1]])
      expect(kernel({ x, m } as never).loss).toBeCloseTo(5 / 3, 12)
    expect(thrown(() => kernel({ x, m: [true, false, 1, 0] } as never)).code).toBe("size-mismatch")
    expect(thrown(() => kernel({ x, m: [1, 0, 0.5] } as never)).details).toMatchObject({
      argument: "m",
      row: 2,
    })
  })

  test("what is no array of numbers is refused", () => {
    const kernel = compile("loss f[b](x) = x").kernel({ target })
    for (const x of [
      null,
      "1",
      {},
      { data: [1] },
      { data: "1", shape: [1] },
      [["1"]],
      [1, undefined],
      new DataView(new ArrayBuffer(8)),
    ])
      expect(thrown(() => kernel({ x } as never)).code).toBe("input-kind")
    expect(thrown(() => (kernel as (x: unknown) => unknown)(undefined)).code).toBe("input-kind")
    expect(thrown(() => (kernel as (x: unknown) => unknown)(new Float64Array(2))).code).toBe("input-kind")
    expect(thrown(() => kernel({ x: BigInt64Array.of(1n) } as never)).code).toBe("input-kind")
    expect(thrown(() => kernel({ x: undefined } as never)).code).toBe("missing-argument")
  })
})

describe("what is right", () => {
  test("one row without the batch axis", () => {
    const none = compile(crossEntropy).kernel({ reduction: "none", dtype: "f64", grad: ["logits"] })
    const one = none({ logits: { data: [0, 0, 0], shape: [3] }, target: 1 })
    expect(one.shape).toEqual([])
    expect(one.loss[0]).toBeCloseTo(Math.log(3), 12)
    expect(one.grad.logits).toHaveLength(3)
    const batch = none({ logits: { data: [0, 0, 0], shape: [1, 3] }, target: [1] })
    expect(batch.shape).toEqual([1])
    expect(batch.loss).toEqual(one.loss)
    const found = thrown(() => none({ logits: { data: [0, 0, 0], shape: [1, 3] }, target: 1 }))
    expect(["mixed-batch", "size-mismatch", "wrong-rank"]).toContain(found.code)
  })

  test("a batch of any rank keeps its shape", () => {
    const none = compile("loss mse[...](x, y) = (x - y)^2").kernel({ reduction: "none", dtype: "f64" })
    const cube = { data: new Float64Array(8).fill(2), shape: [2, 2, 2] }
    expect(none({ x: cube, y: new Float64Array(8) }).shape).toEqual([2, 2, 2])
    expect(none({ x: 3, y: 1 })).toMatchObject({ shape: [], loss: Float64Array.of(4) })
    const pixels = compile(crossEntropy).kernel({ reduction: "none", dtype: "f64" })
    const image = pixels({
      logits: { data: new Float64Array(2 * 3 * 4), shape: [2, 3, 2, 2] },
      target: { data: new Int32Array(8), shape: [2, 2, 2] },
    })
    expect(image.shape).toEqual([2, 2, 2])
    expect(image.loss).toHaveLength(8)
  })

  test("plain arrays whose other sizes are known", () => {
    const loss = compile(triplet)
    const f = new Float64Array(6)
    expect(loss.kernel({ sizes: { d: 3 } })({ a: f, p: f, n: f }).loss).toBe(1)
    expect(loss.kernel()({ a: { data: f, shape: [2, 3] }, p: f, n: f }).count).toBe(2)
    expect(thrown(() => loss.kernel()({ a: f, p: f, n: f })).help).toContain("sizes: {")
    expect(thrown(() => loss.kernel({ sizes: { d: 4 } })({ a: f, p: f, n: f })).code).toBe("size-mismatch")
  })

  test("nothing at all is a batch", () => {
    const kernel = compile(triplet).kernel({ grad: "all" })
    const none = { data: new Float32Array(0), shape: [0, 3] }
    const result = kernel({ a: none, p: none, n: none })
    expect(result).toMatchObject({ loss: 0, count: 0, per: 0 })
    expect(result.grad.a).toHaveLength(0)
    const nan = compile(triplet).kernel({ emptyMean: "nan" })
    expect(nan({ a: none, p: none, n: none }).loss).toBeNaN()
  })
})

describe("hostile surroundings", () => {
  afterEach(() => vi.unstubAllGlobals())

  test("a policy against code from text: `js` says so, and `interpret` works", () => {
    const loss = compile("loss f[b](x: [d]) = logsumexp[d](x)")
    const x = { data: Float64Array.of(0, 0), shape: [1, 2] }
    const forbidden = function (): never {
      throw new EvalError("Code generation from strings disallowed for this context")
    }
    vi.stubGlobal("Function", forbidden)
    vi.stubGlobal("eval", forbidden)
    expect(thrown(() => loss.kernel()({ x })).code).toBe("code-generation-forbidden")
    const { loss: value, grad } = loss.kernel({ target: "interpret", dtype: "f64", grad: ["x"] })({ x })
    expect(value).toBeCloseTo(Math.LN2, 14)
    expect(Array.from(grad.x)).toEqual([0.5, 0.5])
  })

  test("patched globals change neither checks nor results", () => {
    const { exp, floor, log } = Math
    const { isInteger, isSafeInteger } = Number
    const kernel = compile(picked).kernel({ target: "interpret", dtype: "f64" })
    try {
      Math.floor = Math.exp = Math.log = () => 0
      Number.isInteger = Number.isSafeInteger = () => true
      const code = thrown(() => kernel({ z: two, y: [0, 1.5] })).code
      const right = kernel({ z: two, y: [0, 1] }).loss
      expect([code, right]).toEqual(["not-integer", 3])
    } finally {
      Object.assign(Math, { exp, floor, log })
      Object.assign(Number, { isInteger, isSafeInteger })
    }
  })

  test("a getter is read once", () => {
    let reads = 0
    const inputs = {
      get x() {
        reads++
        return { data: Float64Array.of(1, 2), shape: [2] }
      },
    }
    expect(compile("loss f[b](x) = x").kernel({ dtype: "f64" })(inputs).loss).toBe(1.5)
    expect(reads).toBe(1)
  })

  test("what Object.prototype was given is no argument", () => {
    const prototype = Object.prototype as unknown as Record<string, unknown>
    try {
      prototype["margin"] = 5
      const kernel = compile("loss f[b](x; margin: real = 1) = x + margin").kernel({ dtype: "f64" })
      expect(kernel({ x: [1] }).loss).toBe(2)
    } finally {
      delete prototype["margin"]
    }
  })
})
