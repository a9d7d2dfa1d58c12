// Runs reference cases: reads a file, feeds each case to the library through its adapter, and compares by its tolerances.
import { readFileSync } from "node:fs"
import { LossError, compile } from "../../src/index.ts"
import * as library from "../../src/stdlib.ts"
import { type Adapter, refusals } from "./adapters.ts"

type Dtype = "f32" | "f64"
export type Target = "interpret" | "js" | "wasm"
type Value = number | "NaN" | "Infinity" | "-Infinity"

/** How a large input is made; see `generate`. */
interface Recipe {
  readonly seed: number
  readonly dist: "uniform" | "int" | "sign"
  readonly lo: number
  readonly hi: number
  readonly replace_every?: number
  readonly replace_with?: number
}

interface Summary {
  readonly sum: number
  readonly abs_sum: number
  readonly sq_sum: number
  readonly probe_dot: number
  readonly nonzero: number
  readonly samples: readonly (readonly [index: number, value: Value])[]
}

/** A tensor of a file: its elements, a recipe for them, or a summary of what they should be. */
export interface Tensor {
  readonly dtype?: "float64" | "int64" | "bool"
  readonly shape: readonly number[]
  readonly data?: readonly (Value | boolean)[]
  readonly gen?: Recipe
  readonly sum?: number
  readonly summary?: Summary
}

interface Answer {
  readonly output?: Tensor
  readonly grads?: Readonly<Record<string, Tensor>>
}

export interface Case extends Answer {
  readonly name: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly upstream?: Tensor
  readonly f32?: { readonly output?: unknown; readonly grads?: Readonly<Record<string, unknown>> }
  readonly alt?: Answer & { readonly why: string }
  readonly error?: string
  readonly message?: string
}

export interface OracleFile {
  readonly loss: string
  readonly tier: number
  readonly cases: readonly Case[]
}

type Named = Readonly<Record<string, unknown>>

/** The part of a compiled loss that the cases use. */
interface AnyLoss {
  kernel(options: Named): (inputs: Named, more?: Named) => AnyResult
  webgpu(device: GPUDevice, options: Named): Promise<DeviceKernel>
}
interface AnyResult {
  readonly loss: number | ArrayLike<number>
  readonly grad: Readonly<Record<string, number | ArrayLike<number> | { readonly data: ArrayLike<number> }>>
}
interface DeviceKernel {
  (inputs: Named, more?: Named): Promise<AnyResult>
  destroy(): void
}

export const readCases = (path: string | URL): OracleFile =>
  JSON.parse(readFileSync(path, "utf8")) as OracleFile

// ------------------------------------------------------------------------------------------ data

/** mulberry32: numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let a = seed | 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const count = (shape: readonly number[]): number => shape.reduce((x, y) => x * y, 1)

function generate(shape: readonly number[], g: Recipe): Float64Array {
  const random = mulberry32(g.seed)
  const values = Float64Array.from({ length: count(shape) }, () => {
    const x = g.lo + (g.hi - g.lo) * random()
    return g.dist === "uniform" ? Math.fround(x) : g.dist === "int" ? Math.floor(x) : Math.floor(x) * 2 - 1
  })
  if (g.replace_every) for (let i = 0; i < values.length; i += g.replace_every) values[i] = g.replace_with!
  return values
}

const made = new WeakMap<Tensor, Float64Array>()

/** The elements of a tensor as numbers. */
function elements(tensor: Tensor): Float64Array {
  let values = made.get(tensor)
  if (!values) made.set(tensor, (values = make(tensor)))
  return values
}

function make({ shape, data, gen, sum }: Tensor): Float64Array {
  if (data) return Float64Array.from(data, Number)
  const values = generate(shape, gen!)
  const total = values.reduce((x, y) => x + y, 0)
  if (sum !== undefined && Math.abs(total - sum) > 1e-9 * Math.max(1, Math.abs(sum)) + 1e-6)
    throw new Error(`the recipe gave the sum ${total}, not ${sum}`)
  return values
}

/** Repeats a tensor along its axes of size 1, right-aligned, to a larger shape. */
function expand(values: ArrayLike<number>, from: readonly number[], to: readonly number[]): Float64Array {
  return Float64Array.from({ length: count(to) }, (_, at) => values[sourceIndex(at, from, to)]!)
}

/** Undoes `expand` for a gradient: sums what was repeated. */
function collapse(values: ArrayLike<number>, from: readonly number[], to: readonly number[]): Float64Array {
  const out = new Float64Array(count(from))
  for (let at = 0; at < values.length; at++) out[sourceIndex(at, from, to)]! += values[at]!
  return out
}

