// Numbers as shaders write them.
import { expect, test } from "vitest"
import { wgslNumber } from "../../src/emit/wgsl-numbers.ts"
import type { ScalarType } from "../../src/types.ts"
import { describeGpu, nagaErrors, tintErrors } from "./device.ts"

const literals: readonly (readonly [number, ScalarType, string])[] = [
  [0, "real", "0.0f"],
  [-0, "real", "0.0f"],
  [1, "real", "1.0f"],
  [-2.5, "real", "-2.5f"],
  [0.1, "real", "0.1f"],
  [1 / 3, "real", "0.33333334f"],
  [Math.PI, "real", "3.1415927f"],
  [16777217, "real", "16777216.0f"],
  [1e20, "real", "100000000000000000000.0f"],
  [1e30, "real", "1e+30f"],
  [1e-30, "real", "1e-30f"],
  [2 ** -126, "real", "1.1754944e-38f"],
  [1e-39, "real", "0.0f"],
  [3.4028234663852886e38, "real", "0x1.fffffep+127f"],
  [-3.4028235e38, "real", "(-0x1.fffffep+127f)"],
  [1e39, "real", "u.infinity"],
  [-Infinity, "real", "(-u.infinity)"],
  [NaN, "real", "(u.infinity - u.infinity)"],
  [7, "int", "7"],
  [-7, "int", "-7"],
  [2147483648, "int", "2147483647"],
  [-Infinity, "int", "(-2147483647 - 1)"],
  [1, "bool", "true"],
  [0, "bool", "false"],
]

test.each(literals)("%d as %s is %s", (value, type, text) => {
  expect(wgslNumber(value, type)).toBe(text)
})

describeGpu(() => {
  test("both compilers take them", async () => {
    const names = { real: "f32", int: "i32", bool: "bool" }
    const statements = literals.map(([, type, text], i) => `  let x${i}: ${names[type]} = ${text};`)
    // A sign beside another operator could be read otherwise.
    const sums = literals.map(([, type, text]) =>
      type === "bool" ? `  flag = flag && ${text};` : `  ${type} = ${type} - ${text};`,
    )
    const shader = `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
struct Uniform { infinity: f32 }
var<private> u: Uniform;
@compute @workgroup_size(1) fn main() {
  var real = out[0];
  var int = i32(real);
  var flag = int > 0;
${[...statements, ...sums].join("\n")}
  out[0] = select(real, f32(int), flag);
}`
    expect(await tintErrors(shader, ["main"])).toEqual([])
    expect(await nagaErrors(shader)).toEqual([])
  })
})
