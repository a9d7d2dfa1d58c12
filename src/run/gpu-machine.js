// @ts-check
// Runs a program on a GPUDevice: pipelines, buffers, commands, and results read back.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
import { Scan } from "./gpu-finite.js"
import { layoutOf } from "./gpu-layout.js"
/** @import { EntryPlace, GpuProgram } from "../gpu/program.ts" */
/** @import { GpuBuffer, GpuCommandEncoder, GpuDevice } from "./gpu-device.ts" */
/** @import { Layout, Operators } from "./gpu-layout.js" */

/**
 * Makes the error of a fault, by its code.
 * @typedef {(code: "device-lost" | "device-error" | "device-limit" | "destroyed", message: string, details?: Record<string, unknown>, help?: string) => Error} Failure
 */

/**
 * Bytes of a buffer.
 * @typedef {{ readonly buffer: GpuBuffer, readonly offset: number, readonly size: number }} Part
 */

/**
 * The numbers of a call, in the orders of the program.
 * @typedef {{ readonly sizes: readonly number[], readonly scalars: readonly number[] }} Numbers
 */

/**
 * What a call tells besides its arrays: the scalar results, and for each output the place of its first number that is not
 * finite, or -1.
 * @typedef {{ readonly results: readonly number[], readonly notFinite: readonly number[] }} Report
 */

/**
 * How a dispatch runs by one of its entries.
 * @typedef {{ readonly bindings: readonly number[], readonly layout: object, readonly descriptor: object, pipeline: object | undefined, coming: Promise<object> | undefined }} Way
 */

const usage = { mapRead: 1, copySrc: 4, copyDst: 8, uniform: 64, storage: 128 }
const compute = 4
const mapRead = 1

