// The numbers of a call on a GPU, which need no device.
import { expect, test } from "vitest"
import type { GpuProgram } from "../../src/gpu/program.ts"
import { formulaValues, layoutOf, mostWorkgroups } from "../../src/run/gpu-layout.js"
import { squares } from "./squares.ts"

const limits = { maxStorageBufferBindingSize: 2 ** 27, maxComputeWorkgroupsPerDimension: 65535 }
const operators = { mul: (x: number, y: number) => x * y }

/** Rows of a size each, with a choice of entries and scratch for threads and for workgroups. */
const rows: GpuProgram = {
  ...squares,
  sizeNames: ["b", "d"],
  formulas: [{ size: "b" }, { size: "d" }, { op: "mul", args: [{ formula: 0 }, { formula: 1 }] }],
  regions: [
    { length: 3, copies: { kind: "once" } },
    { length: { formula: 1 }, copies: { kind: "threads", dispatch: 0, entry: 0 } },
    { length: { formula: 1 }, copies: { kind: "workgroups", dispatch: 0, entry: 1 } },
    { length: 2, copies: { kind: "workgroups", dispatch: 0 } },
  ],
  dispatches: [
    {
      rows: { formula: 0 },
      inner: [{ formula: 1 }],
      entries: [
        { name: "threads", rowPer: "thread", bindings: [] },
        { name: "workgroups", rowPer: "workgroup", bindings: [] },
      ],
    },
  ],
  fields: [
    { kind: "formula", formula: 2 },
    { kind: "scalar", scalar: 0 },
    { kind: "offset", region: 2 },
    { kind: "workgroups", dispatch: 0 },
    { kind: "infinity" },
  ],
}

test("formulas read sizes and earlier formulas", () => {
  expect(formulaValues(rows, [3, 5], operators)).toEqual([3, 5, 15])
})

test("a dispatch takes threads for short rows and workgroups for long ones", () => {
  const at = (b: number, d: number) => layoutOf(rows, [b, d], [1], operators, limits)
  expect(at(100, 64).runs).toEqual([{ dispatch: 0, entry: 0, workgroups: 4 }])
  expect(at(100, 65).runs).toEqual([{ dispatch: 0, entry: 1, workgroups: 100 }])
  expect(at(0, 1).runs).toEqual([{ dispatch: 0, entry: 0, workgroups: 1 }])
  expect(at(10_000_000, 1).runs).toEqual([{ dispatch: 0, entry: 0, workgroups: mostWorkgroups }])
})

test("long rows are taken in tiles where there are many", () => {
  const [{ entries, ...dispatch }] = rows.dispatches as [GpuProgram["dispatches"][number]]
  const tiles = { name: "tiles", rowPer: "workgroup", tile: 4, bindings: [] } as const
  const tiled: GpuProgram = {
    ...rows,
    tiledRows: 10,
    dispatches: [{ ...dispatch, entries: [entries[0], entries[1], tiles] }],
  }
  const at = (b: number, d: number) => layoutOf(tiled, [b, d], [1], operators, limits).runs
  expect(at(9, 100)).toEqual([{ dispatch: 0, entry: 1, workgroups: 9 }])
  expect(at(10, 100)).toEqual([{ dispatch: 0, entry: 2, workgroups: 3 }])
  expect(at(10, 64)).toEqual([{ dispatch: 0, entry: 0, workgroups: 1 }])
})

test("long rows are read in vectors where their length is a multiple of four", () => {
  const [{ entries, inner, ...dispatch }] = rows.dispatches as [GpuProgram["dispatches"][number]]
  const fours = { name: "fours", rowPer: "workgroup", fours: inner, bindings: [] } as const
  const program: GpuProgram = {
    ...rows,
    foursFrom: 100,
    dispatches: [{ ...dispatch, inner, entries: [entries[0], entries[1], undefined, fours] }],
  }
  const at = (d: number) => layoutOf(program, [10, d], [1], operators, limits).runs[0]!.entry
  expect([64, 96, 99, 100, 102, 104].map(at)).toEqual([0, 1, 1, 3, 1, 3])
})

