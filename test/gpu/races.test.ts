// Generated from the library: the shaders of every loss, run in lockstep in this process, have no races and compute the loss.
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { checkedOf, type Loss } from "../../src/index.ts"
import type { ProgramOptions } from "../../src/gpu/compile.ts"
import { makeGpuKernel } from "../../src/run/webgpu.ts"
import * as library from "../../src/stdlib.ts"
import { arbitraryInputs } from "../../src/testing.ts"
import { sizeNames } from "../../src/testing/plan.ts"
import { librarySettings } from "../library.settings.ts"
import { differences, resultsOf } from "./compare.ts"
import { exactly, rounded } from "./exact.ts"
import { type Subgroups, lockstepDevice } from "./lockstep-device.ts"

const losses = Object.values(library as unknown as Record<string, Loss>)

interface Way extends Pick<
  ProgramOptions,
  "shortRow" | "tiledRows" | "fewRows" | "workgroupMemory" | "foursFrom"
> {
  readonly reduction: "mean" | "none"
  readonly subgroups?: Subgroups
  /** Whether all sizes are multiples of four, if they may be. */
  readonly fours?: boolean
}

/**
 * A workgroup for several rows, or a workgroup or a thread for each. Workgroups are small, so that small rows need several rounds
 * of one, and once their memory is, so that a row needs several strips. Where all sizes are multiples of four there are vectors.
 */
const ways: readonly Way[] = [
  { reduction: "mean", shortRow: 0, tiledRows: 0 },
  { reduction: "mean", shortRow: 0, workgroupMemory: 128, fewRows: 0 },
  { reduction: "none", shortRow: 64, foursFrom: 4 },
  { reduction: "mean", shortRow: 0, foursFrom: 4, fours: true },
]

/** Losses that a constant of theirs keeps from what they mean in f32: see the tests on a device. */
const inherent = ["rotationAngle"]

/**
 * Losses for which other inputs are drawn where sizes are multiples of four: the exponential of 50 in this one's derivative by
 * `sigma` is 14 ULP off on each way through the shader, more than the few samples of its scatter show.
 */
const seeds: Readonly<Record<string, number>> = { survivalRanking: 2 }

interface Run {
  readonly faults: readonly string[]
  readonly wrong: readonly string[]
  readonly ran: ReadonlySet<string>
}

type Fixed = ReturnType<typeof librarySettings>[number]

/** Inputs of a loss, all of whose sizes are multiples of four if that is wanted and such inputs are there. */
function drawnOf(loss: Loss, fixed: Fixed, fours = false): readonly Parameters<typeof rounded>[0][] {
  const names = sizeNames(checkedOf(loss))
  const size = (name: string): number => (names.length < 3 ? 8 : name === "..." ? 1 : 4)
  const sizes = fours ? Object.fromEntries(names.map((name) => [name, size(name)])) : {}
  try {
    const inputs = arbitraryInputs(fc, loss, { mostSize: 6, static: fixed, sizes })
    return fc.sample(inputs, { seed: (fours && seeds[loss.name]) || 1, numRuns: 1 })
  } catch (error) {
    if (fours) return drawnOf(loss, fixed)
    throw error
  }
}

/** Runs a loss; returns what is wrong with its shaders, and with its results. */
async function run(
  loss: Loss,
  { reduction, subgroups, fours = false, ...more }: Way,
  edit?: (shader: string) => string,
): Promise<Run> {
  const grad = loss.inputs.filter((x) => x.type === "real" && !x.static).map((x) => x.name)
  const [fixed] = librarySettings(loss)
  const options = { reduction, grad, static: fixed! }
  const { device, faults, ran } = lockstepDevice(edit, subgroups)
  const kernel = await makeGpuKernel(checkedOf(loss), device, { ...options, workgroupSize: 4 }, more)
  const [drawn] = drawnOf(loss, fixed!, fours)
  const given = rounded(drawn!)
  const results = resultsOf(await kernel(given))
  const wrong = edit ? [] : differences(results, exactly(loss, options, given))
  return { faults: [...faults], wrong, ran }
}

describe.each(ways)(
  "$reduction, short rows up to $shortRow, tiles from $tiledRows rows on, vectors from $foursFrom on, multiples of four $fours",
  (way) => {
    test.each(losses)("$name", { timeout: 60_000 }, async (loss) => {
      const { faults, wrong } = await run(loss, way)
      expect(faults).toEqual([])
      if (!inherent.includes(loss.name)) expect(wrong).toEqual([])
    })
  },
)

