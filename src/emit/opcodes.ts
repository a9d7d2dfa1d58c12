// The instructions of WebAssembly that lossc writes, by name, as their numbers in the binary format.
//
// Numbers below 256 are one byte; those from 0xfc00 and 0xfd0000 on stand behind a prefix (saturating and bulk operations;
// vectors). Names that follow one another in the format are listed together.

/** Numbers of instructions from `first` on; a name `-` leaves a number out. */
function sequence(first: number, names: string): readonly [string, number][] {
  return names.split(" ").flatMap((name, i): [string, number][] => (name === "-" ? [] : [[name, first + i]]))
}

const intCompare = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
const floatCompare = "eq ne lt gt le ge"
const intArithmetic = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u"
const floatArithmetic = "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"
const of = (type: string, names: string): string =>
  names
    .split(" ")
    .map((name) => (name === "-" ? name : `${type}.${name}`))
    .join(" ")

/** The first byte of instructions numbered from here on. */
export const BULK = 0xfc00
export const VECTOR = 0xfd0000

/** The number of each instruction. */
export const opcodes: ReadonlyMap<string, number> = new Map([
  ...sequence(0x02, "block loop if else"),
  ...sequence(0x0b, "end br br_if - return call"),
  ...sequence(0x1a, "drop select"),
  ...sequence(0x20, "local.get local.set local.tee"),
  ...sequence(0x28, "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u"),
  ...sequence(0x36, "i32.store i64.store f32.store f64.store i32.store8"),
  ...sequence(0x3f, "memory.size memory.grow i32.const i64.const f32.const f64.const"),
  ...sequence(0x45, `i32.eqz ${of("i32", intCompare)}`),
  ...sequence(0x50, `i64.eqz ${of("i64", intCompare)}`),
  ...sequence(0x5b, of("f32", floatCompare)),
  ...sequence(0x61, of("f64", floatCompare)),
  ...sequence(0x6a, of("i32", intArithmetic)),
  ...sequence(0x7c, of("i64", intArithmetic)),
  ...sequence(0x8b, of("f32", floatArithmetic)),
  ...sequence(0x99, of("f64", floatArithmetic)),
  ...sequence(0xac, "i64.extend_i32_s"),
  ...sequence(0xb6, "f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s - f64.promote_f32"),
  ...sequence(0xbc, "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"),
  ...sequence(BULK + 2, "i32.trunc_sat_f64_s i32.trunc_sat_f64_u"),
  ...sequence(BULK + 10, "memory.copy memory.fill"),
  ...sequence(VECTOR + 0, "v128.load"),
  ...sequence(VECTOR + 9, "v128.load32_splat v128.load64_splat v128.store v128.const i8x16.shuffle"),
  ...sequence(VECTOR + 17, "i32x4.splat i64x2.splat f32x4.splat f64x2.splat"),
  ...sequence(VECTOR + 27, "i32x4.extract_lane i32x4.replace_lane - - f32x4.extract_lane f32x4.replace_lane"),
  ...sequence(VECTOR + 33, "f64x2.extract_lane f64x2.replace_lane"),
  ...sequence(VECTOR + 55, of("i32x4", intCompare)),
  ...sequence(VECTOR + 65, of("f32x4", floatCompare)),
  ...sequence(VECTOR + 71, of("f64x2", floatCompare)),
  ...sequence(VECTOR + 77, "v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true"),
  ...sequence(VECTOR + 86, "v128.load32_lane v128.load64_lane - - v128.store32_lane v128.store64_lane"),
  ...sequence(VECTOR + 92, "v128.load32_zero v128.load64_zero"),
  ...sequence(VECTOR + 94, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"),
  ...sequence(VECTOR + 99, "i8x16.all_true"),
  ...sequence(VECTOR + 103, of("f32x4", "ceil floor trunc nearest")),
  ...sequence(VECTOR + 116, of("f64x2", "ceil floor - - - - trunc")),
  ...sequence(VECTOR + 137, "i16x8.extend_low_i8x16_u"),
  ...sequence(VECTOR + 148, "f64x2.nearest"),
  ...sequence(VECTOR + 160, of("i32x4", "abs neg - all_true bitmask")),
  ...sequence(VECTOR + 169, "i32x4.extend_low_i16x8_u"),
  ...sequence(VECTOR + 171, of("i32x4", "shl shr_s shr_u add - - sub - - - mul min_s - max_s")),
  ...sequence(VECTOR + 199, "i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s"),
  ...sequence(VECTOR + 203, of("i64x2", "shl shr_s shr_u add - - sub")),
  ...sequence(VECTOR + 224, of("f32x4", "abs neg - sqrt add sub mul div min max pmin pmax")),
  ...sequence(VECTOR + 236, of("f64x2", "abs neg - sqrt add sub mul div min max pmin pmax")),
  ...sequence(VECTOR + 248, "i32x4.trunc_sat_f32x4_s - f32x4.convert_i32x4_s"),
  ...sequence(
    VECTOR + 261,
    `${of("f32x4", "relaxed_madd relaxed_nmadd")} ${of("f64x2", "relaxed_madd relaxed_nmadd")}`,
  ),
  ...sequence(VECTOR + 252, "i32x4.trunc_sat_f64x2_s_zero - f64x2.convert_low_i32x4_s"),
])
