// Whether an engine has the relaxed instructions of WebAssembly: it is asked about the smallest module with one.
import { assemble } from "./assemble.ts"

let bytes: Uint8Array | undefined

/** A module of one relaxed instruction. */
export const relaxedProbe = (): Uint8Array =>
  (bytes ??= assemble(
    "(module (func $probe (param $x v128) (result v128) (f32x4.relaxed_madd (local.get $x) (local.get $x) (local.get $x))))",
  ))
