// @ts-check
// Runs calls of a program on a device: whole, or in pieces of rows where the device cannot hold all of them at once.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { alignedRows, encodePieces } from "./gpu-encode.js"
import { GpuMachine } from "./gpu-machine.js"
import { Merge } from "./gpu-merge.js"
import { PieceResults, rowsOf } from "./gpu-pieces.js"
/** @import { GpuProgram, Pieces } from "../gpu/program.ts" */
/** @import { Part } from "./gpu-buffers.js" */
/** @import { GpuCommandEncoder, GpuDevice } from "./gpu-device.ts" */
/** @import { Cut } from "./gpu-encode.js" */
/** @import { Failure } from "./gpu-guard.js" */
/** @import { Operators } from "./gpu-layout.js" */
/** @import { Shortage } from "./gpu-limits.js" */
/** @import { Numbers, Report } from "./gpu-machine.js" */
/** @import { Piece, Results, Split } from "./gpu-pieces.js" */

/** A program on a device that takes batches of any size where their rows are independent. */
export class GpuRunner {
  /** @type {Pieces | undefined} */
  #split
  /** @type {GpuMachine | undefined} */
  #scaled
  /** @type {Merge | undefined} */
  #merge

  /**
   * @param {GpuDevice} device
   * @param {GpuProgram} program
   * @param {() => Pieces} pieces asked for when a call is too large for the device
   * @param {Operators} operators of all programs
   * @param {Failure} fail
   * @param {boolean} finite whether outputs are searched for numbers that are not finite
   */
  constructor(device, program, pieces, operators, fail, finite) {
    this.machineOf = (/** @type {GpuProgram} */ one) => new GpuMachine(device, one, operators, fail, finite)
    this.machine = this.machineOf(program)
    this.pieces = pieces
  }

  /**
   * Runs a call. `accept` is called with the report before an output is written, and may throw.
   * @param {Numbers} numbers
   * @param {readonly (Float32Array | Int32Array | Uint32Array)[]} inputs
   * @param {readonly Float32Array[]} outputs
   * @param {(report: Report) => void} accept
   */
  async run(numbers, inputs, outputs, accept) {
    const { machine } = this
    const shortage = machine.shortage(numbers, true)
    if (!shortage) return machine.run(numbers, inputs, outputs, accept)
    const found = await this.#inPieces(this.#cut(numbers, shortage, true), inputs, outputs)
    const report = {
      results: machine.program.results.map(({ name }) => found.numbers.get(name) ?? 0),
      notFinite: found.notFinite,
    }
    accept(report)
    outputs.forEach((output, i) => output.set(/** @type {Float32Array} */ (found.outputs[i])))
    return report
  }

  /**
   * Writes the commands of a call into an encoder of the caller. Of the scalar results those that `copies` names by number are
   * copied there. What is returned reads the report when the commands have been submitted.
   * @param {GpuCommandEncoder} encoder
   * @param {Numbers} numbers
   * @param {readonly Part[]} inputs
   * @param {readonly Part[]} outputs
   * @param {readonly { readonly result: number, readonly to: Part }[]} copies
   * @returns {() => Promise<Report>}
   */
  encode(encoder, numbers, inputs, outputs, copies) {
    const { machine } = this
    machine.guard.check()
    const shortage = machine.shortage(numbers, false)
    if (!shortage) return machine.encode(encoder, numbers, inputs, outputs, copies)
    const cut = this.#cut(numbers, shortage, false, ({ split, rows }) =>
      alignedRows(
        [...split.inputs.map((i) => inputs[i]), ...split.outputs.map((i) => outputs[i])],
        rows,
        machine.device.limits.minStorageBufferOffsetAlignment,
      ),
    )
    const merge = (this.#merge ??= new Merge(machine.device, cut.machine.program, cut.split))
    return encodePieces(machine.program, cut, merge, encoder, inputs, outputs, copies)
  }

