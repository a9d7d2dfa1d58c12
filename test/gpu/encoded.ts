// A call of a kernel on buffers: arguments into buffers, commands into an encoder, results back out.
import { checkedOf, type EncodeCall, type EncodedCall, type Loss } from "../../src/index.ts"
import { binder } from "../../src/run/bind.ts"
import type { GpuArray, GpuCommandEncoder, GpuDevice } from "../../src/run/gpu-device.ts"
import { type KernelOptions, readSettings } from "../../src/run/settings.ts"
import type { Results } from "./exact.ts"

type Numbers = Float32Array | Int32Array | Uint32Array
const usage = { mapRead: 1, copySrc: 4, copyDst: 8, storage: 128 }

/** What stands in buffers beside what a call reads and writes. */
const beside = 7

/** A part of a buffer with numbers in it, and others before and after. */
export function storage(device: GpuDevice, array: Numbers, offset: number) {
  const all = new (array.constructor as Float32ArrayConstructor)(offset / 4 + array.length + 3).fill(beside)
  all.set(array, offset / 4)
  const buffer = device.createBuffer({
    size: all.byteLength,
    usage: usage.storage | usage.copySrc | usage.copyDst,
  })
  device.queue.writeBuffer(buffer, 0, all.buffer, 0, all.byteLength)
  return { buffer, offset, size: array.byteLength }
}

async function contents(device: GpuDevice, { buffer, offset, size }: ReturnType<typeof storage>) {
  const staging = device.createBuffer({ size: buffer.size, usage: usage.mapRead | usage.copyDst })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(1)
  const data = staging.getMappedRange().slice(0)
  const all = new Float32Array(data)
  if ([...all.subarray(0, offset / 4), ...all.subarray((offset + size) / 4)].some((x) => x !== beside))
    throw new Error("something beside a result was written")
  return data.slice(offset, offset + size)
}

/** What encodes a call: a kernel or a module. */
export type Encode = (encoder: GpuCommandEncoder, call: EncodeCall) => EncodedCall

/** Runs a call and reads all results. Arrays start at an offset in bytes of their buffers. */
export async function encoded(
  device: GpuDevice,
  encode: Encode,
  loss: Loss,
  options: Pick<KernelOptions, "reduction" | "grad" | "static">,
  given: object,
  { offset = 0, cotangent }: { readonly offset?: number; readonly cotangent?: Float32Array } = {},
): Promise<Results> {
  const checked = checkedOf(loss)
  const settings = readSettings(checked, { ...options, dtype: "f32" })
  const { grad } = settings.choice
  const { arrays, scalars, sizes, evaluate } = binder(checked, { ...settings, materialise: new Set(grad) })(
    given,
  )
  const inputs = checked.inputs.flatMap((input): (readonly [string, GpuArray | number])[] => {
    if (input.isStatic) return []
    const array = arrays.get(input)
    if (!array) return scalars.has(input) ? [[input.name, scalars.get(input)!]] : []
    const type = input.type === "real" ? Float32Array : input.type === "bool" ? Uint32Array : Int32Array
    return [[input.name, storage(device, type.from(array), offset)]]
  })
  const rows = checked.batch.reduce((total, { extent }) => total * evaluate(extent), 1)
  const isRows = settings.choice.reduction === "none" && checked.batch.length > 0
  const empty = (length: number) => storage(device, new Float32Array(length), offset)
  const outputs = {
    loss: empty(isRows ? rows : 1),
    count: empty(1),
    per: empty(1),
    grad: Object.fromEntries(
      grad.map((name) => [
        name,
        empty(arrays.get(checked.inputs.find((x) => x.name === name)!)?.length ?? 1),
      ]),
    ),
  }
  const encoder = device.createCommandEncoder()
  const { check } = encode(encoder, {
    inputs: Object.fromEntries(inputs),
    sizes: Object.fromEntries(sizes),
    outputs,
    ...(isRows &&
      grad.length > 0 && { cotangent: storage(device, cotangent ?? new Float32Array(rows).fill(1), offset) }),
  })
  device.queue.submit([encoder.finish()])
  const { loss: value, count, per } = await check()
  const results = new Map<string, ArrayLike<number>>([
    ["loss", new Float32Array(await contents(device, outputs.loss))],
    ["count", new Int32Array(await contents(device, outputs.count))],
    ["per", [per]],
  ])
  for (const name of grad)
    results.set(`d ${name}`, new Float32Array(await contents(device, outputs.grad[name]!)))
  // What `check` says is what was written.
  if (
    results.get("count")![0] !== count ||
    (value !== undefined && !Object.is(results.get("loss")![0], value))
  )
    throw new Error("a result is not what the check says")
  const word = await contents(device, outputs.per)
  if (![new Float32Array(word)[0], new Int32Array(word)[0]].some((x) => Object.is(x, per)))
    throw new Error("the sum of the weights is not what the check says")
  return results
}