function sourceIndex(at: number, from: readonly number[], to: readonly number[]): number {
  let index = 0
  let stride = 1
  for (let axis = to.length - 1, k = from.length - 1; axis >= 0 && k >= 0; axis--, k--) {
    const position = at % to[axis]!
    at = (at - position) / to[axis]!
    if (from[k] !== 1) index += position * stride
    stride *= from[k]!
  }
  return index
}

const arrays = { f32: Float32Array, f64: Float64Array }

// ----------------------------------------------------------------------------------- comparisons

const f64Epsilon = 2 ** -52
const f32Epsilon = 2 ** -23
const largestF32 = 3.4028234663852886e38

const largest = (values: Iterable<number>): number => {
  let most = 0
  for (const value of values) if (Number.isFinite(value) && Math.abs(value) > most) most = Math.abs(value)
  return most
}

const known = (tensor: Tensor): number[] =>
  tensor.summary ? tensor.summary.samples.map(([, value]) => Number(value)) : [...elements(tensor)]

const agrees = (actual: number, expected: number, tolerance: number): boolean =>
  Number.isFinite(expected) ? Math.abs(actual - expected) <= tolerance : Object.is(actual, expected)

/** What differs between an array and what was expected of it; undefined if nothing does. */
function difference(
  actual: ArrayLike<number>,
  expected: Tensor,
  tolerance: (value: number) => number,
  relative: number,
  isAlternative: boolean,
): string | undefined {
  const length = count(expected.shape)
  if (actual.length !== length) return `has ${actual.length} elements, not ${length}`
  if (!expected.summary) {
    const values = elements(expected)
    for (let i = 0; i < length; i++) {
      if (isAlternative && Number.isNaN(values[i])) continue // the alternative leaves this element open
      if (!agrees(actual[i]!, values[i]!, tolerance(values[i]!)))
        return `[${i}] is ${actual[i]}, not ${values[i]} (tolerance ${tolerance(values[i]!).toExponential(2)})`
    }
    return undefined
  }
  const { sum, abs_sum, sq_sum, probe_dot, nonzero, samples } = expected.summary
  const probe = mulberry32(20259)
  const found = { sum: 0, abs_sum: 0, sq_sum: 0, probe_dot: 0, nonzero: 0 }
  for (let i = 0; i < length; i++) {
    const x = actual[i]!
    found.sum += x
    found.abs_sum += Math.abs(x)
    found.sq_sum += x * x
    found.probe_dot += x * Math.fround(2 * probe() - 1)
    if (x !== 0) found.nonzero++
  }
  const check = (name: keyof typeof found, value: number, allowed: number): string | undefined =>
    agrees(found[name], value, allowed) ? undefined : `has ${name} ${found[name]}, not ${value}`
  const wrong =
    check("sum", sum, relative * abs_sum) ??
    check("probe_dot", probe_dot, relative * abs_sum) ??
    check("abs_sum", abs_sum, relative * abs_sum) ??
    check("sq_sum", sq_sum, relative * sq_sum) ??
    check("nonzero", nonzero, relative * nonzero)
  if (wrong) return wrong
  for (const [index, value] of samples)
    if (!agrees(actual[index]!, Number(value), tolerance(Number(value))))
      return `[${index}] is ${actual[index]}, not ${value}`
  return undefined
}

/** What the library answered, under the names of the file. */
interface Result {
  readonly output: ArrayLike<number>
  readonly grads: Readonly<Record<string, ArrayLike<number>>>
}

