// Losses over sequences against the sum over every path, written out.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { crfNll, ctc, ctcLogProbs, softDtw, transducer } from "../src/stdlib.ts"

const seed = 20_061
const close = 1e-12

/** A path's log-weight and the entries that it adds up, each as a flat place. */
interface Path {
  readonly places: readonly number[]
}

/** -log Σ exp(Σ entries) over the paths and its gradient by the entries, summed without tricks. */
function byPaths(entries: readonly number[], paths: readonly Path[]): { loss: number; grad: number[] } {
  const weights = paths.map(({ places }) => Math.exp(places.reduce((sum, at) => sum + entries[at]!, 0)))
  const total = weights.reduce((x, y) => x + y, 0)
  const grad = entries.map(() => 0)
  paths.forEach(({ places }, i) => {
    for (const at of places) grad[at]! -= weights[i]! / total
  })
  return { loss: -Math.log(total), grad }
}

/** Every list of `length` numbers below `base`. */
function lists(length: number, base: number): number[][] {
  if (length === 0) return [[]]
  return lists(length - 1, base).flatMap((head) => Array.from({ length: base }, (_, last) => [...head, last]))
}

const spelled = (frames: readonly number[], blank: number): number[] =>
  frames.filter((symbol, i) => symbol !== blank && symbol !== frames[i - 1])

const reals = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: length, maxLength: length })

const tensor = (
  data: readonly number[],
  ...shape: number[]
): { data: Float64Array<ArrayBuffer>; shape: number[] } => ({ data: new Float64Array(data), shape })
const ints = (
  data: readonly number[],
  ...shape: number[]
): { data: Int32Array<ArrayBuffer>; shape: number[] } => ({
  data: new Int32Array(data),
  shape,
})

function agree(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length)
  const scale = Math.max(1, ...expected.map(Math.abs))
  expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(close * scale))
}

const options = { target: "js", dtype: "f64", reduction: "sum" } as const

describe("connectionist temporal classification", () => {
  const drawn = fc
    .record({
      frames: fc.integer({ min: 1, max: 4 }),
      symbols: fc.integer({ min: 2, max: 3 }),
      spare: fc.integer({ min: 0, max: 2 }),
    })
    .chain((sizes) =>
      fc.record({
        sizes: fc.constant(sizes),
        blank: fc.nat(sizes.symbols - 1),
        entries: reals((sizes.frames + sizes.spare) * sizes.symbols),
        raw: fc.array(fc.nat(sizes.symbols - 2), { maxLength: 3 }),
        padding: fc.nat(2),
      }),
    )

  test("log-probabilities and logits", () => {
    const probs = ctcLogProbs.kernel({ ...options, grad: ["logProbs"] })
    const scores = ctc.kernel({ ...options, grad: ["logits"] })
    const check = fc.property(drawn, ({ sizes, blank, entries, raw, padding }) => {
      const { frames, symbols, spare } = sizes
      const labels = raw.map((label) => (label < blank ? label : label + 1))
      const paths = lists(frames, symbols)
        .filter((path) => spelled(path, blank).join() === labels.join())
        .map((path): Path => ({ places: path.map((symbol, t) => t * symbols + symbol) }))
      const targets = [...labels, ...Array.from({ length: padding }, () => -1)]
      const rest = {
        targets: ints(targets, 1, targets.length),
        inputLengths: ints([frames], 1),
        targetLengths: ints([labels.length], 1),
        blank,
      }
      const input = tensor(entries, frames + spare, 1, symbols)
      const expected = byPaths(entries, paths)
      const byProbs = probs({ ...rest, logProbs: input })
      if (paths.length === 0) {
        expect(byProbs.loss).toBe(Infinity)
        return
      }
      agree([byProbs.loss as number], [expected.loss])
      agree(byProbs.grad["logProbs"] as Float64Array, expected.grad)

      // Through log_softmax: the softmax of each frame, less the expected symbols.
      const normalised = entries.map((value, at) => {
        const row = Math.floor(at / symbols) * symbols
        return value - Math.log(entries.slice(row, row + symbols).reduce((sum, x) => sum + Math.exp(x), 0))
      })
      const byRows = byPaths(normalised, paths)
      const gradient = normalised.map(
        (value, at) => (at < frames * symbols ? Math.exp(value) : 0) + byRows.grad[at]!,
      )
      const byScores = scores({ ...rest, logits: input })
      agree([byScores.loss as number], [byRows.loss])
      agree(byScores.grad["logits"] as Float64Array, gradient)
    })
    fc.assert(check, { seed, numRuns: 150 })
  })

  test("equal labels need a blank between them", () => {
    const kernel = ctcLogProbs.kernel(options)
    const call = (frames: number, zeroInfinity: boolean): unknown =>
      kernel({
        logProbs: tensor(Array(frames * 2).fill(Math.log(0.5)), frames, 1, 2),
        targets: ints([1, 1], 1, 2),
        inputLengths: ints([frames], 1),
        targetLengths: ints([2], 1),
        zeroInfinity,
      }).loss
    expect(call(2, false)).toBe(Infinity)
    expect(call(2, true)).toBe(0)
    expect(call(3, false)).toBeCloseTo(Math.log(8), 12)
  })
})

