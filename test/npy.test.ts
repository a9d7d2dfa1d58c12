// The readers of NumPy files, on bytes that NumPy 2.4 wrote.
import { describe, expect, test } from "vitest"
import { NpyError, readNpy, readNpz } from "../src/run/npy.ts"

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"))

// prettier-ignore
const arrays = [
  { what: "little-endian floats", type: Float32Array, shape: [2, 3], values: [0, 0.5, 1, 1.5, 2, 2.5], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAPwAAgD8AAMA/AAAAQAAAIEA=" },
  { what: "big-endian doubles in Fortran order", type: Float64Array, shape: [2, 3], values: [0, 1.5, 3, 4.5, 6, 7.5], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAEASAAAAAAAAP/gAAAAAAABAGAAAAAAAAEAIAAAAAAAAQB4AAAAAAAA=" },
  { what: "64-bit integers, version 2", type: Float64Array, shape: [2, 3], values: [-3, -2, -1, 0, 1, 2], file: "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8aTgnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr9//////////7///////////////////8AAAAAAAAAAAEAAAAAAAAAAgAAAAAAAAA=" },
  { what: "big-endian shorts, version 3", type: Int16Array, shape: [2, 3], values: [-3, -2, -1, 0, 1, 2], file: "k05VTVBZAwB0AAAAeydkZXNjcic6ICc8aTInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr9//7///8AAAEAAgA=" },
  { what: "booleans", type: Uint8Array, shape: [2, 3], values: [1, 0, 1, 0, 1, 0], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAEAAQA=" },
  { what: "half floats", type: Float32Array, shape: [6], values: [0, -0.5, 65504, Infinity, 2 ** -24, NaN], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDYsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAC4/3sAfAEAAH4=" },
  { what: "unsigned integers", type: Uint32Array, shape: [1], values: [4294967295], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPHU0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr/////" },
  { what: "an array without axes", type: Float64Array, shape: [], values: [2.5], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAEQA==" },
  { what: "an empty array", type: Float32Array, shape: [0, 3], values: [], file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=" },
  { what: "three axes in Fortran order", type: Int32Array, shape: [2, 3, 4], values: Array.from({ length: 24 }, (_, i) => i), file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAADAAAAAQAAAAQAAAACAAAABQAAAABAAAADQAAAAUAAAARAAAACQAAABUAAAACAAAADgAAAAYAAAASAAAACgAAABYAAAADAAAADwAAAAcAAAATAAAACwAAABcAAAA=" },
]

// prettier-ignore
const refused = [
  { what: "the type '<c16'", file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGMxNicsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==" },
  { what: "a structured type", file: "k05VTVBZAQB2AHsnZGVzY3InOiBbKCd4JywgJzxmNCcpXSwgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAA==" },
  { what: "too large to be exact", file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAEA==" },
]

// prettier-ignore
const zips = [
  { what: "stored", file: "UEsDBC0AAAAAAAAAIQBP6QAq//////////8FABQAYS5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAUEsDBC0AAAAAAAAAIQAdT1tO//////////8KABQAbGFiZWxzLm5weQEAEACQAAAAAAAAAJAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoCAAAAAAAAAAEAAAAAAAAAUEsBAi0DLQAAAAAAAAAhAE/pACqYAAAAmAAAAAUAAAAAAAAAAAAAAIABAAAAAGEubnB5UEsBAi0DLQAAAAAAAAAhAB1PW06QAAAAkAAAAAoAAAAAAAAAAAAAAIABzwAAAGxhYmVscy5ucHlQSwUGAAAAAAIAAgBrAAAAmwEAAAAA" },
  { what: "deflated", file: "UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAYS5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAB1PW07//////////woAFABsYWJlbHMubnB5AQAQAJAAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuJgYIYITSAFBLAQItAy0AAAAIAAAAIQBP6QAqVQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAABhLm5weVBLAQItAy0AAAAIAAAAIQAdT1tOSgAAAJAAAAAKAAAAAAAAAAAAAACAAYwAAABsYWJlbHMubnB5UEsFBgAAAAACAAIAawAAABIBAAAAAA==" },
]

describe("npy", () => {
  test.for(arrays)("reads $what", ({ type, shape, values, file }) => {
    const read = readNpy(bytes(file))
    expect(read.shape).toEqual(shape)
    expect(read.data).toBeInstanceOf(type)
    expect(Array.from(read.data)).toEqual(values)
  })

  test.for(refused)("refuses with: $what", ({ what, file }) => {
    expect(() => readNpy(bytes(file))).toThrow(NpyError)
    expect(() => readNpy(bytes(file))).toThrow(what)
  })

  test("every truncation is refused with an NpyError", () => {
    const whole = bytes(arrays[0]!.file)
    for (let length = 0; length < whole.length; length++)
      expect(() => readNpy(whole.subarray(0, length)), `${length} bytes`).toThrow(NpyError)
  })
})

describe("npz", () => {
  test.for(zips)("reads $what entries by name", ({ file }) => {
    const read = readNpz(bytes(file))
    expect([...read.keys()]).toEqual(["a", "labels"])
    expect(read.get("a")).toEqual({ data: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2, 3] })
    expect(read.get("labels")).toEqual({ data: Float64Array.of(2, 1), shape: [2] })
  })

  test.for(zips)("refuses every truncation of $what entries with an NpyError", ({ file }) => {
    const whole = bytes(file)
    for (let length = 0; length < whole.length; length++)
      expect(() => readNpz(whole.subarray(0, length)), `${length} bytes`).toThrow(NpyError)
  })

  test("a damaged byte gives an NpyError or another value, and nothing else", () => {
    for (const { file } of zips) {
      const whole = bytes(file)
      for (let at = 0; at < whole.length; at++) {
        const damaged = whole.slice()
        damaged[at]! ^= 0xff
        try {
          readNpz(damaged)
        } catch (error) {
          expect(error, `byte ${at}`).toBeInstanceOf(NpyError)
        }
      }
    }
  })
})