test("a thread takes four numbers of a flat array where their count is a multiple of four", () => {
  const entry = squares.dispatches[0]!.entries[0]
  const count = { formula: 0 }
  const fours = { ...entry, tile: 4, fours: [count] }
  const program: GpuProgram = {
    ...squares,
    dispatches: [{ rows: count, inner: [], entries: [entry, undefined, undefined, fours] }],
  }
  const at = (n: number) => layoutOf(program, [n], [1], operators, limits).runs
  expect(at(1024)).toEqual([{ dispatch: 0, entry: 3, workgroups: 8 }])
  expect(at(1023)).toEqual([{ dispatch: 0, entry: 0, workgroups: 32 }])
  expect(at(128)).toEqual([{ dispatch: 0, entry: 0, workgroups: 4 }])
})

test("the last numbers of a flat array are taken one by one", () => {
  const entry = squares.dispatches[0]!.entries[0]
  const count = { formula: 0 }
  const fours = { ...entry, tile: 4, fours: [count], leavesRest: true }
  const program: GpuProgram = {
    ...squares,
    fields: [
      { kind: "first", dispatch: 0 },
      { kind: "before", dispatch: 0 },
      { kind: "workgroups", dispatch: 0 },
    ],
    dispatches: [{ rows: count, inner: [], entries: [entry, undefined, undefined, fours] }],
  }
  const at = (n: number) => layoutOf(program, [n], [1], operators, limits)
  expect(at(1024).runs).toEqual([{ dispatch: 0, entry: 3, workgroups: 8 }])
  expect([...at(1024).uniform.slice(0, 3)]).toEqual([0, 0, 8])
  const { runs, uniform } = at(1027)
  expect(runs).toEqual([
    { dispatch: 0, entry: 3, workgroups: 9 },
    { dispatch: 0, entry: 0, workgroups: 1 },
  ])
  expect([...uniform.slice(0, 3)]).toEqual([1024, 9, 10])
})

test("regions follow one another, each at a multiple of 64 words, without the copies of the other entry", () => {
  const threads = layoutOf(rows, [100, 10], [1], operators, limits)
  expect(threads.offsets).toEqual([0, 64, 64 + 4 * 32 * 10, 64 + 4 * 32 * 10])
  expect(threads.arenaWords).toBe(64 + 1280 + 64)
  const workgroups = layoutOf(rows, [100, 100], [1], operators, limits)
  expect(workgroups.offsets).toEqual([0, 64, 64, 64 + 10_048])
})

test("fewer workgroups run where their copies would take too much memory", () => {
  const { runs, arenaWords } = layoutOf(rows, [5000, 100_000], [1], operators, limits)
  expect(runs).toEqual([{ dispatch: 0, entry: 1, workgroups: Math.floor(2 ** 24 / 100_002) }])
  expect(arenaWords * 4).toBeLessThan(2 ** 26 + 1000)
  const tight = layoutOf(rows, [5000, 100_000], [1], operators, {
    ...limits,
    maxStorageBufferBindingSize: 2 ** 20,
  })
  expect(tight.runs[0]!.workgroups).toBe(2)
})

test("the words of the uniform hold ints, reals and infinity", () => {
  const { uniform } = layoutOf(rows, [100, 10], [0.5], operators, limits)
  const reals = new Float32Array(uniform.buffer)
  expect(uniform).toHaveLength(8)
  expect([uniform[0], reals[1], uniform[2], uniform[3], reals[4]]).toEqual([
    1000,
    0.5,
    64 + 1280,
    4,
    Infinity,
  ])
  const ints: GpuProgram = { ...rows, scalars: [{ name: "scale", type: "int" }] }
  expect(layoutOf(ints, [1, 1], [1e12], operators, limits).uniform[1]).toBe(2 ** 31 - 1)
})
