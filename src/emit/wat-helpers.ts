// Functions of WebAssembly as text, and those that several statements call: division of ints, and fills.
import type { Code } from "./machine.ts"

/** The text of a function. */
export function functionText(
  name: string,
  params: readonly (readonly [name: string, type: string])[],
  results: readonly string[],
  code: Code,
  exported?: string,
): string {
  return [
    `  (func ${name}${exported === undefined ? "" : ` (export "${exported}")`}`,
    ...params.map(([p, type]) => `    (param ${p} ${type})`),
    ...(results.length === 0 ? [] : [`    (result ${results.join(" ")})`]),
    ...code.locals.map(([p, type]) => `    (local ${p} ${type})`),
    ...code.lines.map((line) => `    ${line}`),
    "  )",
  ].join("\n")
}

/** Rounded towards minus infinity; by 0 it is 0, because what is not used must not fail. */
export const quotient = `  (func $int_idiv (param $x i32) (param $y i32) (result i32)
    (if (i32.eqz (local.get $y)) (then (return (i32.const 0))))
    (i32.trunc_sat_f64_s (f64.floor (f64.div (f64.convert_i32_s (local.get $x)) (f64.convert_i32_s (local.get $y)))))
  )`

/** It has the sign of the divisor; by 0 it is 0. */
export const remainder = `  (func $int_mod (param $x i32) (param $y i32) (result i32) (local $r i32)
    (if (i32.eqz (local.get $y)) (then (return (i32.const 0))))
    (local.set $r (i32.rem_s (local.get $x) (local.get $y)))
    (select
      (i32.add (local.get $r) (local.get $y))
      (local.get $r)
      (i32.and (i32.ne (local.get $r) (i32.const 0)) (i32.lt_s (i32.xor (local.get $r) (local.get $y)) (i32.const 0))))
  )`

/** A function that sets elements to a value. */
export const filler = (type: "f32" | "f64", size: number): string => {
  const value = type === "f32" ? "(f32.demote_f64 (local.get $value))" : "(local.get $value)"
  return `  (func $fill_${type} (param $at i32) (param $length i32) (param $value f64)
    (if (i32.gt_s (local.get $length) (i32.const 0)) (then (loop $next
      (${type}.store (local.get $at) ${value})
      (local.set $at (i32.add (local.get $at) (i32.const ${size})))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br_if $next (local.get $length)))))
  )`
}

/** A function that sets bytes, a multiple of 4, to 0. The instruction for it is a call into the engine: few bytes are faster without. */
export const clearer = `  (func $clear (param $at i32) (param $bytes i32)
    (if (i32.gt_u (local.get $bytes) (i32.const 512))
      (then (memory.fill (local.get $at) (i32.const 0) (local.get $bytes)) (return)))
    (if (i32.ge_u (local.get $bytes) (i32.const 16)) (then (loop $vectors
      (v128.store (local.get $at) (v128.const i32x4 0 0 0 0))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $bytes (i32.sub (local.get $bytes) (i32.const 16)))
      (br_if $vectors (i32.ge_u (local.get $bytes) (i32.const 16))))))
    (if (local.get $bytes) (then (loop $rest
      (i32.store (local.get $at) (i32.const 0))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (local.set $bytes (i32.sub (local.get $bytes) (i32.const 4)))
      (br_if $rest (local.get $bytes)))))
  )`