/** A program on a device. */
export class GpuMachine {
  /** @type {Promise<void> | undefined} */
  #preparing
  /** @type {object | undefined} */
  #module
  /** @type {Map<number, Way>} by dispatch and entry */
  #ways = new Map()
  /** @type {Map<string, GpuBuffer>} */
  #buffers = new Map()
  /** @type {GpuBuffer[]} buffers to read results from that no call uses now */
  #readable = []
  /** @type {{ words: Int32Array, buffer: GpuBuffer } | undefined} */
  #uniform
  /** Whether commands of a caller may hold the buffers: then they are never destroyed before `destroy`. */
  #isShared = false
  #isDestroyed = false
  /** @type {string | undefined} why the device is lost */
  #lost

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
    this.fail = fail
    this.scan = finite && program.outputs.length > 0 ? new Scan(device) : undefined
    device.lost.then(({ message }) => {
      this.#lost = message || "the device was destroyed"
    })
  }

  /** Reads the shader, once. What its entry points are compiled to is made when a call first needs it. */
  prepare() {
    return (this.#preparing ??= this.#prepare())
  }

  async #prepare() {
    this.#checkDevice()
    await this.#guarded(() => {
      this.#module = this.device.createShaderModule({ code: this.program.shader })
    })
    this.#checkDevice()
  }

  /**
   * How each dispatch of a call runs.
   * @param {Layout} layout
   */
  #waysOf({ dispatches }) {
    return dispatches.map(({ entry }, dispatch) => {
      const key = dispatch * 3 + entry
      const way = this.#ways.get(key) ?? this.#way(dispatch, entry)
      this.#ways.set(key, way)
      return way
    })
  }

  /**
   * @param {number} dispatch
   * @param {EntryPlace} entry
   * @returns {Way}
   */
  #way(dispatch, entry) {
    const { device, program } = this
    const chosen = program.dispatches[dispatch]?.entries[entry]
    if (!chosen) throw new Error(`dispatch ${dispatch} has no entry ${entry}`)
    const written = new Set(program.outputs.map(({ place }) => ("binding" in place ? place.binding : -1)))
    const typeOf = (/** @type {number} */ binding) =>
      binding === 0 ? "uniform" : binding === 1 || written.has(binding) ? "storage" : "read-only-storage"
    const all = [0, 1, ...chosen.bindings]
    const layout = device.createBindGroupLayout({
      entries: all.map((binding) => ({ binding, visibility: compute, buffer: { type: typeOf(binding) } })),
    })
    const descriptor = {
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.#module, entryPoint: chosen.name },
    }
    return { bindings: all, layout, descriptor, pipeline: undefined, coming: undefined }
  }

  /**
   * Compiles what a call needs and no call before needed.
   * @param {Layout} layout
   */
  async #compile(layout) {
    await this.prepare()
    const [made] = await this.#guarded(() => {
      const all = this.#waysOf(layout).map((way) => {
        way.coming ??= this.device.createComputePipelineAsync(way.descriptor)
        return way.coming.then((pipeline) => {
          way.pipeline = pipeline
        })
      })
      // Another fault may come first: it must not leave this one unhandled.
      return [Promise.all(all).catch((error) => error)]
    })
    const result = await made
    if (result instanceof Error) throw await this.#fault(result)
    this.#checkDevice()
  }

  /**
   * Runs a call. `accept` is called with the report before an output is written, and may throw.
   * @param {Numbers} numbers
   * @param {readonly (Float32Array | Int32Array | Uint32Array)[]} inputs
   * @param {readonly Float32Array[]} outputs
   * @param {(report: Report) => void} accept
   */
  async run(numbers, inputs, outputs, accept) {
    this.#checkDevice()
    const { device } = this
    const layout = this.#layout(numbers)
    if (!this.#module || this.#waysOf(layout).some(({ pipeline }) => !pipeline)) {
      // The owner of the arrays may change them meanwhile.
      inputs = inputs.map((array) => array.slice())
      await this.#compile(layout)
    }
    const words = layout.outputs.reduce((total, length) => total + length, 0)
    const head = this.#reportWords()
    const bytes = (head + words) * 4
    const [staging, mapped] = await this.#guarded(() => {
      const staging = this.#takeReadable(bytes)
      const parts = inputs.map((array, i) => {
        const part = this.#part(`input ${i}`, array.byteLength, usage.storage | usage.copyDst | usage.copySrc)
        device.queue.writeBuffer(part.buffer, 0, array.buffer, array.byteOffset, array.byteLength)
        return part
      })
      const results = layout.outputs.map((length, i) =>
        this.#part(`output ${i}`, length * 4, usage.storage | usage.copyDst | usage.copySrc),
      )
      const encoder = device.createCommandEncoder()
      this.#record(encoder, layout, parts, results, staging)
      let at = head
      results.forEach(({ buffer }, i) => {
        const length = /** @type {number} */ (layout.outputs[i])
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
      throw await this.#fault(error)
    }
    this.#checkDevice()
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
      staging.unmap()
      if (this.#isDestroyed) staging.destroy()
      else this.#readable.push(staging)
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
    this.#checkDevice()
    this.#isShared = true
    const { device } = this
    const layout = this.#layout(numbers)
    const bytes = this.#reportWords() * 4
    const prepared = this.prepare()
    prepared.catch(() => {})
    const guarded = this.#guarded(() => {
      for (const way of this.#waysOf(layout)) way.pipeline ??= device.createComputePipeline(way.descriptor)
      const staging = device.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyDst })
      const arena = this.#record(encoder, layout, inputs, outputs, staging)
      for (const { result, to } of copies)
        encoder.copyBufferToBuffer(arena, result * 4, to.buffer, to.offset, 4)
      return [staging]
    })
    guarded.catch(() => {})
    return async () => {
      await prepared
      const [staging] = await guarded
      this.#checkDevice()
      try {
        await staging.mapAsync(mapRead, 0, bytes)
      } catch (error) {
        throw await this.#fault(error)
      }
      this.#checkDevice()
      const report = this.#readReport(staging.getMappedRange(0, bytes), layout)
      staging.destroy()
      return report
    }
  }

  /** Reads one word of a buffer of the caller; undefined if its usage forbids that.
   * @param {Part} part
   * @param {number} at
   */
  async word(part, at) {
    if ((part.buffer.usage & usage.copySrc) === 0) return undefined
    const [staging] = await this.#guarded(() => {
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
    this.#isDestroyed = true
    for (const buffer of this.#buffers.values()) buffer.destroy()
    for (const buffer of this.#readable) buffer.destroy()
    this.#uniform?.buffer.destroy()
    this.scan?.destroy()
    this.#buffers.clear()
    this.#readable = []
  }

  /** @param {Numbers} numbers */
  #layout({ sizes, scalars }) {
    const { device, program } = this
    const layout = layoutOf(program, sizes, scalars, this.operators, device.limits)
    const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)
    const check = (
      /** @type {string} */ what,
      /** @type {string | undefined} */ name,
      /** @type {number} */ words,
    ) => {
      if (words * 4 > most)
        throw this.fail(
          "device-limit",
          `${what} takes ${words * 4} bytes, and the device binds at most ${most}`,
          { argument: name, value: words * 4, expected: most },
          `ask the adapter for a device with requiredLimits: { maxStorageBufferBindingSize, maxBufferSize }, or pass fewer rows`,
        )
    }
    program.inputs.forEach(({ name }, i) =>
      check(`\`${name}\``, name, /** @type {number} */ (layout.inputs[i])),
    )
    program.outputs.forEach(({ name }, i) =>
      check(`the result for \`${name}\``, name, /** @type {number} */ (layout.outputs[i])),
    )
    check("scratch memory", undefined, layout.arenaWords)
    return layout
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
   * Records a whole call, and copies the report into a buffer.
   * @param {GpuCommandEncoder} encoder
   * @param {Layout} layout
   * @param {readonly Part[]} inputs
   * @param {readonly Part[]} outputs
   * @param {GpuBuffer} report
   */
  #record(encoder, layout, inputs, outputs, report) {
    const { program, device } = this
    const arena = this.#part("arena", layout.arenaWords * 4, usage.storage | usage.copyDst | usage.copySrc)
    const wordAt = (/** @type {number} */ region) => /** @type {number} */ (layout.offsets[region])
    /** @type {Map<number, Part>} */
    const bound = new Map([
      [0, { buffer: this.#uniformOf(layout), offset: 0, size: layout.uniform.byteLength }],
      [1, arena],
    ])
    // No binding is empty, and none is bound twice.
    const bind = (/** @type {number} */ binding, /** @type {Part} */ part) =>
      bound.set(binding, part.size > 0 ? part : this.#part(`no elements ${binding}`, 4, usage.storage))
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
    this.#waysOf(layout).forEach(({ pipeline, layout: groupLayout, bindings }, d) => {
      const entries = bindings.map((binding) => ({ binding, resource: bound.get(binding) }))
      pass.setPipeline(/** @type {object} */ (pipeline))
      pass.setBindGroup(0, /** @type {never} */ (device.createBindGroup({ layout: groupLayout, entries })))
      pass.dispatchWorkgroups(/** @type {{ workgroups: number }} */ (layout.dispatches[d]).workgroups)
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
    const results = program.results.length
    if (results > 0) encoder.copyBufferToBuffer(arena.buffer, 0, report, 0, results * 4)
    this.scan?.record(encoder, outputs, report, results * 4)
    return arena.buffer
  }

  /** @param {Layout} layout */
  #uniformOf({ uniform }) {
    const same =
      this.#uniform?.words.length === uniform.length && this.#uniform.words.every((x, i) => x === uniform[i])
    if (!this.#uniform || !same) {
      if (!this.#isShared) this.#uniform?.buffer.destroy()
      const buffer = this.device.createBuffer({
        size: uniform.byteLength,
        usage: usage.uniform,
        mappedAtCreation: true,
      })
      new Int32Array(buffer.getMappedRange()).set(uniform)
      buffer.unmap()
      this.#uniform = { words: uniform, buffer }
    }
    return this.#uniform.buffer
  }

  /**
   * A part of a buffer that stays for later calls and grows when it must.
   * @param {string} name
   * @param {number} bytes
   * @param {number} usage
   * @returns {Part}
   */
  #part(name, bytes, usage) {
    const size = Math.max(16, Math.ceil(bytes / 4) * 4)
    let buffer = this.#buffers.get(name)
    if (!buffer || buffer.size < size) {
      if (!this.#isShared) buffer?.destroy()
      buffer = this.device.createBuffer({ label: `lossc ${name}`, size, usage })
      this.#buffers.set(name, buffer)
    }
    return { buffer, offset: 0, size: bytes }
  }

  /** @param {number} bytes */
  #takeReadable(bytes) {
    const at = this.#readable.findIndex((buffer) => buffer.size >= bytes)
    const [found] = at >= 0 ? this.#readable.splice(at, 1) : []
    if (found) return found
    // Those that are too small now would stay so.
    this.#readable.splice(0).forEach((buffer) => buffer.destroy())
    return this.device.createBuffer({ size: Math.max(4, bytes), usage: usage.mapRead | usage.copyDst })
  }

  /**
   * Does something with the device and throws if the device finds a fault in it. It is done before this returns.
   * @template T
   * @param {() => T} action
   * @returns {Promise<T>}
   */
  #guarded(action) {
    const { device } = this
    device.pushErrorScope("internal")
    device.pushErrorScope("out-of-memory")
    device.pushErrorScope("validation")
    /** @type {T | undefined} */
    let result
    /** @type {unknown} */
    let thrown
    try {
      result = action()
    } catch (error) {
      thrown = error ?? new Error("unknown fault")
    }
    const scopes = [device.popErrorScope(), device.popErrorScope(), device.popErrorScope()]
    return Promise.all(scopes).then(
      async (found) => {
        if (thrown !== undefined) throw await this.#fault(thrown)
        const error = found.find((one) => one !== null)
        if (error) throw await this.#fault(error)
        return /** @type {T} */ (result)
      },
      async (error) => {
        throw await this.#fault(error)
      },
    )
  }

  /**
   * The error for a fault that the device reports.
   * @param {unknown} error
   */
  async #fault(error) {
    // A device that is lost fails calls before it says so.
    await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 50))])
    if (this.#lost !== undefined) return this.#lostError()
    const message = /** @type {{ message?: string }} */ (error)?.message ?? String(error)
    return this.fail("device-error", `the device refused the work: ${message}`, {})
  }

  #lostError() {
    return this.fail(
      "device-lost",
      `the device was lost: ${this.#lost}`,
      {},
      "make a kernel for another device",
    )
  }

  #checkDevice() {
    if (this.#isDestroyed)
      throw this.fail("destroyed", "this kernel was given back by `destroy`", {}, "make another one")
    if (this.#lost !== undefined) throw this.#lostError()
  }
}
