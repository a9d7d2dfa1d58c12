// @ts-check
// Writes a call in pieces of rows into an encoder of the caller: pieces are parts of the caller's buffers, and what they give is put
// together on the device.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { usage } from "./gpu-buffers.js"
import { factorWords } from "./gpu-merge.js"
/** @import { GpuProgram } from "../gpu/program.ts" */
/** @import { Part } from "./gpu-buffers.js" */
/** @import { GpuBuffer, GpuCommandEncoder } from "./gpu-device.ts" */
/** @import { Layout } from "./gpu-layout.js" */
/** @import { GpuMachine, Numbers, Report } from "./gpu-machine.js" */
/** @import { Merge } from "./gpu-merge.js" */
/** @import { Piece, Split } from "./gpu-pieces.js" */

/**
 * A call in pieces: the machine that runs them, and the numbers of one of some rows, with factors of losses and weights where the
 * mean divides by weights.
 * @typedef {object} Cut
 * @property {Split} split
 * @property {GpuMachine} machine
 * @property {number} rows
 * @property {readonly Piece[]} pieces
 * @property {(some: number, factors: readonly number[]) => Numbers} numbersOf
 */

/**
 * The fewest rows after which each array of rows is at a multiple of the alignment, a power of two.
 * @param {readonly Part[]} arrays
 * @param {number} rows
 * @param {number} alignment
 */
export function alignedRows(arrays, rows, alignment) {
  let some = 1
  for (const { size } of arrays) while (((size / Math.max(1, rows)) * some) % alignment !== 0) some *= 2
  return some
}

/**
 * The part of an array that holds the rows of a piece.
 * @param {Part} part
 * @param {Piece} piece
 * @param {number} rows of the whole batch
 * @returns {Part}
 */
function partOfRows({ buffer, offset, size }, { first, end }, rows) {
  const row = size / rows
  return { buffer, offset: offset + row * first, size: row * (end - first) }
}

/**
 * Records a call. Those of its results that `copies` names by number are copied there. What is returned reads the report when the
 * commands have been submitted.
 * @param {GpuProgram} program of the call; that of the pieces may have other results
 * @param {Cut} cut
 * @param {Merge} merge
 * @param {GpuCommandEncoder} encoder
 * @param {readonly Part[]} inputs
 * @param {readonly Part[]} outputs
 * @param {readonly { readonly result: number, readonly to: Part }[]} copies
 * @returns {() => Promise<Report>}
 */