function differences(
  result: Result,
  one: Case,
  answer: Answer,
  dtype: Dtype,
  isDevice: boolean,
): string[] {
  const isAlternative = answer !== one
  const inputs = Object.values(one.inputs).filter((tensor) => tensor.dtype === "float64")
  const scale = Math.max(1, ...inputs.map((tensor) => largest(elements(tensor))))
  const grads = answer.grads ?? {}
  const steepest = largest(Object.values(grads).flatMap(known))
  const isExact = inputs.every((tensor) => elements(tensor).every((x) => Object.is(Math.fround(x), x)))
  const relative = dtype === "f64" ? 1e-10 : 1e-4
  /** In float32 a tensor cannot be judged beyond its range, or where rounding the inputs made torch overflow. */
  const isJudged = (tensor: Tensor, torch: unknown): boolean =>
    dtype === "f64" || (largest(known(tensor)) <= largestF32 && (torch !== "nonfinite" || isExact))
  const torchError = (value: unknown): number => (typeof value === "number" ? value : 0)
  const found: string[] = []

  if (answer.output && isJudged(answer.output, one.f32?.output)) {
    const tolerance = (value: number): number =>
      dtype === "f64"
        ? 1e-10 * Math.abs(value) + 16 * f64Epsilon * scale
        : Math.max(1e-5 * Math.abs(value), 4 * f32Epsilon * scale, 8 * torchError(one.f32?.output))
    const wrong = difference(result.output, answer.output, tolerance, relative, false)
    if (wrong) found.push(`output ${wrong}`)
  }
  for (const [name, expected] of Object.entries(grads)) {
    const torch = one.f32?.grads?.[name]
    if (!isJudged(expected, torch)) continue
    // A gradient that is mathematically 0 comes out as rounding noise: of double arithmetic on float32 arrays too, a device apart.
    const noise = isDevice ? 8 * f32Epsilon : 1e-13
    const tolerance = (): number =>
      dtype === "f64" ? 1e-10 * steepest + 1e-13 : Math.max(1e-5 * steepest, 8 * torchError(torch), noise)
    const wrong = difference(result.grads[name]!, expected, tolerance, relative, isAlternative)
    if (wrong) found.push(`gradient by ${name} ${wrong}`)
  }
  return found
}

// ------------------------------------------------------------------------------------------ runs

const losses = new Map<string, AnyLoss>()
const kernels = new Map<string, ReturnType<AnyLoss["kernel"]>>()

function findLoss(name: string, source: string | undefined): AnyLoss {
  const key = source ?? name
  let loss = losses.get(key)
  if (!loss) {
    const found = source === undefined ? (library as Record<string, unknown>)[name] : compile(source)
    if (!found) throw new Error(`the library has no loss called ${name}`)
    losses.set(key, (loss = found as AnyLoss))
  }
  return loss
}

/** The kernel that a call needs on a target of this process. */
function findKernel({ key, loss, options }: Call, target: Target): ReturnType<AnyLoss["kernel"]> {
  const name = `${target} ${key}`
  let kernel = kernels.get(name)
  if (!kernel) kernels.set(name, (kernel = loss.kernel({ ...options, target })))
  return kernel
}

const camelCase = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Puts values into the rows that a file has, 0 elsewhere. */
function spread(
  values: Float64Array,
  rows: { readonly of: number; readonly kept: readonly number[] },
): Float64Array {
  const out = new Float64Array(rows.of)
  rows.kept.forEach((row, at) => (out[row] = values[at]!))
  return out
}

const flat = (value: number | ArrayLike<number> | { readonly data: ArrayLike<number> }): ArrayLike<number> =>
  typeof value === "number" ? [value] : "data" in value ? value.data : value

/** A case as a call of the library. */
interface Call {
  /** The same for calls that one kernel serves. */
  readonly key: string
  readonly loss: AnyLoss
  readonly options: Named
  readonly inputs: Named
  readonly more: Named
  /** What the library answered, under the names of the file. */
  readonly named: (result: AnyResult) => Result
}