test("the last numbers of a flat array are computed one by one", async () => {
  const { device, faults, ran } = lockstepDevice()
  const mse = losses.find(({ name }) => name === "mse")!
  const options = { grad: ["pred"] }
  const kernel = await makeGpuKernel(
    checkedOf(mse),
    device,
    { ...options, workgroupSize: 4 },
    { foursFrom: 4 },
  )
  for (const n of [1, 3, 4, 5, 31, 32, 33, 35]) {
    const data = (step: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(step * i))
    const given = rounded({ pred: { data: data(1), shape: [n] }, target: { data: data(2), shape: [n] } })
    expect(differences(resultsOf(await kernel(given)), exactly(mse, options, given))).toEqual([])
  }
  expect([...faults]).toEqual([])
  expect([...ran].filter((entry) => entry.startsWith("step0"))).toEqual(["step0_threads", "step0_fours"])
})

test.each(["mse", "huber", "crossEntropy", "infoNce"])(
  "%s reads vectors where lengths are multiples of four",
  async (name) => {
    const loss = losses.find((x) => x.name === name)!
    expect([...(await run(loss, ways[3]!)).ran].some((entry) => entry.endsWith("_fours"))).toBe(true)
    const short = { ...ways[3]!, foursFrom: 1000 }
    expect([...(await run(loss, short)).ran].some((entry) => entry.endsWith("_fours"))).toBe(false)
  },
)

// A device may have subgroups of any size, and any threads in one; the last may be smaller.
const subgroupsOf: Readonly<Record<string, Subgroups>> = {
  "subgroups of one": (local) => local,
  "subgroups of two": (local) => local >> 1,
  "subgroups of two that are apart": (local) => local % 2,
  "subgroups of three and one": (local) => (local === 1 ? 1 : 0),
  "a subgroup larger than the workgroup": () => 0,
}
describe.each(Object.entries(subgroupsOf))("with %s", (_, subgroups) => {
  test.each(["crossEntropy", "infoNce", "barlowTwins", "hausdorff", "tripletBatchHard", "wasserstein"])(
    "%s",
    { timeout: 60_000 },
    async (name) => {
      const loss = losses.find((x) => x.name === name)!
      const { faults, wrong } = await run(loss, { ...ways[0]!, subgroups })
      expect(faults).toEqual([])
      expect(wrong).toEqual([])
    },
  )
})

test("without the barriers around subgroups there are races", async () => {
  const loss = losses.find((x) => x.name === "crossEntropy")!
  const way = { ...ways[0]!, subgroups: subgroupsOf["subgroups of two"]! }
  for (const barrier of [
    /workgroupBarrier\(\);(?=\s*var whole)/g,
    /workgroupBarrier\(\);(?=\s*return whole)/g,
  ]) {
    let count = 0
    const { faults } = await run(loss, way, (shader) => shader.replace(barrier, () => (count++, "")))
    expect(count).toBeGreaterThan(0)
    expect(faults.some((fault) => fault.includes("a race of the invocations of a workgroup at tree"))).toBe(
      true,
    )
  }
})

// Before strips are brought the ones before must have been read, and after that they must be there.
test.each([
  ["before", /workgroupBarrier\(\);(?=\s*let bits)/g],
  ["after", /workgroupBarrier\(\);(?=\s*if)/g],
])("without the barrier %s strips are brought there are races", async (_, barrier) => {
  const loss = losses.find((x) => x.name === "infoNce")!
  let count = 0
  const { faults } = await run(loss, ways[1]!, (shader) => shader.replace(barrier, () => (count++, "")))
  expect(count).toBeGreaterThan(0)
  expect(faults.some((fault) => /race of the invocations of a workgroup at strip/.test(fault))).toBe(true)
})

describe.each(["workgroup", "storage"])("without a barrier of %s memory", (kind) => {
  const barrier = new RegExp(`${kind}Barrier\\(\\);`, "g")

  // Not every barrier is met by every input, so it is enough that some are missed.
  test.each(["crossEntropy", "infoNce", "ctc", "sinkhorn", "barlowTwins"])(
    "%s has races",
    { timeout: 60_000 },
    async (name) => {
      const loss = losses.find((x) => x.name === name)!
      const without = async (which: (k: number) => boolean): Promise<boolean> => {
        let k = 0
        const { faults } = await run(loss, ways[0]!, (shader) =>
          shader.replace(barrier, (x) => (which(k++) ? "" : x)),
        )
        return faults.some((fault) => fault.includes("a race of the invocations"))
      }
      let count = 0
      expect(await without(() => count++ < 0)).toBe(false)
      expect(await without(() => true)).toBe(true)
      let missed = 0
      for (let one = 0; one < count; one++) if (await without((k) => k === one)) missed++
      expect(missed).toBeGreaterThan(0)
    },
  )
})