export function encodePieces(program, cut, merge, encoder, inputs, outputs, copies) {
  const { split, machine, rows, pieces, numbersOf } = cut
  const { buffers } = machine
  const own = machine.program
  const bytes = own.results.length * 4
  const isRows = (/** @type {number} */ output) => split.outputs.includes(output)
  const rowsOf = (/** @type {Part} */ part, /** @type {Piece} */ piece) => partOfRows(part, piece, rows)
  // Rows of pieces, and whole sums, which are in one piece.
  const written = outputs.flatMap((part, output) => {
    const elements = part.size / 4 / rows
    return isRows(output)
      ? pieces.map((piece, k) => ({ output, k, part: rowsOf(part, piece), first: elements * piece.first }))
      : [{ output, k: 0, part, first: 0 }]
  })
  const isPer = split.mean === "per"
  const isTwice = isPer && (outputs.length > 0 || own.results.some(({ name }) => name.startsWith("grad:")))
  /** Which of the wholes has a result, and where. */
  const placeOf = (/** @type {number} */ result) => {
    const { name } = /** @type {GpuProgram["results"][number]} */ (program.results[result])
    const at = own.results.findIndex((one) => one.name === name) * 4
    return { name, time: isTwice && name.startsWith("grad:") ? 1 : 0, at }
  }
  // The results of each piece, those of both wholes, and the places that are not finite.
  const wholesAt = pieces.length * bytes
  const foundAt = wholesAt + 2 * bytes
  const size = foundAt + (machine.scan ? written.length * 4 : 0)

  const read = machine.recorded(size, (report) => {
    const uses = usage.storage | usage.copyDst | usage.copySrc
    const alignment = machine.device.limits.minStorageBufferOffsetAlignment
    const stride = Math.ceil(bytes / alignment) * alignment
    const slots = buffers.part("results of pieces", stride * pieces.length, uses)
    const slotOf = (/** @type {number} */ k) => ({ buffer: slots.buffer, offset: stride * k, size: bytes })
    const wholes = [0, 1].map((time) => buffers.part(`results ${time}`, bytes + factorWords * 4, uses))
    const [first, second] = /** @type {[Part, Part]} */ (wholes)
    /**
     * Runs all pieces.
     * @param {Part} whole
     * @param {(layout: Layout) => GpuBuffer | undefined} uniformOf
     */
    const run = (whole, uniformOf) => {
      encoder.clearBuffer(whole.buffer)
      pieces.forEach((piece, k) => {
        const layout = machine.layout(numbersOf(piece.end - piece.first, [1, 0]))
        const parts = outputs.map((part, i) =>
          isRows(i) ? rowsOf(part, piece) : buffers.part(`sums ${i}`, part.size, uses),
        )
        const arena = machine.record(
          encoder,
          layout,
          inputs.map((part, i) => (split.inputs.includes(i) ? rowsOf(part, piece) : part)),
          parts,
          uniformOf(layout),
        )
        encoder.copyBufferToBuffer(arena, 0, slots.buffer, stride * k, bytes)
        encoder.copyBufferToBuffer(arena, 0, report, bytes * k, bytes)
        merge.record(encoder, "take", { piece: slotOf(k), whole })
        outputs.forEach((sums, i) => {
          if (!isRows(i)) merge.record(encoder, "add", { whole, terms: /** @type {Part} */ (parts[i]), sums })
        })
      })
    }
    run(first, () => undefined)
    if (isPer) merge.record(encoder, "divide", { whole: first })
    if (isTwice) run(second, (layout) => withFactors(machine, encoder, layout, first.buffer, bytes))
    const isScaled = split.mean === "count" || (isTwice && split.emptyIsZero)
    if (isScaled)
      for (const { output, k, part } of written)
        if (isPer || isRows(output))
          merge.record(encoder, "scale", { piece: slotOf(k), whole: first, sums: part })
    if (isScaled && isPer)
      merge.record(encoder, "scale", { piece: slotOf(0), whole: first, sums: { ...second, size: bytes } })
    wholes.forEach(({ buffer }, time) =>
      encoder.copyBufferToBuffer(buffer, 0, report, wholesAt + time * bytes, bytes),
    )
    for (const { result, to } of copies) {
      const { time, at } = placeOf(result)
      encoder.copyBufferToBuffer(/** @type {Part} */ (wholes[time]).buffer, at, to.buffer, to.offset, 4)
    }
    const searched = written.map(({ part }) => part)
    machine.scan?.record(encoder, searched, report, foundAt)
  })

  return async () => {
    const data = await read()
    const ints = new Int32Array(data)
    const reals = new Float32Array(data)
    const results = program.results.map(({ type }, result) => {
      const { name, time, at } = placeOf(result)
      if (!name.startsWith("label:")) {
        const word = (wholesAt + time * bytes + at) / 4
        return /** @type {number} */ (type === "real" ? reals[word] : ints[word])
      }
      const input = /** @type {number} */ (split.labels[Number(name.slice("label:".length))])
      const elements = /** @type {Part} */ (inputs[input]).size / 4 / rows
      // How far before the end of the whole argument, if there is one.
      const distances = pieces.map(({ end }, k) => {
        const distance = /** @type {number} */ (ints[(k * bytes + at) / 4])
        return distance > 0 && split.inputs.includes(input) ? distance + elements * (rows - end) : distance
      })
      return Math.max(...distances)
    })
    const notFinite = program.outputs.map(() => -1)
    written.forEach(({ output, part, first }, i) => {
      const distance = machine.scan ? /** @type {number} */ (ints[foundAt / 4 + i]) : 0
      if (distance > 0 && notFinite[output] === -1) notFinite[output] = first + part.size / 4 - distance
    })
    return { results, notFinite }
  }
}

/**
 * The uniform of a call whose last two scalars are factors that only the device knows.
 * @param {GpuMachine} machine
 * @param {GpuCommandEncoder} encoder
 * @param {Layout} layout
 * @param {GpuBuffer} from
 * @param {number} offset of the factors in bytes
 */
function withFactors({ buffers, program: { fields, scalars } }, encoder, layout, from, offset) {
  const uniform = buffers.newUniform(layout.uniform)
  for (let factor = 0; factor < factorWords; factor++) {
    const scalar = scalars.length - factorWords + factor
    const word = fields.findIndex((field) => field.kind === "scalar" && field.scalar === scalar)
    if (word >= 0) encoder.copyBufferToBuffer(from, offset + factor * 4, uniform, word * 4, 4)
  }
  return uniform
}