function callOf(given: Case, adapter: Adapter, dtype: Dtype): Call {
  const one = adapter.prepare?.(given) ?? given
  const name = typeof adapter.loss === "string" ? adapter.loss : adapter.loss(one)
  const source = adapter.source?.(one)
  const loss = findLoss(name, source)
  const rename = (given: string): string => adapter.names?.[given] ?? camelCase(given)
  const { reduction = adapter.reduction ?? "mean", ...params } = one.params ?? {}

  const values: Record<string, unknown> = { ...adapter.defaults }
  const fixed: Record<string, unknown> = {}
  for (const [oracle, value] of Object.entries(params)) {
    if (adapter.ignore?.includes(oracle)) continue
    const name = rename(oracle)
    const bag = adapter.static?.includes(name) ? fixed : values
    bag[name] =
      adapter.values?.[oracle]?.(value) ??
      (value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : value)
  }

  const inputs: Record<string, unknown> = { ...values }
  const expanded = new Map<string, { readonly from: readonly number[]; readonly to: readonly number[] }>()
  for (const [oracle, tensor] of Object.entries(one.inputs)) {
    let list: ArrayLike<number> = elements(tensor)
    let shape = adapter.reshape?.[oracle]?.(one) ?? tensor.shape
    const to = adapter.expand?.[oracle]?.(one)
    if (to) {
      expanded.set(oracle, { from: shape, to })
      list = expand(list, shape, to)
      shape = to
    }
    const isBool = tensor.dtype === "bool" || adapter.bools?.includes(oracle)
    const array = isBool ? Uint8Array : tensor.dtype === "int64" ? Int32Array : arrays[dtype]
    inputs[rename(oracle)] = adapter.scalars?.includes(oracle)
      ? list[0]
      : { data: array.from(list), shape: [...shape] }
  }

  const reals = Object.entries(one.inputs).filter(([, tensor]) => tensor.dtype === "float64")
  const differentiated = one.error ? reals.map(([input]) => input) : Object.keys(one.grads ?? {})
  const options = {
    dtype,
    reduction: reduction === "batchmean" ? "mean" : reduction,
    grad: differentiated.map(rename),
    static: fixed,
    emptyMean: adapter.emptyMean ?? "nan",
    ...(one.error ? { check: true } : {}),
  }
  const rows = reduction === "none" ? adapter.rows?.(one) : undefined
  const upstream = one.upstream && differentiated.length > 0 && elements(one.upstream)
  const cotangent = upstream && arrays[dtype].from(rows ? spread(upstream, rows) : upstream)
  const key =
    (source ?? name) + JSON.stringify(options, (_, value: unknown) => (value === Infinity ? "inf" : value))
  const named = (result: AnyResult): Result => {
    const output = flat(result.loss)
    return {
      output: rows ? rows.kept.map((row) => output[row]!) : output,
      grads: Object.fromEntries(
        differentiated.map((oracle) => {
          const values = flat(result.grad[rename(oracle)]!)
          const shapes = expanded.get(oracle)
          return [oracle, shapes ? collapse(values, shapes.from, shapes.to) : values]
        }),
      ),
    }
  }
  return { key, loss, options, inputs, more: cotangent ? { cotangent } : {}, named }
}

/** Whether the inputs of a case are so large that they are given by recipes. */
export const isLarge = (one: Case): boolean => Object.values(one.inputs).some((tensor) => tensor.gen)

/** That a case holds with the expected answer or with the alternative, or what is wrong. */
export type Verdict = "expected" | "alternative" | string[]

/** Judges a case on a target. */
export function judge(one: Case, adapter: Adapter, target: Target, dtype: Dtype): Verdict {
  try {
    const call = callOf(one, adapter, dtype)
    return compared(call.named(findKernel(call, target)(call.inputs, call.more)), one, dtype)
  } catch (thrown) {
    return refused(thrown, one)
  }
}

/** Judges cases in f32 on a device, by one kernel that serves them all. */
export async function judgeOnDevice(
  cases: readonly Case[],
  adapter: Adapter,
  device: GPUDevice,
): Promise<readonly Verdict[]> {
  const { loss, options } = callOf(cases[0]!, adapter, "f32")
  const { dtype: _, ...rest } = options
  const kernel = await loss.webgpu(device, { ...rest, workgroupSize: 16 })
  const verdicts: Verdict[] = []
  for (const one of cases) {
    const call = callOf(one, adapter, "f32")
    try {
      verdicts.push(compared(call.named(await kernel(call.inputs, call.more)), one, "f32", true))
    } catch (thrown) {
      verdicts.push(refused(thrown, one))
    }
  }
  kernel.destroy()
  return verdicts
}

/** The cases by the kernel that serves them. */
export function byKernel(cases: readonly Case[], adapter: Adapter): readonly (readonly Case[])[] {
  const groups = new Map<string, Case[]>()
  for (const one of cases) {
    const { key } = callOf(one, adapter, "f32")
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()]
}

function refused(thrown: unknown, one: Case): Verdict {
  const isRefusal = one.error !== undefined && thrown instanceof LossError
  const code = isRefusal ? thrown.diagnostics.map((found) => found.code).join() : undefined
  if (code !== undefined && code === refusals[one.name]) return "expected"
  if (code !== undefined) return [`is refused with ${code}, not ${refusals[one.name]}`]
  return [
    `throws ${thrown instanceof Error ? (thrown.stack ?? thrown.message).split("\n").slice(0, 3).join(" | ") : thrown}`,
  ]
}

function compared(result: Result, one: Case, dtype: Dtype, isDevice = false): Verdict {
  if (one.error) return [`is not refused: ${one.message}`]
  const wrong = differences(result, one, one, dtype, isDevice)
  if (wrong.length === 0) return "expected"
  if (one.alt && differences(result, one, one.alt, dtype, isDevice).length === 0) return "alternative"
  return wrong
}
