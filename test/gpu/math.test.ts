// Generated from the operator table: a device computes every operator within a few ULP of f32 of the value that the table gives.
import { describe, expect, test } from "vitest"
import { wgslFunctions, wgslOperation } from "../../src/emit/wgsl-math.ts"
import { type Interval, type OpName, ops } from "../../src/ops.ts"
import type { ScalarType } from "../../src/types.ts"
import { cancelling, specialValues, wide } from "./math.cases.ts"
import { describeGpu, gpuDevice, nagaErrors, tintErrors } from "./device.ts"

type Row = readonly number[]
const LEAST_NORMAL = 2 ** -126
const MOST = 3.4028234663852886e38
/** Points in each range. */
const COUNT = 1024
/** Units of the last place of f32. */
const LIMIT = 4
/** Operators that may be less accurate. */
const limits: Partial<Record<OpName, number>> = {
  // The error of the logarithm or of 1 + x grows with the exponent.
  pow1pm1: 8,
}

let seed = 1
/** Numbers from 0 to 1 (Park and Miller). */
const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647

const between = ([low, high]: Interval, type: ScalarType): number => {
  if (type === "bool") return +(random() < 0.5)
  const x = low + (high - low) * random()
  if (type === "int") return Math.round(x) || 0
  const short = Math.fround(x)
  return Math.abs(short) < LEAST_NORMAL ? 0 : short
}

/** A shader that computes an operator for each row of arguments, which are words of one buffer after infinity and the count. */
function shaderOf(op: OpName, types: readonly ScalarType[], type: ScalarType): string {
  const names = types.map((_, i) => `a${i}`)
  const { expression, uses } = wgslOperation(op, names, types, type)
  const word = (i: number): string => `words[2u + i + ${i}u * count]`
  const argument = {
    real: (w: string) => `bitcast<f32>(${w})`,
    int: (w: string) => `bitcast<i32>(${w})`,
    bool: (w: string) => `(${w} != 0u)`,
  }
  return `@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
struct Uniform { infinity: f32 }
var<private> u: Uniform;
${wgslFunctions(uses)}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  u.infinity = bitcast<f32>(words[0]);
  let count = words[1];
  let i = id.x;
  if (i >= count) { return; }
${names.map((name, i) => `  let ${name} = ${argument[types[i]!](word(i))};`).join("\n")}
  out[i] = ${type === "bool" ? `select(0u, 1u, ${expression})` : `bitcast<u32>(${expression})`};
}`
}

const pipelines = new Map<string, GPUComputePipeline>()

/** What runs a shader that both compilers take. */
async function pipelineOf(shader: string): Promise<GPUComputePipeline> {
  let pipeline = pipelines.get(shader)
  if (!pipeline) {
    expect(await tintErrors(shader, ["main"])).toEqual([])
    expect(await nagaErrors(shader)).toEqual([])
    const device = await gpuDevice()
    const module = device.createShaderModule({ code: shader })
    pipeline = device.createComputePipeline({ layout: "auto", compute: { module } })
    pipelines.set(shader, pipeline)
  }
  return pipeline
}

/** Runs it. */
async function compute(
  shader: string,
  types: readonly ScalarType[],
  type: ScalarType,
  rows: readonly Row[],
): Promise<number[]> {
  const device = await gpuDevice()
  const words = new DataView(new ArrayBuffer(4 * (2 + types.length * rows.length)))
  words.setFloat32(0, Infinity, true)
  words.setUint32(4, rows.length, true)
  rows.forEach((row, r) =>
    row.forEach((x, i) => {
      const at = 4 * (2 + i * rows.length + r)
      if (types[i] === "real") words.setFloat32(at, x, true)
      else words.setInt32(at, x, true)
    }),
  )
  const given = device.createBuffer({
    size: words.byteLength,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  })
  device.queue.writeBuffer(given, 0, words.buffer)
  const size = 4 * rows.length
  const made = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
  const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const pipeline = await pipelineOf(shader)
  const entries = [given, made].map((buffer, binding) => ({ binding, resource: { buffer } }))
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(Math.ceil(rows.length / 64))
  pass.end()
  encoder.copyBufferToBuffer(made, 0, read, 0, size)
  device.queue.submit([encoder.finish()])
  await read.mapAsync(GPUMapMode.READ)
  const result = read.getMappedRange()
  const values = [...(type === "real" ? new Float32Array(result) : new Int32Array(result))]
  for (const buffer of [given, made, read]) buffer.destroy()
  return values
}