  /**
   * Cuts a call into pieces. Throws if it cannot be.
   * @param {Numbers} numbers
   * @param {Shortage} shortage
   * @param {boolean} isRead whether outputs are read back
   * @param {(call: { split: Split, rows: number }) => number} stepOf the rows of a piece are a multiple of it, but for the last
   * @returns {Cut}
   */
  #cut(numbers, shortage, isRead, stepOf = () => 1) {
    const { program } = this.machine
    const split = (this.#split ??= this.pieces())
    if ("why" in split) throw this.machine.tooLarge(shortage, `the batch cannot run in pieces: ${split.why}`)
    const machine = split.scaled ? (this.#scaled ??= this.machineOf(split.scaled)) : this.machine
    const rows = /** @type {number} */ (numbers.sizes[split.size])
    const numbersOf = (/** @type {number} */ some, /** @type {readonly number[]} */ factors) => ({
      sizes: machine.program.sizeNames.map((name) => {
        const place = program.sizeNames.indexOf(name)
        return place === split.size ? some : /** @type {number} */ (numbers.sizes[place])
      }),
      scalars: split.scaled ? [...numbers.scalars, ...factors] : numbers.scalars,
    })
    const shortageOf = (/** @type {number} */ some) => machine.shortage(numbersOf(some, [1, 0]), isRead)
    const step = stepOf({ split, rows })
    const least = Math.max(1, Math.min(step, rows))
    const short = shortageOf(least)
    if (short) {
      const { axis } = split
      const { minStorageBufferOffsetAlignment: alignment } = machine.device.limits
      throw machine.tooLarge(
        short,
        least === 1
          ? `a single row along axis ${axis} does not fit`
          : `${least} rows along axis ${axis} do not fit, and fewer do not end at a multiple of ${alignment} bytes in every buffer`,
      )
    }
    return { split, machine, rows, numbersOf, pieces: piecesOf(rows, step, (some) => !shortageOf(some)) }
  }

  /**
   * @param {Cut} cut
   * @param {readonly (Float32Array | Int32Array | Uint32Array)[]} inputs
   * @param {readonly Float32Array[]} outputs
   * @returns {Promise<Results>}
   */
  async #inPieces({ split, machine, rows, numbersOf, pieces }, inputs, outputs) {
    const { program } = this.machine
    // The owner of the arrays may change them meanwhile.
    const copies = inputs.map((array) => array.slice())
    const lengths = outputs.map(({ length }) => length)
    const all = async (/** @type {readonly number[]} */ factors, /** @type {readonly number[]} */ wanted) => {
      const results = new PieceResults(split, rows, wanted)
      for (const piece of pieces) {
        const own = results.outputsOf(piece)
        const report = await machine.run(
          numbersOf(piece.end - piece.first, factors),
          copies.map((array, i) => (split.inputs.includes(i) ? rowsOf(array, piece, rows) : array)),
          own,
          () => {},
        )
        results.add(piece, {
          numbers: new Map(machine.program.results.map(({ name }, i) => [name, report.results[i] ?? 0])),
          outputs: own,
          notFinite: report.notFinite,
        })
      }
      return results.whole()
    }
    if (split.mean !== "per") return all([], lengths)
    const sums = (await all([1, 0], [])).numbers
    const [total = 0, weight = 0] = ["loss", "per"].map((name) => sums.get(name))
    const isZero = weight === 0 && split.emptyIsZero
    const mean = new Map([
      ["loss", isZero ? 0 : total / weight],
      ["count", sums.get("count") ?? 0],
      ["per", weight],
    ])
    const hasGradients = outputs.length > 0 || program.results.some(({ name }) => name.startsWith("grad:"))
    if (isZero || !hasGradients)
      return {
        numbers: mean,
        outputs: lengths.map((length) => new Float32Array(length)),
        notFinite: lengths.map(() => -1),
      }
    const found = await all([1 / weight, -total / weight / weight], lengths)
    return { ...found, numbers: new Map([...found.numbers, ...mean]) }
  }

  /** Gives the buffers back. Calls are refused from then on. */
  destroy() {
    this.machine.destroy()
    this.#scaled?.destroy()
  }
}

/**
 * Pieces of as many rows as fit, all of one size but the last.
 * @param {number} rows
 * @param {number} step a multiple of which they have, and which fits
 * @param {(some: number) => boolean} fits
 * @returns {readonly Piece[]}
 */
function piecesOf(rows, step, fits) {
  let most = step
  for (let more = step * 2 ** Math.floor(Math.log2(rows / step)); more >= step; more /= 2)
    if (most + more < rows && fits(most + more)) most += more
  const size = Math.ceil(rows / Math.ceil(rows / most) / step) * step
  return Array.from({ length: Math.ceil(rows / size) }, (_, k) => ({
    first: k * size,
    end: Math.min(rows, (k + 1) * size),
  }))
}
