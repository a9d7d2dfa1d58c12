// Reads NumPy's files: .npy (versions 1 to 3, either byte order, C or Fortran order) and .npz (a zip, stored or deflated).
import { inflateRawSync } from "node:zlib"

/** The arrays a file can give. Half floats arrive as f32; 64-bit integers as f64, if that is exact. */
export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array

/** An array with its shape, in C order. */
export interface NpyArray {
  readonly data: NpyData
  readonly shape: readonly number[]
}

/** The bytes are not the file they should be, or hold something that has no place in a loss. */
export class NpyError extends Error {
  override readonly name = "NpyError"
}

type Reader = {
  readonly bytes: number
  make(length: number): NpyData
  read(view: DataView, at: number, little: boolean): number
}

const readers: Readonly<Record<string, Reader>> = {
  b1: { bytes: 1, make: (n) => new Uint8Array(n), read: (v, i) => (v.getUint8(i) === 0 ? 0 : 1) },
  i1: { bytes: 1, make: (n) => new Int8Array(n), read: (v, i) => v.getInt8(i) },
  u1: { bytes: 1, make: (n) => new Uint8Array(n), read: (v, i) => v.getUint8(i) },
  i2: { bytes: 2, make: (n) => new Int16Array(n), read: (v, i, little) => v.getInt16(i, little) },
  u2: { bytes: 2, make: (n) => new Uint16Array(n), read: (v, i, little) => v.getUint16(i, little) },
  i4: { bytes: 4, make: (n) => new Int32Array(n), read: (v, i, little) => v.getInt32(i, little) },
  u4: { bytes: 4, make: (n) => new Uint32Array(n), read: (v, i, little) => v.getUint32(i, little) },
  i8: { bytes: 8, make: (n) => new Float64Array(n), read: (v, i, little) => exact(v.getBigInt64(i, little)) },
  u8: {
    bytes: 8,
    make: (n) => new Float64Array(n),
    read: (v, i, little) => exact(v.getBigUint64(i, little)),
  },
  f2: { bytes: 2, make: (n) => new Float32Array(n), read: (v, i, little) => half(v.getUint16(i, little)) },
  f4: { bytes: 4, make: (n) => new Float32Array(n), read: (v, i, little) => v.getFloat32(i, little) },
  f8: { bytes: 8, make: (n) => new Float64Array(n), read: (v, i, little) => v.getFloat64(i, little) },
}

function exact(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number))
    throw new NpyError(`the integer ${value} is too large to be exact in a double`)
  return number
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24)
}

/** The array of a `.npy` file. Throws `NpyError`. */
export function readNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10 || String.fromCharCode(...bytes.subarray(0, 6)) !== "\x93NUMPY")
    throw new NpyError("this is not a .npy file: it does not begin with \\x93NUMPY")
  const version = view.getUint8(6)
  if (version < 1 || version > 3) throw new NpyError(`.npy version ${version} is not known; 1, 2 and 3 are`)
  if (version > 1 && bytes.length < 12) throw new NpyError("the file ends inside its header")
  const start = version === 1 ? 10 : 12
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (end > bytes.length) throw new NpyError("the file ends inside its header")
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, end))

  const type = /'descr'\s*:\s*'([<>|=])(\w+)'/.exec(header)
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)
  const sizes = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)
  const reader = type && Object.hasOwn(readers, type[2]!) ? readers[type[2]!] : undefined
  if (!reader) {
    const found = /'descr'\s*:\s*('[^']*'|\[)/.exec(header)?.[1]
    const what = found === undefined ? "no type" : found === "[" ? "a structured type" : `the type ${found}`
    throw new NpyError(`the array has ${what}; lossc reads real, integer and boolean arrays`)
  }
  if (!order || !sizes) throw new NpyError("the header lacks `fortran_order` or `shape`")
  const shape = sizes[1]!
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number)
  const length = shape.reduce((product, size) => product * size, 1)
  if (!Number.isSafeInteger(length) || length >= 2 ** 31)
    throw new NpyError(`the shape ${shape.join(" x ")} has 2^31 elements or more`)
  if (end + length * reader.bytes > bytes.length)
    throw new NpyError(
      `the file ends inside its data: ${shape.join(" x ")} elements take ${length * reader.bytes} bytes, ${bytes.length - end} are there`,
    )

  const little = type![1] !== ">"
  const data = reader.make(length)
  if (order[1] === "False")
    for (let i = 0; i < length; i++) data[i] = reader.read(view, end + i * reader.bytes, little)
  else {
    // In Fortran order the first index runs fastest: walk it so and keep the C position beside it.
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
    const index = shape.map(() => 0)
    for (let i = 0, to = 0; i < length; i++) {
      data[to] = reader.read(view, end + i * reader.bytes, little)
      for (let axis = 0; axis < shape.length; axis++) {
        to += strides[axis]!
        if (++index[axis]! < shape[axis]!) break
        to -= strides[axis]! * shape[axis]!
        index[axis] = 0
      }
    }
  }
  return { data, shape }
}

