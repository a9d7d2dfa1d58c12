// @ts-check
// Runs a program on a GPUDevice: pipelines, buffers, commands, and results read back.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { Buffers, usage } from "./gpu-buffers.js"
import { Scan } from "./gpu-finite.js"
import { Guard } from "./gpu-guard.js"
import { layoutOf } from "./gpu-layout.js"
import { shortageOf } from "./gpu-limits.js"
import { Pipelines } from "./gpu-pipelines.js"
/** @import { GpuProgram } from "../gpu/program.ts" */
/** @import { Part } from "./gpu-buffers.js" */
/** @import { GpuBuffer, GpuCommandEncoder, GpuDevice } from "./gpu-device.ts" */
/** @import { Failure } from "./gpu-guard.js" */
/** @import { Layout, Operators } from "./gpu-layout.js" */
/** @import { Shortage } from "./gpu-limits.js" */

/**
 * The numbers of a call, in the orders of the program.
 * @typedef {{ readonly sizes: readonly number[], readonly scalars: readonly number[] }} Numbers
 */

/**
 * What a call tells besides its arrays: the scalar results, and for each output the place of its first number that is not
 * finite, or -1.
 * @typedef {{ readonly results: readonly number[], readonly notFinite: readonly number[] }} Report
 */

const mapRead = 1

/** A program on a device. */
export class GpuMachine {
  /**
   * @param {GpuDevice} device
   * @param {GpuProgram} program
   * @param {Operators} operators
   * @param {Failure} fail
   * @param {boolean} finite whether outputs are searched for numbers that are not finite
   */
  constructor(device, program, operators, fail, finite) {
    this.device = device
    this.program = program
    this.operators = operators
    this.guard = new Guard(device, fail)
    this.buffers = new Buffers(device)
    this.pipelines = new Pipelines(device, program, this.guard)
    this.scan = finite && program.outputs.length > 0 ? new Scan(device) : undefined
  }

  /** Reads the shader, once. What its entry points are compiled to is made when a call first needs it. */
  prepare() {
    return this.pipelines.prepare()
  }