/** What the last place of the f32 nearest to a number is worth. */
const ulp = (x: number): number => 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), LEAST_NORMAL))) - 23)

/**
 * How far a number is from the right one, in units of the last place of f32 at a size. Numbers that are not normal may be taken
 * for 0, and beyond the largest number the next power of 2 stands for infinity.
 */
function ulps(found: number, exact: number, size = Math.abs(exact)): number {
  const [a, b] = [found, exact].map((x) => (Math.abs(x) > MOST ? Math.sign(x) * 2 ** 128 : x)) as [
    number,
    number,
  ]
  if (Math.abs(b) < LEAST_NORMAL && Math.abs(a) <= LEAST_NORMAL) return 0
  const error = Math.abs(a - b) / ulp(Math.min(size, 2 ** 127))
  return Number.isNaN(error) ? Infinity : error
}

/** The types in which an operator may be called. */
function signatures(op: OpName): readonly (readonly ScalarType[])[] {
  const kinds = ops[op].takes.some((t) => t === "any")
    ? (["real", "int", "bool"] as const)
    : (["real", "int"] as const)
  // The others need no conversion that these do not.
  if (ops[op].isDefined) return [ops[op].takes.map((t) => (t === "int" ? "int" : "real"))]
  const mixed = (i: number): ScalarType => (i % 2 === 0 ? "real" : "int")
  const made = [...kinds.map((kind) => () => kind), mixed].map((kindOf) =>
    ops[op].takes.map((t, i) => (t === "int" || t === "bool" ? t : kindOf(i))),
  )
  return made.filter((types, i) => made.findIndex((other) => String(other) === String(types)) === i)
}

describeGpu(() => {
  describe.each(Object.keys(ops) as OpName[])("%s", (op) => {
    test.each(signatures(op).map((types) => ({ types })))(
      "of $types has the value of the table",
      async ({ types }) => {
        seed = 1
        const type = ops[op].type(types)
        const { params, domain } = ops[op]
        const usual = params.map((name): Interval => domain?.[name] ?? [-8, 8])
        const all = types.includes("int") ? [usual] : [usual, ...(wide[op] ?? [])]
        const rows = all
          .flatMap((ranges) =>
            Array.from({ length: COUNT }, () => ranges.map((range, i) => between(range, types[i]!))),
          )
          .filter((row) => !Number.isNaN(ops[op].eval(...row)))
        const found = await compute(shaderOf(op, types, type), types, type, rows)
        let worst = 0
        let at = ""
        rows.forEach((row, i) => {
          const exact = ops[op].eval(...row)
          const size = Math.max(Math.abs(exact), cancelling[op]?.(...row) ?? 0)
          const error = ulps(found[i]!, exact, size)
          if (!(error <= worst))
            [worst, at] = [error, `${op}(${row.join(", ")}) is ${found[i]}, not ${exact}`]
        })
        expect(worst, at).toBeLessThanOrEqual(limits[op] ?? LIMIT)
      },
    )
  })

  describe.each([...new Set(specialValues.map((x) => x.op))])("%s", (op) => {
    test("has its special values", async () => {
      const cases = specialValues.filter((x) => x.op === op)
      const types = ops[op].takes.map((t): ScalarType => (t === "int" ? "int" : "real"))
      const type = ops[op].type(types)
      const rows = cases.map((x) => x.row)
      const found = await compute(shaderOf(op, types, type), types, type, rows)
      cases.forEach(({ text, row, value }, i) => {
        expect(ulps(ops[op].eval(...row), value), text).toBeLessThanOrEqual(1)
        expect(ulps(found[i]!, value), `${text}, but is ${found[i]}`).toBeLessThanOrEqual(LIMIT)
      })
    })
  })
})
