// @ts-check
// What a call of a program for WebGPU needs, in numbers: formulas, the words of the arena, workgroups and the words of the uniform.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { Count, Entry, EntryPlace, GpuProgram, RowWay } from "../gpu/program.ts" */

/**
 * Functions of the operators that formulas use.
 * @typedef {Readonly<Record<string, (...args: number[]) => number>>} Operators
 */

/**
 * What the device allows: bytes of one binding, and workgroups of one dispatch.
 * @typedef {{ readonly maxStorageBufferBindingSize: number, readonly maxComputeWorkgroupsPerDimension: number }} LayoutLimits
 */

/**
 * The numbers of one call.
 * @typedef {object} Layout
 * @property {readonly number[]} inputs The elements of each input.
 * @property {readonly number[]} outputs The elements of each output.
 * @property {readonly number[]} offsets The first word of each region.
 * @property {number} arenaWords
 * @property {readonly { dispatch: number, entry: EntryPlace, workgroups: number }[]} runs Which entries run one after another, and how many workgroups each has.
 * @property {Int32Array<ArrayBuffer>} uniform
 */

/** No dispatch has more workgroups: each takes further rows instead. */
export const mostWorkgroups = 4096
/** Bytes that all copies of regions for workgroups and threads may take before fewer of them run. */
const copiesBytes = 67108864
/** Regions start at multiples of this many words. */
const regionWords = 64

/**
 * The values of the formulas of a program.
 * @param {GpuProgram} program
 * @param {readonly number[]} sizes in the order of `sizeNames`
 * @param {Operators} operators
 * @returns {readonly number[]}
 */
export function formulaValues(program, sizes, operators) {
  /** @type {number[]} */
  const values = []
  for (const formula of program.formulas)
    values.push(
      "size" in formula
        ? /** @type {number} */ (sizes[program.sizeNames.indexOf(formula.size)])
        : /** @type {(...args: number[]) => number} */ (operators[formula.op])(
            ...formula.args.map((arg) => countOf(arg, values)),
          ),
    )
  return values
}

/**
 * @param {Count} count
 * @param {readonly number[]} formulas
 */
function countOf(count, formulas) {
  return typeof count === "number" ? count : /** @type {number} */ (formulas[count.formula])
}

/**
 * Lays out a call. Numbers may be too large for the device: whoever makes buffers checks that. Few rows are taken in parts if these
 * fit.
 * @param {GpuProgram} program
 * @param {readonly number[]} sizes in the order of `sizeNames`
 * @param {readonly number[]} scalars in the order of `scalars`; bools as 0 and 1
 * @param {Operators} operators
 * @param {LayoutLimits} limits
 * @returns {Layout}
 */
export function layoutOf(program, sizes, scalars, operators, limits) {
  const formulas = formulaValues(program, sizes, operators)
  const hasFew = program.dispatches.every(
    ({ way, rows = 0 }) => way !== "rows" || countOf(rows, formulas) <= program.fewRows,
  )
  const parts = hasFew ? layoutBy("parts", program, formulas, scalars, limits) : undefined
  const fits = parts && parts.arenaWords * 4 <= limits.maxStorageBufferBindingSize
  return fits ? parts : layoutBy("rows", program, formulas, scalars, limits)
}

/**
 * @param {RowWay} way
 * @param {GpuProgram} program
 * @param {readonly number[]} formulas
 * @param {readonly number[]} scalars
 * @param {LayoutLimits} limits
 * @returns {Layout}
 */
