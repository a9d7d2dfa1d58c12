// @ts-check
// Runs calls of a program on a device: whole, or in pieces of rows where the device cannot hold all of them at once.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { GpuMachine } from "./gpu-machine.js"
import { PieceResults, rowsOf } from "./gpu-pieces.js"
/** @import { GpuProgram, Pieces } from "../gpu/program.ts" */
/** @import { GpuDevice } from "./gpu-device.ts" */
/** @import { Failure } from "./gpu-guard.js" */
/** @import { Operators } from "./gpu-layout.js" */
/** @import { Numbers, Report } from "./gpu-machine.js" */
/** @import { Piece, Results, Split } from "./gpu-pieces.js" */

/** A program on a device that takes batches of any size where their rows are independent. */
export class GpuRunner {
  /** @type {GpuMachine | undefined} */
  #scaled

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
    const shortage = machine.shortage(numbers)
    if (!shortage) return machine.run(numbers, inputs, outputs, accept)
    const split = this.pieces()
    if ("why" in split) throw machine.tooLarge(shortage, `the batch cannot run in pieces: ${split.why}`)
    const found = await this.#inPieces(split, numbers, inputs, outputs)
    const report = {
      results: machine.program.results.map(({ name }) => found.numbers.get(name) ?? 0),
      notFinite: found.notFinite,
    }
    accept(report)
    outputs.forEach((output, i) => output.set(/** @type {Float32Array} */ (found.outputs[i])))
    return report
  }

  /**
   * @param {Split} split
   * @param {Numbers} numbers
   * @param {readonly (Float32Array | Int32Array | Uint32Array)[]} inputs
   * @param {readonly Float32Array[]} outputs
   * @returns {Promise<Results>}
   */
  async #inPieces(split, numbers, inputs, outputs) {
    const { program } = this.machine
    const machine = split.scaled ? (this.#scaled ??= this.machineOf(split.scaled)) : this.machine
    const rows = /** @type {number} */ (numbers.sizes[split.size])
    /**
     * The numbers of a call of some rows.
     * @param {number} some
     * @param {readonly number[]} factors
     */
    const numbersOf = (some, factors) => ({
      sizes: machine.program.sizeNames.map((name) => {
        const place = program.sizeNames.indexOf(name)
        return place === split.size ? some : /** @type {number} */ (numbers.sizes[place])
      }),
      scalars: split.scaled ? [...numbers.scalars, ...factors] : numbers.scalars,
    })
    const pieces = cut(rows, split.axis, machine, (some) => numbersOf(some, [1, 0]))
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
 * @param {string} axis of the rows
 * @param {GpuMachine} machine
 * @param {(some: number) => Numbers} numbersOf a call of some rows
 * @returns {readonly Piece[]}
 */
function cut(rows, axis, machine, numbersOf) {
  const single = machine.shortage(numbersOf(1))
  if (single) throw machine.tooLarge(single, `a single row along axis ${axis} does not fit`)
  let most = 1
  for (let more = 2 ** Math.floor(Math.log2(rows)); more >= 1; more /= 2)
    if (most + more < rows && !machine.shortage(numbersOf(most + more))) most += more
  const size = Math.ceil(rows / Math.ceil(rows / most))
  return Array.from({ length: Math.ceil(rows / size) }, (_, k) => ({
    first: k * size,
    end: Math.min(rows, (k + 1) * size),
  }))
}