  /**
   * Runs a call. `accept` is called with the report before an output is written, and may throw. Outputs that are not passed, the
   * last ones, stay on the device.
   * @param {Numbers} numbers
   * @param {readonly (Float32Array | Int32Array | Uint32Array)[]} inputs
   * @param {readonly Float32Array[]} outputs
   * @param {(report: Report) => void} accept
   */
  async run(numbers, inputs, outputs, accept) {
    this.guard.check()
    const { device } = this
    const layout = this.layout(numbers)
    if (!this.pipelines.isReady(layout)) {
      // The owner of the arrays may change them meanwhile.
      inputs = inputs.map((array) => array.slice())
      await this.pipelines.compile(layout)
    }
    const head = this.#reportWords()
    const bytes = outputs.reduce((total, { byteLength }) => total + byteLength, head * 4)
    const [staging, mapped] = await this.guard.run(() => {
      const staging = this.buffers.takeReadable(bytes)
      const parts = inputs.map((array, i) => {
        const part = this.buffers.part(
          `input ${i}`,
          array.byteLength,
          usage.storage | usage.copyDst | usage.copySrc,
        )
        device.queue.writeBuffer(part.buffer, 0, array.buffer, array.byteOffset, array.byteLength)
        return part
      })
      const results = layout.outputs.map((length, i) =>
        this.buffers.part(`output ${i}`, length * 4, usage.storage | usage.copyDst | usage.copySrc),
      )
      const encoder = device.createCommandEncoder()
      const arena = this.record(encoder, layout, parts, results)
      this.#copyReport(encoder, arena, results, staging)
      let at = head
      outputs.forEach(({ length }, i) => {
        const { buffer } = /** @type {Part} */ (results[i])
        if (length > 0) encoder.copyBufferToBuffer(buffer, 0, staging, at * 4, length * 4)
        at += length
      })
      device.queue.submit([encoder.finish()])
      const mapped = staging.mapAsync(mapRead, 0, bytes)
      mapped.catch(() => {})
      return [staging, mapped]
    })
    try {
      await mapped
    } catch (error) {
      throw await this.guard.fault(error)
    }
    this.guard.check()
    try {
      const data = staging.getMappedRange(0, bytes)
      const report = this.#readReport(data, layout)
      accept(report)
      let at = head
      for (const output of outputs) {
        output.set(new Float32Array(data, at * 4, output.length))
        at += output.length
      }
      return report
    } finally {
      this.buffers.giveReadable(staging)
    }
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
    this.guard.check()
    const layout = this.layout(numbers)
    const read = this.recorded(this.#reportWords() * 4, (staging) => {
      const arena = this.record(encoder, layout, inputs, outputs)
      this.#copyReport(encoder, arena, outputs, staging)
      for (const { result, to } of copies)
        encoder.copyBufferToBuffer(arena, result * 4, to.buffer, to.offset, 4)
    })
    return async () => this.#readReport(await read(), layout)
  }

  /**
   * Records commands for an encoder of the caller that copy bytes into a buffer. What is returned reads these when the commands have
   * been submitted.
   * @param {number} bytes
   * @param {(staging: GpuBuffer) => void} action
   * @returns {() => Promise<ArrayBuffer>}
   */
  recorded(bytes, action) {
    this.buffers.isShared = true
    const prepared = this.prepare()
    prepared.catch(() => {})
    const guarded = this.guard.run(() => {
      const staging = this.device.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyDst })
      action(staging)
      return [staging]
    })
    guarded.catch(() => {})
    return async () => {
      await prepared
      const [staging] = await guarded
      this.guard.check()
      try {
        await staging.mapAsync(mapRead, 0, bytes)
      } catch (error) {
        throw await this.guard.fault(error)
      }
      this.guard.check()
      const data = staging.getMappedRange(0, bytes).slice(0)
      staging.destroy()
      return data
    }
  }

  /** Reads one word of a buffer of the caller; undefined if its usage forbids that.
   * @param {Part} part
   * @param {number} at
   */
  async word(part, at) {
    if ((part.buffer.usage & usage.copySrc) === 0) return undefined
    const [staging] = await this.guard.run(() => {
      const staging = this.device.createBuffer({ size: 4, usage: usage.mapRead | usage.copyDst })
      const encoder = this.device.createCommandEncoder()
      encoder.copyBufferToBuffer(part.buffer, part.offset + at * 4, staging, 0, 4)
      this.device.queue.submit([encoder.finish()])
      return [staging]
    })
    await staging.mapAsync(mapRead)
    const [value] = new Int32Array(staging.getMappedRange())
    staging.destroy()
    return value
  }

  /** Gives the buffers back. Calls are refused from then on. */
  destroy() {
    this.guard.isDestroyed = true
    this.buffers.destroy()
    this.scan?.destroy()
  }

  /**
   * What a call that fits needs.
   * @param {Numbers} numbers
   */
  layout(numbers) {
    const layout = this.#layoutOf(numbers)
    const shortage = shortageOf(this.program, layout, this.device.limits)
    if (shortage) throw this.tooLarge(shortage)
    return layout
  }

  /** @param {Numbers} numbers */
  #layoutOf({ sizes, scalars }) {
    return layoutOf(this.program, sizes, scalars, this.operators, this.device.limits)
  }

  /**
   * What of a call is too large for the device, if anything is.
   * @param {Numbers} numbers
   * @param {boolean} isRead whether outputs are read back
   */
  shortage(numbers, isRead) {
    const { limits } = this.device
    const layout = this.#layoutOf(numbers)
    return shortageOf(this.program, layout, limits, isRead ? this.#reportWords() : undefined)
  }

  /**
   * The error of what is too large.
   * @param {Shortage} shortage
   * @param {string} [why] nothing helps
   */
  tooLarge({ what, name, bytes, most }, why) {
    return this.guard.fail(
      "device-limit",
      `${what} takes ${bytes} bytes, and the device allows at most ${most}${why === undefined ? "" : `; ${why}`}`,
      { argument: name, value: bytes, expected: most },
      "ask the adapter for a device with requiredLimits: { maxStorageBufferBindingSize, maxBufferSize }, or pass fewer rows",
    )
  }

  /** How many words of a readable buffer come before the outputs. */
  #reportWords() {
    return this.program.results.length + (this.scan ? this.program.outputs.length : 0)
  }

  /**
   * @param {ArrayBuffer} data
   * @param {Layout} layout
   * @returns {Report}
   */
  #readReport(data, layout) {
    const { program } = this
    const ints = new Int32Array(data)
    const reals = new Float32Array(data)
    const results = program.results.map(
      ({ type }, i) => /** @type {number} */ (type === "real" ? reals[i] : ints[i]),
    )
    const notFinite = program.outputs.map((_, i) => {
      const found = this.scan ? /** @type {number} */ (ints[results.length + i]) : 0
      return found === 0 ? -1 : /** @type {number} */ (layout.outputs[i]) - found
    })
    return { results, notFinite }
  }

  /**
   * Copies the report of what was recorded into a buffer.
   * @param {GpuCommandEncoder} encoder
   * @param {GpuBuffer} arena
   * @param {readonly Part[]} outputs
   * @param {GpuBuffer} report
   */
  #copyReport(encoder, arena, outputs, report) {
    const bytes = this.program.results.length * 4
    if (bytes > 0) encoder.copyBufferToBuffer(arena, 0, report, 0, bytes)
    this.scan?.record(encoder, outputs, report, bytes)
  }

  /**
   * Records the dispatches of a call, and compiles what no call before needed. The buffer that is returned holds the results, one
   * word each.
   * @param {GpuCommandEncoder} encoder
   * @param {Layout} layout
   * @param {readonly Part[]} inputs
   * @param {readonly Part[]} outputs
   * @param {GpuBuffer} [uniform] of the call, if not just what the layout says
   */
  record(encoder, layout, inputs, outputs, uniform = this.buffers.uniform(layout.uniform)) {
    const { program, device } = this
    this.pipelines.compileNow(layout)
    const arena = this.buffers.part(
      "arena",
      layout.arenaWords * 4,
      usage.storage | usage.copyDst | usage.copySrc,
    )
    const wordAt = (/** @type {number} */ region) => /** @type {number} */ (layout.offsets[region])
    /** @type {Map<number, Part>} */
    const bound = new Map([
      [0, { buffer: uniform, offset: 0, size: layout.uniform.byteLength }],
      [1, arena],
    ])
    // No binding has less than a vector, and none is bound twice.
    const bind = (/** @type {number} */ binding, /** @type {Part} */ part) =>
      bound.set(
        binding,
        part.size > 0 ? part : this.buffers.part(`no elements ${binding}`, 16, usage.storage),
      )
    program.inputs.forEach(({ place }, i) => {
      const part = /** @type {Part} */ (inputs[i])
      if ("binding" in place) bind(place.binding, part)
      else if (part.size > 0)
        encoder.copyBufferToBuffer(
          part.buffer,
          part.offset,
          arena.buffer,
          wordAt(place.region) * 4,
          part.size,
        )
    })
    program.outputs.forEach(({ place }, i) => {
      if ("binding" in place) bind(place.binding, /** @type {Part} */ (outputs[i]))
    })
    const pass = encoder.beginComputePass()
    this.pipelines.waysOf(layout).forEach(({ pipeline, layout: groupLayout, bindings }, d) => {
      const entries = bindings.map((binding) => ({ binding, resource: bound.get(binding) }))
      pass.setPipeline(/** @type {object} */ (pipeline))
      pass.setBindGroup(0, /** @type {never} */ (device.createBindGroup({ layout: groupLayout, entries })))
      pass.dispatchWorkgroups(/** @type {{ workgroups: number }} */ (layout.runs[d]).workgroups)
    })
    pass.end()
    program.outputs.forEach(({ place }, i) => {
      const part = /** @type {Part} */ (outputs[i])
      if ("region" in place && part.size > 0)
        encoder.copyBufferToBuffer(
          arena.buffer,
          wordAt(place.region) * 4,
          part.buffer,
          part.offset,
          part.size,
        )
    })
    return arena.buffer
  }
}
