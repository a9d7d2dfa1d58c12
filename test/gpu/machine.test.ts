// The runtime alone, with programs written by hand: sizes, buffers, overlapping calls, faults and lost devices.
import { beforeAll, describe, expect, test } from "vitest"
import { GpuMachine } from "../../src/run/gpu-machine.js"
import type { GpuProgram } from "../../src/gpu/program.ts"
import { describeGpu, gpuDevice, newDevice } from "./device.ts"
import { squares, squaresInArena } from "./squares.ts"

const fail = (code: string, message: string): Error => Object.assign(new Error(message), { code })
const accept = (): void => {}

describeGpu(() => {
  let device: GPUDevice
  beforeAll(async () => {
    device = await gpuDevice()
  })
  const machineOf = (program: GpuProgram, on = device): GpuMachine =>
    new GpuMachine(on, program, {}, fail, true)

  describe.each([
    ["bound", squares],
    ["in the arena", squaresInArena],
  ])("arrays %s", (_, program) => {
    test.each([0, 1, 2, 31, 32, 33, 1000, 300_001])("%i elements", async (n) => {
      const x = Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1))
      const dx = new Float32Array(n)
      const { results, notFinite } = await machineOf(program).run(
        { sizes: [n], scalars: [3] },
        [x],
        [dx],
        accept,
      )
      const expected = n === 0 ? 0 : (3 * x.reduce((sum, v) => sum + v * v, 0)) / n
      expect(results[0]).toBeCloseTo(expected, 5)
      expect(results[1]).toBe(n)
      expect(notFinite).toEqual([-1])
      if (n > 0) expect(dx[n - 1]! * n).toBeCloseTo(6 * x[n - 1]!, 5)
    })

    test("calls may overlap, and sizes may shrink and grow", async () => {
      const machine = machineOf(program)
      const calls = [40, 3, 500, 7].map((n, k) => {
        const x = new Float32Array(n).fill(k + 1)
        const call = machine.run({ sizes: [n], scalars: [1] }, [x], [new Float32Array(n)], accept)
        return call.then(({ results }) => results)
      })
      expect(await Promise.all(calls)).toEqual([[1, 40], [4, 3], [9, 500], [16, 7]]) // prettier-ignore
      machine.destroy()
    })

    test("the first number that is not finite is found", async () => {
      const x = new Float32Array(1000)
      x[700] = Infinity
      x[333] = NaN
      const report = await machineOf(program).run(
        { sizes: [1000], scalars: [1] },
        [x],
        [new Float32Array(1000)],
        accept,
      )
      expect(report.notFinite).toEqual([333])
    })

    test("nothing is written if the report is not accepted", async () => {
      const dx = new Float32Array(5).fill(7)
      const call = machineOf(program).run(
        { sizes: [5], scalars: [1] },
        [new Float32Array(5).fill(1)],
        [dx],
        () => {
          throw new Error("refused")
        },
      )
      await expect(call).rejects.toThrow("refused")
      expect([...dx]).toEqual([7, 7, 7, 7, 7])
    })
  })

  test("a shader that the device refuses says why", async () => {
    const broken = machineOf({ ...squares, shader: `${squares.shader}\nfn f() { let x: i32 = 1.5; }` })
    await expect(broken.prepare()).rejects.toMatchObject({
      code: "device-error",
      message: expect.stringMatching(/1\.5/),
    })
  })

  test("arrays beyond what the device binds are refused before anything happens", async () => {
    const call = machineOf(squares).run({ sizes: [2 ** 26], scalars: [1] }, [], [], accept)
    await expect(call).rejects.toMatchObject({ code: "device-limit" })
  })

  test("destroy ends it", async () => {
    const machine = machineOf(squares)
    await machine.prepare()
    machine.destroy()
    const call = machine.run(
      { sizes: [1], scalars: [1] },
      [new Float32Array(1)],
      [new Float32Array(1)],
      accept,
    )
    await expect(call).rejects.toMatchObject({ code: "destroyed" })
  })

  test("a device that is lost fails the call in flight and those after it, and writes nothing", async () => {
    const own = await newDevice()
    const machine = machineOf(squares, own)
    await machine.prepare()
    const dx = new Float32Array(5).fill(7)
    const numbers = { sizes: [5], scalars: [1] }
    const call = machine.run(numbers, [new Float32Array(5)], [dx], accept)
    own.destroy()
    await expect(call).rejects.toMatchObject({ code: "device-lost" })
    await expect(machine.run(numbers, [new Float32Array(5)], [dx], accept)).rejects.toMatchObject({
      code: "device-lost",
    })
    await expect(machineOf(squares, own).prepare()).rejects.toMatchObject({ code: "device-lost" })
    expect([...dx]).toEqual([7, 7, 7, 7, 7])
  })
})
