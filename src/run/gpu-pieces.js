// @ts-check
// Puts the results of pieces of a batch together: those of rows side by side, sums in f64 in the order of the pieces.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { Pieces } from "../gpu/program.ts" */

/**
 * @typedef {Exclude<Pieces, { why: string }>} Split
 * @typedef {{ readonly first: number, readonly end: number }} Piece The rows from the first to before the end.
 */

/**
 * What some rows give: scalar results by name, outputs, and where these are not finite, or -1.
 * @typedef {{ readonly numbers: ReadonlyMap<string, number>, readonly outputs: readonly Float32Array[], readonly notFinite: readonly number[] }} Results
 */

/** The results of the pieces of a call. */
export class PieceResults {
  /** @type {Map<string, number>} */
  #numbers = new Map()
  /** @type {readonly Float32Array[]} */
  #outputs
  /** @type {readonly (Float64Array | undefined)[]} of the outputs that are sums over the rows */
  #sums
  /** @type {number[]} */
  #notFinite
  /** @type {{ readonly piece: Piece, readonly weight: number }[]} */
  #weights = []
  /** @type {Results | undefined} of the piece that came last */
  #last

  /**
   * @param {Split} split
   * @param {number} rows of the whole batch
   * @param {readonly number[]} lengths of the outputs
   */
  constructor(split, rows, lengths) {
    this.split = split
    this.rows = rows
    this.#outputs = lengths.map((length) => new Float32Array(length))
    this.#sums = lengths.map((length, i) =>
      split.outputs.includes(i) ? undefined : new Float64Array(length),
    )
    this.#notFinite = lengths.map(() => -1)
  }

  /**
   * Arrays for the outputs of a piece, those of rows where they stay.
   * @param {Piece} piece
   */
  outputsOf(piece) {
    return this.#outputs.map((output, i) =>
      this.#sums[i] ? new Float32Array(output.length) : rowsOf(output, piece, this.rows),
    )
  }

  /**
   * @param {Piece} piece
   * @param {Results} results
   */
  add(piece, results) {
    const { numbers, outputs, notFinite } = results
    // A mean over rows of equal weight is one of the means of pieces; that of a piece without rows may be NaN.
    const weight = this.split.mean === "count" ? (numbers.get("count") ?? 0) : 1
    this.#weights.push({ piece, weight })
    this.#last = results
    for (const [name, value] of numbers) {
      const times = isCount(name) ? 1 : weight
      if (times !== 0) this.#numbers.set(name, (this.#numbers.get(name) ?? 0) + times * value)
    }
    outputs.forEach((output, i) => {
      const sum = this.#sums[i]
      const place = at(notFinite, i)
      if (sum && weight !== 0) addTo(sum, output, weight)
      if (!sum && place >= 0 && this.#notFinite[i] === -1)
        this.#notFinite[i] = place + (output.length / (piece.end - piece.first)) * piece.first
    })
  }

  /**
   * The results of the whole batch.
   * @returns {Results}
   */
  whole() {
    const total = this.#weights.reduce((sum, { weight }) => sum + weight, 0)
    const notFinite = this.#notFinite
    const last = this.#last
    // Where there are no rows each piece says what the mean of nothing is.
    if (last && total === 0)
      return {
        numbers: last.numbers,
        outputs: this.#outputs.map((output, i) => (this.#sums[i] ? at(last.outputs, i) : output)),
        notFinite: notFinite.map((place, i) => (this.#sums[i] ? at(last.notFinite, i) : place)),
      }
    const divisor = this.split.mean === "count" ? total : 1
    const numbers = new Map(
      Array.from(this.#numbers, ([name, sum]) => [name, isCount(name) ? sum : sum / divisor]),
    )
    const outputs = this.#outputs.map((output, i) => {
      const sum = this.#sums[i]
      if (sum) return Float32Array.from(sum, (x) => x / divisor)
      if (divisor !== 1)
        for (const { piece, weight } of this.#weights) {
          const own = rowsOf(output, piece, this.rows)
          own.forEach((x, k) => (own[k] = weight === 0 ? 0 : x * (weight / divisor)))
        }
      return output
    })
    return {
      numbers,
      outputs,
      notFinite: notFinite.map((place, i) =>
        this.#sums[i] ? at(outputs, i).findIndex((x) => !Number.isFinite(x)) : place,
      ),
    }
  }
}

/** @param {string} name of a number that is a sum, whatever the loss is */
const isCount = (name) => name === "count" || name === "per"

/**
 * @template T
 * @param {ArrayLike<T>} list
 * @param {number} i
 */
const at = (list, i) => /** @type {T} */ (list[i])

/**
 * The elements of the rows of a piece.
 * @template {Float32Array | Int32Array | Uint32Array} T
 * @param {T} array
 * @param {Piece} piece
 * @param {number} rows of the whole batch
 */
export function rowsOf(array, { first, end }, rows) {
  const row = array.length / rows
  return /** @type {T} */ (array.subarray(first * row, end * row))
}

/**
 * @param {Float64Array} sum
 * @param {Float32Array} terms
 * @param {number} times
 */
function addTo(sum, terms, times) {
  for (let i = 0; i < sum.length; i++) sum[i] = at(sum, i) + times * at(terms, i)
}