test("a chain of tags is normalised over all of them", () => {
  const names = ["emissions", "transitions", "start", "end"] as const
  const kernel = crfNll.kernel({ ...options, grad: names })
  const drawn = fc
    .record({ length: fc.integer({ min: 1, max: 4 }), tags: fc.integer({ min: 1, max: 3 }) })
    .chain(({ length, tags: k }) =>
      fc.record({
        k: fc.constant(k),
        spare: fc.nat(1),
        emissions: reals(length * k),
        transitions: reals(k * k),
        start: reals(k),
        end: reals(k),
        tags: fc.array(fc.nat(k - 1), { minLength: length, maxLength: length }),
      }),
    )
  const check = fc.property(drawn, ({ k, spare, emissions, transitions, start, end, tags }) => {
    const length = tags.length
    const entries = [...emissions, ...transitions, ...start, ...end]
    const [atMoves, atStart] = [length * k, length * k + k * k]
    const path = (list: readonly number[]): Path => ({
      places: [
        ...list.map((tag, t) => t * k + tag),
        ...list.slice(1).map((tag, t) => atMoves + list[t]! * k + tag),
        atStart + list[0]!,
        atStart + k + list.at(-1)!,
      ],
    })
    const all = byPaths(entries, lists(length, k).map(path))
    const own = byPaths(entries, [path(tags)])
    const padded = [...emissions, ...Array(spare * k).fill(9)]
    const { loss, grad } = kernel({
      emissions: tensor(padded, 1, length + spare, k),
      tags: ints([...tags, ...Array(spare).fill(0)], 1, length + spare),
      transitions: tensor(transitions, k, k),
      start: tensor(start, k),
      end: tensor(end, k),
      lengths: ints([length], 1),
    })
    agree([loss as number], [own.loss - all.loss])
    const gradient = own.grad.map((g, i) => g - all.grad[i]!)
    agree((grad["emissions"] as Float64Array).slice(0, length * k), gradient.slice(0, length * k))
    agree(grad["transitions"] as Float64Array, gradient.slice(atMoves, atStart))
    agree(grad["start"] as Float64Array, gradient.slice(atStart, atStart + k))
    agree(grad["end"] as Float64Array, gradient.slice(atStart + k))
  })
  fc.assert(check, { seed, numRuns: 150 })
})

/** The cells of every monotone way through a grid from its first corner to its last. */
function ways(rows: number, columns: number, steps: readonly (readonly [number, number])[]): number[][] {
  const to = (i: number, j: number): number[][] => {
    if (i === 0 && j === 0) return [[0]]
    return steps
      .filter(([di, dj]) => i >= di && j >= dj)
      .flatMap(([di, dj]) => to(i - di, j - dj))
      .map((way) => [...way, i * columns + j])
  }
  return to(rows - 1, columns - 1)
}

test("soft dynamic time warping is the soft minimum over all alignments", () => {
  const kernel = softDtw.kernel({ ...options, grad: ["x"] })
  const drawn = fc
    .record({ n: fc.integer({ min: 1, max: 4 }), m: fc.integer({ min: 1, max: 4 }) })
    .chain(({ n, m }) =>
      fc.record({ x: reals(n), y: reals(m), gamma: fc.double({ min: 0.5, max: 3, noNaN: true }) }),
    )
  const check = fc.property(drawn, ({ x, y, gamma }) => {
    const [n, m] = [x.length, y.length]
    const costs = x.flatMap((a) => y.map((b) => (a - b) ** 2))
    const paths = ways(n, m, [[1, 0], [0, 1], [1, 1]]) // prettier-ignore
      .map((places): Path => ({ places }))
    const expected = byPaths(
      costs.map((c) => -c / gamma),
      paths,
    )
    const { loss, grad } = kernel({ x: tensor(x, 1, n, 1), y: tensor(y, 1, m, 1), gamma })
    agree([loss as number], [gamma * expected.loss])
    // Each cost counts as often as alignments go through it, and is (x - y)^2.
    const gradient = x.map((a, i) =>
      y.reduce((sum, b, j) => sum - expected.grad[i * m + j]! * 2 * (a - b), 0),
    )
    agree(grad["x"] as Float64Array, gradient)
  })
  fc.assert(check, { seed, numRuns: 150 })
})

test("a transducer sums over all ways to wait and to spell", () => {
  const kernel = transducer.kernel({ ...options, grad: ["logits"] })
  const symbols = 3
  const drawn = fc
    .record({
      frames: fc.integer({ min: 1, max: 3 }),
      labels: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 3 }),
    })
    .chain(({ frames, labels }) =>
      fc.record({
        frames: fc.constant(frames),
        labels: fc.constant(labels),
        logits: reals(frames * (labels.length + 1) * symbols),
      }),
    )
  const check = fc.property(drawn, ({ frames, labels, logits }) => {
    const columns = labels.length + 1
    const normalised = logits.map((value, at) => {
      const row = Math.floor(at / symbols) * symbols
      return value - Math.log(logits.slice(row, row + symbols).reduce((sum, x) => sum + Math.exp(x), 0))
    })
    const paths = ways(frames, columns, [[1, 0], [0, 1]]) // prettier-ignore
      .map((cells): Path => {
        const moves = cells.map((cell, i) => {
          const next = cells[i + 1]
          const u = cell % columns
          return cell * symbols + (next === cell + 1 && u < labels.length ? labels[u]! : 0)
        })
        return { places: moves }
      })
    const byRows = byPaths(normalised, paths)
    const rowSums = (row: number): number => byRows.grad.slice(row, row + symbols).reduce((x, y) => x + y, 0)
    const gradient = normalised.map(
      (value, at) => byRows.grad[at]! - Math.exp(value) * rowSums(Math.floor(at / symbols) * symbols),
    )
    const { loss, grad } = kernel({
      logits: tensor(logits, 1, frames, columns, symbols),
      targets: ints(labels, 1, labels.length),
      inputLengths: ints([frames], 1),
      targetLengths: ints([labels.length], 1),
    })
    agree([loss as number], [byRows.loss])
    agree(grad["logits"] as Float64Array, gradient)
  })
  fc.assert(check, { seed, numRuns: 150 })
})
