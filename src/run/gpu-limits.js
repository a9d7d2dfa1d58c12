// @ts-check
// What of a call is too large for a device.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { GpuProgram } from "../gpu/program.ts" */
/** @import { Layout } from "./gpu-layout.js" */

/**
 * What is too large: in words, the argument if it is one, its bytes, and how many there may be.
 * @typedef {{ readonly what: string, readonly name: string | undefined, readonly bytes: number, readonly most: number }} Shortage
 */

/**
 * The first that is too large.
 * @param {GpuProgram} program
 * @param {Layout} layout
 * @param {{ readonly maxStorageBufferBindingSize: number, readonly maxBufferSize: number }} limits
 * @param {number} [read] how many words are read back besides the outputs, if those are
 * @returns {Shortage | undefined}
 */
export function shortageOf(program, layout, { maxStorageBufferBindingSize, maxBufferSize }, read) {
  const binding = Math.min(maxStorageBufferBindingSize, maxBufferSize)
  const one = (
    /** @type {string} */ what,
    /** @type {string | undefined} */ name,
    /** @type {number | undefined} */ words = 0,
    most = binding,
  ) => ({ what, name, bytes: words * 4, most })
  const all = [
    ...program.inputs.map(({ name }, i) => one(`\`${name}\``, name, layout.inputs[i])),
    ...program.outputs.map(({ name }, i) => one(`the result for \`${name}\``, name, layout.outputs[i])),
    one("scratch memory", undefined, layout.arenaWords),
  ]
  if (read !== undefined)
    all.push(
      one(
        "all that is read back",
        undefined,
        layout.outputs.reduce((x, y) => x + y, read),
        maxBufferSize,
      ),
    )
  return all.find(({ bytes, most }) => bytes > most)
}