/** The arrays of a `.npz` file by name. Throws `NpyError`. */
export function readNpz(bytes: Uint8Array): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>()
  for (const { name, content } of entries(bytes)) {
    if (!name.endsWith(".npy")) continue
    try {
      arrays.set(name.slice(0, -4), readNpy(content))
    } catch (error) {
      if (error instanceof NpyError) throw new NpyError(`${name}: ${error.message}`)
      throw error
    }
  }
  return arrays
}

/** The files of a zip, found through its central directory: the sizes in local headers may be missing. */
function* entries(bytes: Uint8Array): Iterable<{ name: string; content: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let tail = bytes.length - 22
  // A comment of up to 65,535 bytes may follow the end record.
  while (tail >= 0 && tail > bytes.length - 22 - 65536 && view.getUint32(tail, true) !== 0x06054b50) tail--
  if (tail < 0 || view.getUint32(tail, true) !== 0x06054b50)
    throw new NpyError("this is not a .npz file: it has no zip directory")
  const count = view.getUint16(tail + 10, true)
  let at = view.getUint32(tail + 16, true)
  if (count === 0xffff || at === 0xffffffff)
    throw new NpyError("zip files of 4 GiB or 65,535 entries are not read")
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50)
      throw new NpyError("the zip directory is damaged")
    const flags = view.getUint16(at + 8, true)
    const method = view.getUint16(at + 10, true)
    const packed = view.getUint32(at + 20, true)
    const size = view.getUint32(at + 24, true)
    const nameLength = view.getUint16(at + 28, true)
    const local = view.getUint32(at + 42, true)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff)
      throw new NpyError(`${name}: zip entries of 4 GiB are not read`)
    if (flags & 1) throw new NpyError(`${name}: the zip entry is encrypted`)
    if (local + 30 > bytes.length || view.getUint32(local, true) !== 0x04034b50)
      throw new NpyError(`${name}: the zip entry is damaged`)
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    if (from + packed > bytes.length) throw new NpyError(`${name}: the file ends inside this zip entry`)
    const content = bytes.subarray(from, from + packed)
    if (method === 0) yield { name, content }
    else if (method === 8) yield { name, content: inflate(name, content, size) }
    else throw new NpyError(`${name}: zip method ${method} is not read; stored and deflated are`)
  }
}

function inflate(name: string, content: Uint8Array, size: number): Uint8Array {
  // The directory's size is the limit, so an entry cannot unpack to more than it says.
  try {
    const result = inflateRawSync(content, { maxOutputLength: Math.max(size, 1) })
    if (result.length === size) return result
  } catch {
    // Falls through to the one message for damaged data.
  }
  throw new NpyError(`${name}: the compressed data is damaged`)
}