function layoutBy(way, program, formulas, scalars, limits) {
  const count = (/** @type {Count} */ value) => countOf(value, formulas)
  const isUsed = (/** @type {{ readonly way?: RowWay }} */ one) => one.way === undefined || one.way === way
  const regions = program.regions.map((region) => (isUsed(region) ? region : { ...region, length: 0 }))
  const copying = program.dispatches.filter(
    (dispatch, d) => isUsed(dispatch) && copiedWords(program, d, undefined, count) > 0,
  )
  const once = regions.reduce(
    (words, region) => words + (region.copies.kind === "once" ? padded(count(region.length)) : 0),
    0,
  )
  const share =
    Math.max(0, Math.min(copiesBytes / 4, limits.maxStorageBufferBindingSize / 4 - once)) /
    Math.max(1, copying.length)
  const isFours = (/** @type {Entry | undefined} */ entry) =>
    entry?.fours?.every(
      (length) => count(length) >= program.foursFrom && (entry.leavesRest || count(length) % 4 === 0),
    )
  const dispatches = program.dispatches.map((dispatch, d) => {
    const rows = dispatch.rows === undefined ? 1 : count(dispatch.rows)
    const isLong = Math.max(0, ...dispatch.inner.map(count)) > program.shortRow
    const plain = dispatch.entries[1] ? 1 : 0
    const long = dispatch.entries[2] && rows >= program.tiledRows ? 2 : plain
    const usual = isLong ? long : 0
    /** @type {EntryPlace} */
    const entry = usual === plain && isFours(dispatch.entries[3]) ? 3 : usual
    const { rowPer, tile = 1, leavesRest } = /** @type {Entry} */ (dispatch.entries[entry])
    const wanted =
      dispatch.rows === undefined
        ? 1
        : Math.ceil(rows / (tile * (rowPer === "workgroup" ? 1 : program.workgroupSize)))
    const words = copiedWords(program, d, entry, count)
    const most = Math.min(
      mostWorkgroups,
      limits.maxComputeWorkgroupsPerDimension,
      words > 0 ? Math.floor(share / words) : Infinity,
    )
    if (!isUsed(dispatch)) return { entry, workgroups: 0, rest: undefined, all: 0 }
    const workgroups = Math.max(1, Math.min(wanted, most))
    // One more workgroup takes the rest.
    const rest = leavesRest && rows % 4 > 0 ? { first: rows - (rows % 4), before: workgroups } : undefined
    return { entry, workgroups, rest, all: workgroups + (rest ? 1 : 0) }
  })
  const dispatchOf = (/** @type {number} */ place) =>
    /** @type {typeof dispatches[number]} */ (dispatches[place])
  let arenaWords = 0
  const offsets = regions.map(({ length, copies }) => {
    const offset = arenaWords
    let words = count(length)
    if (copies.kind !== "once") {
      const { entry, all } = dispatchOf(copies.dispatch)
      const isTaken = copies.entry === undefined || copies.entry === entry
      words *= isTaken ? all * (copies.kind === "threads" ? program.workgroupSize : 1) : 0
    }
    arenaWords += padded(words)
    return offset
  })
  const uniform = new Int32Array(Math.max(4, Math.ceil(program.fields.length / 4) * 4))
  const reals = new Float32Array(uniform.buffer)
  program.fields.forEach((field, i) => {
    if (field.kind === "formula") uniform[i] = /** @type {number} */ (formulas[field.formula])
    else if (field.kind === "offset") uniform[i] = /** @type {number} */ (offsets[field.region])
    else if (field.kind === "workgroups") uniform[i] = dispatchOf(field.dispatch).all
    else if (field.kind === "first") uniform[i] = dispatchOf(field.dispatch).rest?.first ?? 0
    else if (field.kind === "before") uniform[i] = dispatchOf(field.dispatch).rest?.before ?? 0
    else if (field.kind === "infinity") reals[i] = Infinity
    else {
      const value = /** @type {number} */ (scalars[field.scalar])
      if (program.scalars[field.scalar]?.type === "real") reals[i] = value
      else uniform[i] = Math.max(-2147483648, Math.min(value, 2147483647))
    }
  })
  return {
    inputs: program.inputs.map(({ length }) => count(length)),
    outputs: program.outputs.map(({ length }) => count(length)),
    offsets,
    arenaWords: Math.max(arenaWords, 4),
    runs: dispatches.flatMap(({ entry, workgroups, rest }, dispatch) => [
      ...(workgroups > 0 ? [{ dispatch, entry, workgroups }] : []),
      ...(rest ? [{ dispatch, entry: /** @type {EntryPlace} */ (0), workgroups: 1 }] : []),
    ]),
    uniform,
  }
}

/** @param {number} words */
function padded(words) {
  return Math.ceil(words / regionWords) * regionWords
}

/**
 * The words that one workgroup of a dispatch adds to the arena, by either entry if none is given.
 * @param {GpuProgram} program
 * @param {number} dispatch
 * @param {EntryPlace | undefined} entry
 * @param {(value: Count) => number} count
 */
function copiedWords(program, dispatch, entry, count) {
  return program.regions.reduce((words, { length, copies }) => {
    if (copies.kind === "once" || copies.dispatch !== dispatch) return words
    if (entry !== undefined && copies.entry !== undefined && copies.entry !== entry) return words
    return words + count(length) * (copies.kind === "threads" ? program.workgroupSize : 1)
  }, 0)
}
